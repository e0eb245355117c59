//! Lists with search, filters and pages, and details.

use std::collections::BTreeSet;

use ff_domain::{
    ApiKey, ApiKeyEvent, ApiKeyState, EnvironmentId, Item, Project, ProjectEvent, References,
    Segment, SegmentEvent, SegmentKey, SegmentState, UserId,
    api_key::{EnvironmentScope, KeyPurpose, TokenRole, TokenScope},
    flag::{CreateFlag, Lifetime},
    segment::Members,
};
use ff_evaluator::ValueType;
use ff_projections::{
    ProjectionName, QueryError,
    queries::{ApiKeyFilter, FlagFilter, FlagRow, FlagSort, Page, SegmentFilter, StateFilter},
    replay,
};
use uuid::Uuid;

use crate::world::{
    SOMEONE, World, environment, flag_id, new_flag, organization, project, renamed,
};

const COUNT: usize = 10_000;

/// Flags that differ in everything a filter asks for.
fn varied(number: usize) -> CreateFlag {
    let kinds = [ValueType::Boolean, ValueType::String, ValueType::Number, ValueType::Json];
    CreateFlag {
        kind: kinds[number % 4],
        lifetime: if number.is_multiple_of(3) { Lifetime::Permanent } else { Lifetime::Temporary },
        owner: number.is_multiple_of(5).then_some(UserId(Uuid::from_u128(5))),
        tags: [2, 7, 100]
            .into_iter()
            .filter(|n| number.is_multiple_of(*n))
            .map(|n| format!("by {n}"))
            .collect(),
        client_side: number.is_multiple_of(11),
        description: if number == 4321 { "ÄRGER 100%_sure".to_owned() } else { String::new() },
        ..new_flag(&format!("flag-{number:05}"))
    }
}

async fn all(world: &World, filter: &FlagFilter) -> Vec<FlagRow> {
    let mut found = Vec::new();
    let mut next = Some(Page::new(Some(200), None).unwrap());
    while let Some(page) = next {
        let slice = world.queries.flags(project(), filter, &page).await.unwrap();
        next = slice.next_cursor.map(|cursor| page.after(cursor));
        found.extend(slice.items);
    }
    found
}

#[tokio::test]
async fn ten_thousand_flags_are_listed_searched_and_filtered() {
    let mut world = World::new().await;
    world.found().await;
    for number in 0..COUNT {
        world.create_flag(varied(number)).await;
    }
    for number in (0..COUNT).step_by(10) {
        let event = ff_domain::FlagEvent::Archived {};
        world.change_flag(&format!("flag-{number:05}"), event).await;
    }
    let on = ff_domain::FlagEvent::TurnedOn { environment: environment("staging") };
    world.change_flag("flag-00001", on).await;
    replay(&world.log, world.pool(), ProjectionName::Catalog, |_| {}).await.unwrap();

    let none = FlagFilter::default;
    let any = || FlagFilter { state: StateFilter::All, ..FlagFilter::default() };
    let numbers = |rows: &[FlagRow]| -> Vec<usize> {
        rows.iter().map(|row| row.key[5..].parse().unwrap()).collect()
    };
    let those = |keep: &dyn Fn(usize) -> bool| (0..COUNT).filter(|n| keep(*n)).collect::<Vec<_>>();
    let by = |n: usize| move |number: usize| number.is_multiple_of(n);

    let live = all(&world, &none()).await;
    assert_eq!(numbers(&live), those(&|n| n % 10 != 0));
    assert_eq!(live[0].enabled_in, ["staging"]);
    assert_eq!(numbers(&all(&world, &any()).await), those(&|_| true));
    let archived = FlagFilter { state: StateFilter::Archived, ..none() };
    assert_eq!(numbers(&all(&world, &archived).await), those(&by(10)));
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
    for (filter, expected) in [
        (FlagFilter { tags: tags(&["by 7"]), ..any() }, those(&by(7))),
        (FlagFilter { tags: tags(&["by 7", "by 100"]), ..any() }, those(&by(700))),
        (FlagFilter { tags: tags(&["by"]), ..any() }, vec![]),
        (FlagFilter { kind: Some(ValueType::Number), ..any() }, those(&|n| n % 4 == 2)),
        (FlagFilter { lifetime: Some(Lifetime::Permanent), ..any() }, those(&by(3))),
        (FlagFilter { owner: Some(UserId(Uuid::from_u128(5))), ..any() }, those(&by(5))),
        (FlagFilter { client_side: Some(true), ..any() }, those(&by(11))),
        (FlagFilter { client_side: Some(false), ..any() }, those(&|n| n % 11 != 0)),
        (FlagFilter { search: Some("FLAG-0123".to_owned()), ..any() }, (1230..1240).collect()),
        (FlagFilter { search: Some("ärger 100%_".to_owned()), ..any() }, vec![4321]),
        (FlagFilter { search: Some("1\nthe".to_owned()), ..any() }, those(&|n| n % 10 == 1)),
        (FlagFilter { search: Some(String::new()), ..none() }, those(&|n| n % 10 != 0)),
        (
            FlagFilter {
                tags: tags(&["by 2"]),
                lifetime: Some(Lifetime::Permanent),
                search: Some("flag-09".to_owned()),
                ..none()
            },
            those(&|n| n % 6 == 0 && n % 10 != 0 && n >= 9000),
        ),
    ] {
        assert_eq!(numbers(&all(&world, &filter).await), expected, "{filter:?}");
    }

    let recent = all(&world, &FlagFilter { sort: FlagSort::Updated, ..any() }).await;
    assert_eq!(recent.len(), COUNT);
    assert_eq!(recent[0].key, "flag-00001");
    assert!(recent.is_sorted_by(|a, b| (a.updated_at, a.id) > (b.updated_at, b.id)));
    // A cursor is for the list and the order it was made by.
    let page = Page::new(Some(1), None).unwrap();
    let cursor = world.queries.flags(project(), &none(), &page).await.unwrap().next_cursor;
    let other = FlagFilter { sort: FlagSort::Updated, ..none() };
    let refused = world.queries.flags(project(), &other, &page.after(cursor.unwrap())).await;
    assert!(matches!(refused, Err(QueryError::BadCursor)));
    let elsewhere = ff_domain::ProjectId(Uuid::nil());
    let found = world.queries.flags(elsewhere, &none(), &Page::default()).await.unwrap();
    assert!(found.items.is_empty());
}

