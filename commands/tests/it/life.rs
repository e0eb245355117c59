//! What commands do when nothing is in their way.

use ff_commands::{CommandError, Parent};
use ff_domain::{
    ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyId, ApiKeyState, Environment, EnvironmentCommand,
    Flag, FlagCommand, FlagError, FlagId, Item, Membership, MembershipId, Organization,
    OrganizationError, OrganizationId, Project, ProjectError, ProjectId, Segment, SegmentCommand,
    UserId,
    api_key::{EnvironmentScope, KeyPurpose},
};
use ff_eventlog::{EventLog, Position};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{
    World, for_segment, meta, meta_of, new_environment, new_flag, new_project, new_segment,
    on_both_logs, permit, require, turn_off, turn_on,
};

on_both_logs! {
    an_organization_is_founded_with_its_owner
    a_flag_lives
    what_changes_nothing_commits_nothing
    another_version_is_refused
    nothing_is_created_in_what_does_not_exist
    another_organization_s_things_are_not_found
    keys_are_for_environments_that_exist
    mentions_are_committed_with_the_project
}

async fn an_organization_is_founded_with_its_owner<L: EventLog>(world: World<L>) {
    let owner = UserId(Uuid::from_u128(8));
    let key: ff_domain::OrganizationKey = "globex".parse().unwrap();
    let org = OrganizationId::of(&key);
    let grant =
        permit(ff_auth::Permission::OrganizationCreate, ff_auth::Scope::organization(org.0));
    let meta = meta();
    let found = || {
        let (key, meta) = (key.clone(), meta.clone());
        world.executor.create_organization(&grant, key, "Globex".to_owned(), owner, meta)
    };
    let first = found().await.unwrap();
    assert!(first.changed && !first.repeated);
    assert_eq!(first.version, 1);
    assert_eq!(first.position, world.log.head().await.unwrap());

    let (member, version, position) =
        world.executor.load::<Membership>(org, MembershipId::of(org, owner)).await.unwrap();
    assert!(member.is_owner());
    assert_eq!((version, position), (1, Some(first.position)));
    let Organization::Live(organization) = &first.aggregate else { panic!("it is founded") };
    assert_eq!(organization.owners, [owner].into(), "it knows who owns it");
    let (known, ..) = world.executor.load::<Organization>(org, org).await.unwrap();
    assert_eq!(known, first.aggregate);

    let again = found().await.unwrap();
    assert!(again.repeated);
    assert_eq!((again.version, again.position), (first.version, first.position));

    let other = world.executor.create_organization(
        &grant,
        key.clone(),
        "Other".to_owned(),
        UserId(Uuid::from_u128(9)),
        crate::fixture::meta(),
    );
    let error = other.await.unwrap_err();
    assert!(
        matches!(&error, CommandError::Rejected(OrganizationError::AlreadyExists(_))),
        "{error:?}"
    );
    assert_eq!(world.log.head().await.unwrap(), first.position);
}

async fn a_flag_lives<L: EventLog>(world: World<L>) {
    let id = world.flag("checkout");
    let created = world.create_flag("checkout").await;
    assert_eq!((created.version, created.changed), (1, true));

    let on = world.run::<Flag>(id, turn_on("dev")).await.unwrap();
    assert_eq!(on.version, 2);
    assert!(on.position > created.position);
    let dev = "dev".parse().unwrap();
    assert!(on.aggregate.state().unwrap().environment(&dev).enabled);

    world.create_flag("base").await;
    let targeted = world.run::<Flag>(id, require("base", "on")).await.unwrap();
    assert_eq!(targeted.version, 3);
    assert_eq!(
        targeted.aggregate.state().unwrap().environment(&dev).targeting.prerequisites.len(),
        1
    );

    let archived = world.run::<Flag>(id, FlagCommand::Archive).await.unwrap();
    assert!(matches!(archived.aggregate, Flag::Archived(_)));
    let error = world.run::<Flag>(id, turn_off("dev")).await.unwrap_err();
    assert!(matches!(error, CommandError::Rejected(FlagError::Archived(_))), "{error:?}");
    assert_eq!(error.code(), "FF-1202");
    let restored = world.run::<Flag>(id, FlagCommand::Restore).await.unwrap();
    assert_eq!((&restored.aggregate, restored.version), (&targeted.aggregate, 5));

    assert_eq!(world.load::<Flag>(id).await, (restored.aggregate, 5));
    let versions: Vec<_> =
        world.history::<Flag>(id).await.iter().map(|commit| commit.commit.version).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5]);
}

async fn what_changes_nothing_commits_nothing<L: EventLog>(world: World<L>) {
    let id = world.flag("checkout");
    world.create_flag("checkout").await;
    let on = world.run::<Flag>(id, turn_on("dev")).await.unwrap();
    let head = world.log.head().await.unwrap();
    for world in [&world, &world.elsewhere()] {
        let again = world.run::<Flag>(id, turn_on("dev")).await.unwrap();
        assert!(!again.changed && !again.repeated);
        assert_eq!((again.version, again.position), (on.version, on.position));
        assert_eq!(again.aggregate, on.aggregate);
    }
    assert_eq!(world.log.head().await.unwrap(), head);
}

async fn another_version_is_refused<L: EventLog>(world: World<L>) {
    let id = world.flag("checkout");
    world.create_flag("checkout").await;
    let elsewhere = world.elsewhere();
    elsewhere.run::<Flag>(id, turn_on("dev")).await.unwrap();

    let error = world.run_at::<Flag>(id, turn_on("prod"), meta(), Some(1)).await.unwrap_err();
    assert!(matches!(error, CommandError::VersionMismatch { expected: 1, actual: 2 }), "{error:?}");
    // Also what would change nothing is refused: the caller thinks of another state.
    let error = world.run_at::<Flag>(id, turn_on("dev"), meta(), Some(1)).await.unwrap_err();
    assert!(matches!(error, CommandError::VersionMismatch { .. }), "{error:?}");

    let done = world.run_at::<Flag>(id, turn_on("prod"), meta(), Some(2)).await.unwrap();
    assert_eq!(done.version, 3);

    let unknown = world.flag("unknown");
    let error = world.run_at::<Flag>(unknown, turn_on("dev"), meta(), Some(4)).await.unwrap_err();
    assert!(matches!(error, CommandError::Rejected(FlagError::NotFound)), "{error:?}");
    let create = new_flag(world.project, "unknown");
    let error = world.run_at::<Flag>(unknown, create, meta(), Some(4)).await.unwrap_err();
    assert!(matches!(error, CommandError::VersionMismatch { expected: 4, actual: 0 }), "{error:?}");
}

async fn nothing_is_created_in_what_does_not_exist<L: EventLog>(world: World<L>) {
    let head = world.log.head().await.unwrap();
    let nowhere = ProjectId::of(world.org, &"nowhere".parse().unwrap());
    let flag = FlagId::of(nowhere, &"checkout".parse().unwrap());
    let error = world.run::<Flag>(flag, new_flag(nowhere, "checkout")).await.unwrap_err();
    assert!(
        matches!(error, CommandError::ParentNotFound { parent: Parent::Project(id) } if id == nowhere),
        "{error:?}"
    );
    assert_eq!(error.code(), "FF-1110");

    let environment = ff_domain::EnvironmentId::of(nowhere, &"dev".parse().unwrap());
    let create = new_environment(nowhere, "dev");
    let error = world.run::<Environment>(environment, create).await.unwrap_err();
    assert!(matches!(error, CommandError::ParentNotFound { .. }), "{error:?}");

    let segment = ff_domain::SegmentId::of(nowhere, &"beta".parse().unwrap());
    let create = new_segment(nowhere, "beta", &json!({}));
    let error = world.run::<Segment>(segment, create).await.unwrap_err();
    assert!(matches!(error, CommandError::ParentNotFound { .. }), "{error:?}");

    let stranger =
        World { org: OrganizationId::of(&"nobody".parse().unwrap()), ..world.elsewhere() };
    let project = ProjectId::of(stranger.org, &"shop".parse().unwrap());
    let create = new_project(stranger.org, "shop");
    let error = stranger.run::<Project>(project, create).await.unwrap_err();
    assert!(
        matches!(error, CommandError::ParentNotFound { parent: Parent::Organization }),
        "{error:?}"
    );
    assert_eq!(error.code(), "FF-1100");
    assert_eq!(world.log.head().await.unwrap(), head);
}