#[tokio::test]
async fn an_organization_and_what_is_in_it() {
    let mut world = World::new().await;
    world.found().await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    let queries = &world.queries;

    let mine = queries.organizations_of(SOMEONE).await.unwrap();
    assert_eq!(mine.iter().map(|o| o.state.name.as_str()).collect::<Vec<_>>(), ["Acme"]);
    assert!(queries.organizations_of(UserId(Uuid::nil())).await.unwrap().is_empty());
    assert_eq!(queries.organization(organization()).await.unwrap().unwrap().version, 1);
    let members = queries.memberships(organization(), &Page::default()).await.unwrap().items;
    assert_eq!(members[0].state.user, SOMEONE);
    assert!(queries.membership(members[0].state.id()).await.unwrap().is_some());

    let projects = queries.projects(organization(), None, &Page::default()).await.unwrap();
    assert_eq!(projects.items[0].description, "The shop");
    let list = async |only: &[ff_domain::ProjectId]| {
        let found = queries.projects(organization(), Some(only), &Page::default()).await.unwrap();
        found.items.len()
    };
    assert_eq!((list(&[project()]).await, list(&[]).await), (1, 0));
    let key = ff_domain::ProjectKey::parse("web").unwrap();
    let document = queries.project(organization(), &key).await.unwrap().unwrap();
    assert_eq!((document.state.id(), document.version), (project(), 1));
    let elsewhere = ff_domain::OrganizationId(Uuid::nil());
    assert!(queries.project(elsewhere, &key).await.unwrap().is_none());

    let environments = queries.environments(project()).await.unwrap();
    let keys: Vec<&str> = environments.iter().map(|e| e.state.key.as_str()).collect();
    assert_eq!(keys, ["production", "staging"]);
    let id = EnvironmentId::of(project(), &environment("staging"));
    let staging = queries.environment(id).await.unwrap().unwrap();
    assert!(!staging.state.production && !staging.archived);
}