async fn another_organization_s_things_are_not_found<L: EventLog>(world: World<L>) {
    let id = world.flag("checkout");
    world.create_flag("checkout").await;
    let stranger =
        World { org: OrganizationId::of(&"globex".parse().unwrap()), ..world.elsewhere() };
    let error = stranger.run::<Flag>(id, turn_on("dev")).await.unwrap_err();
    assert!(matches!(error, CommandError::Rejected(FlagError::NotFound)), "{error:?}");
    let error = stranger.run::<Flag>(id, new_flag(world.project, "checkout")).await.unwrap_err();
    assert!(matches!(error, CommandError::ParentNotFound { .. }), "{error:?}");
    let (found, version, position) =
        stranger.executor.load::<Flag>(stranger.org, id).await.unwrap();
    assert_eq!((found, version, position), (Flag::Absent, 0, None::<Position>));
    let (organization, ..) =
        stranger.executor.load::<Organization>(stranger.org, stranger.org).await.unwrap();
    assert_eq!(organization, Organization::Absent);
}

async fn keys_are_for_environments_that_exist<L: EventLog>(world: World<L>) {
    let issue = |hash: u8, environment: &str| {
        let scope = EnvironmentScope {
            project: "shop".parse().unwrap(),
            environment: environment.parse().unwrap(),
        };
        let state = ApiKeyState {
            organization: world.org,
            name: "backend".to_owned(),
            purpose: KeyPurpose::SdkServer(scope),
            hash: format!("{hash:02x}").repeat(32),
            prefix: "ff_srv_".to_owned(),
            expires_at: None,
            replaces: None,
            replaced_by: None,
        };
        let id = ApiKeyId::of(world.org, &[hash; 32]);
        world.run::<ApiKey>(id, ApiKeyCommand::Issue(state))
    };
    assert_eq!(issue(1, "dev").await.unwrap().version, 1);
    let error = issue(2, "nowhere").await.unwrap_err();
    assert!(matches!(error, CommandError::Rejected(ApiKeyError::Invalid(_))), "{error:?}");

    let dev = world.environment("dev");
    world.elsewhere().run::<Environment>(dev, EnvironmentCommand::Archive).await.unwrap();
    let error = issue(3, "dev").await.unwrap_err();
    assert!(matches!(error, CommandError::Rejected(ApiKeyError::Invalid(_))), "{error:?}");

    let first = ApiKeyId::of(world.org, &[1; 32]);
    let revoked = world.run::<ApiKey>(first, ApiKeyCommand::Revoke).await.unwrap();
    assert!(matches!(revoked.aggregate, ApiKey::Revoked(_)));
}

async fn mentions_are_committed_with_the_project<L: EventLog>(world: World<L>) {
    let beta = world.segment("beta");
    world.create_segment("beta").await;
    world.create_flag("checkout").await;
    let meta = meta_of(Uuid::new_v4(), "cause");
    let id = world.flag("checkout");
    let done = world.run_as::<Flag>(id, for_segment("beta"), meta.clone()).await.unwrap();
    assert_eq!(done.position, world.log.head().await.unwrap());

    let of_project = world.history::<Project>(world.project).await;
    let last = of_project.last().unwrap();
    assert_eq!(last.commit.command_id, meta.command_id);
    assert_eq!(last.commit.events[0].kind, "project.references_replaced");
    assert_eq!(last.position.sequence() + 1, done.position.sequence());

    let error = world.run::<Segment>(beta, SegmentCommand::Archive).await.unwrap_err();
    let CommandError::ProjectRejected(ProjectError::StillUsed { item, by }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(item, Item::Segment("beta".parse().unwrap()));
    assert_eq!(by, [Item::Flag("checkout".parse().unwrap())]);

    world.run::<Flag>(id, FlagCommand::Archive).await.unwrap();
    world.run::<Segment>(beta, SegmentCommand::Archive).await.unwrap();
    let error = world.run::<Flag>(id, FlagCommand::Restore).await.unwrap_err();
    assert!(matches!(error, CommandError::Rejected(FlagError::Invalid(_))), "{error:?}");
}

/// A server runs commands in tasks of their own, which may move between threads.
#[tokio::test]
async fn commands_run_in_tasks() {
    let world = World::in_memory().await;
    let executor = world.executor.clone();
    let (org, project) = (world.org, world.project);
    let grant = permit(ff_auth::Permission::FlagCreate, ff_auth::Scope::organization(org.0));
    let target = ff_commands::Target::new(org, world.flag("checkout"));
    let task = tokio::spawn(async move {
        let command = new_flag(project, "checkout");
        let done = executor.execute::<Flag>(&grant, target, command, meta(), None).await;
        executor.load::<Flag>(org, target.id).await.unwrap();
        done.unwrap().version
    });
    assert_eq!(task.await.unwrap(), 1);
}