#[tokio::test]
async fn segments_and_who_uses_them() {
    let mut world = World::new().await;
    world.found().await;
    let key = |key: &str| SegmentKey::parse(key).unwrap();
    for (name, tags) in [("beta", vec!["a"]), ("staff", vec![])] {
        let state = SegmentState {
            project: project(),
            key: key(name),
            name: format!("Our {name}"),
            description: String::new(),
            tags: tags.into_iter().map(str::to_owned).collect(),
            members: Members { included: BTreeSet::from(["u1".to_owned()]), ..Members::default() },
        };
        let id = state.id().0;
        world.write::<Segment>(id, &[SegmentEvent::Created(state)]).await;
    }
    world.create_flag(new_flag("a")).await;
    let user = Item::Flag(ff_domain::FlagKey::parse("a").unwrap());
    let references =
        References { segments: BTreeSet::from([key("beta")]), ..References::default() };
    let event = ProjectEvent::ReferencesReplaced { item: user.clone(), references };
    world.write::<Project>(project().0, &[event]).await;
    let staff = ff_domain::SegmentId::of(project(), &key("staff"));
    world.write::<Segment>(staff.0, &[SegmentEvent::Archived {}]).await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;

    let list = async |filter: SegmentFilter| {
        let found = world.queries.segments(project(), &filter, &Page::default()).await.unwrap();
        found.items.into_iter().map(|segment| segment.key).collect::<Vec<_>>()
    };
    let none = SegmentFilter::default;
    assert_eq!(list(none()).await, ["beta"]);
    assert_eq!(list(SegmentFilter { state: StateFilter::All, ..none() }).await, ["beta", "staff"]);
    assert_eq!(list(SegmentFilter { search: Some("OUR B".to_owned()), ..none() }).await, ["beta"]);
    assert_eq!(list(SegmentFilter { tags: vec!["a".to_owned()], ..none() }).await, ["beta"]);
    assert!(list(SegmentFilter { tags: vec!["b".to_owned()], ..none() }).await.is_empty());
    let document = world.queries.segment(staff).await.unwrap().unwrap();
    assert!(document.archived && document.state.members.included.contains("u1"));
    let beta = Item::Segment(key("beta"));
    assert_eq!(world.queries.used_by(project(), &beta).await.unwrap(), [user]);
    assert!(
        world.queries.used_by(project(), &Item::Segment(key("staff"))).await.unwrap().is_empty()
    );
}

#[tokio::test]
async fn keys_are_listed_without_their_hash() {
    let mut world = World::new().await;
    world.found().await;
    let running = world.project();
    let scope = EnvironmentScope {
        project: ff_domain::ProjectKey::parse("web").unwrap(),
        environment: environment("staging"),
    };
    let keys = [
        KeyPurpose::ApiToken(TokenScope::everywhere(TokenRole::Editor)),
        KeyPurpose::SdkServer(scope.clone()),
        KeyPurpose::SdkClient(scope),
    ];
    let mut ids = Vec::new();
    for (number, purpose) in keys.into_iter().enumerate() {
        let state = ApiKeyState {
            organization: organization(),
            name: format!("key {number}"),
            purpose,
            hash: format!("{number}").repeat(64),
            prefix: "ff_abc".to_owned(),
            expires_at: (number == 0).then(|| "2030-01-01T00:00:00Z".parse().unwrap()),
            replaces: None,
            replaced_by: None,
        };
        let id = state.id().unwrap();
        world.write::<ApiKey>(id.0, &[ApiKeyEvent::Issued(state)]).await;
        ids.push(id);
    }
    world.caught_up().await;
    running.stop().await;
    // Revoked by one that does not have it in memory.
    world.write::<ApiKey>(ids[1].0, &[ApiKeyEvent::Revoked {}]).await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;

    let list = async |filter: ApiKeyFilter| {
        let mut found = Vec::new();
        let mut next = Some(Page::new(Some(1), None).unwrap());
        while let Some(page) = next {
            let slice = world.queries.api_keys(organization(), &filter, &page).await.unwrap();
            next = slice.next_cursor.map(|cursor| page.after(cursor));
            found.extend(slice.items.into_iter().map(|key| key.name));
        }
        found
    };
    let every = StateFilter::All;
    let none = ApiKeyFilter::default;
    assert_eq!(list(ApiKeyFilter { state: every, ..none() }).await, ["key 2", "key 1", "key 0"]);
    assert_eq!(list(none()).await, ["key 2", "key 0"]);
    let staging = Some(EnvironmentId::of(project(), &environment("staging")));
    assert_eq!(
        list(ApiKeyFilter { environment: staging, state: every, ..none() }).await,
        ["key 2", "key 1"]
    );
    let revoked = world.queries.api_key(ids[1]).await.unwrap().unwrap();
    assert!(revoked.revoked && revoked.version == 2);
    let token = world.queries.api_key(ids[0]).await.unwrap().unwrap();
    assert_eq!(token.purpose, KeyPurpose::ApiToken(TokenScope::everywhere(TokenRole::Editor)));
    assert_eq!(token.expires_at.unwrap().to_string(), "2030-01-01T00:00:00Z");
    let dump = world.dump(ProjectionName::Catalog, 1).await;
    assert!(!dump.contains(&"1".repeat(64)));
}

#[tokio::test]
async fn details_follow_every_change() {
    let mut world = World::new().await;
    world.found().await;
    let running = world.project();
    let created = world.create_flag(new_flag("a")).await;
    world.caught_up().await;
    running.stop().await;
    // The second projector has to read the state back from the table.
    let changed = world.change_flag("a", renamed("new")).await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    let flag = world.queries.flag(flag_id("a")).await.unwrap().unwrap();
    assert_eq!((flag.version, flag.position, flag.state.name.as_str()), (2, changed, "new"));
    assert!(flag.created_at < flag.updated_at && created < changed);
    assert!(world.queries.flag(flag_id("b")).await.unwrap().is_none());
}
