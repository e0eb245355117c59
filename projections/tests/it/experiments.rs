//! Experiments, their metrics and their layers: lists, details, and what an analysis is told of them.

use std::collections::BTreeSet;

use ff_domain::{
    EnvironmentId, ExperimentEvent, FlagKey, Item, LayerEvent, MetricEvent, OrganizationId,
    OrganizationKey, Project, ProjectEvent, ProjectId, ProjectKey, References, UserId,
    experiment::{CreateExperiment, Status},
};
use ff_eventlog::Position;
use ff_projections::{
    ProjectionName, QueryError,
    queries::{
        Dossier, ExperimentFilter, ExperimentSort, LayerFilter, MetricFilter, Page, StateFilter,
    },
    replay,
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::{
    trials::{
        counting, experiment_id, guardrail, key, layer_key, metric_key, new_experiment, started,
    },
    world::{World, at, environment, flag_id, new_flag, organization, project, renamed},
};

async fn listed(world: &World, filter: &ExperimentFilter) -> Vec<String> {
    let mut found = Vec::new();
    let mut next = Some(Page::new(Some(2), None).unwrap());
    while let Some(page) = next {
        let slice = world.queries.experiments(project(), filter, &page).await.unwrap();
        next = slice.next_cursor.map(|cursor| page.after(cursor));
        found.extend(slice.items.into_iter().map(|row| row.key.to_string()));
    }
    found
}

#[tokio::test]
async fn experiments_are_listed_searched_and_filtered() {
    let mut world = World::new().await;
    world.found().await;
    let owner = UserId(Uuid::from_u128(5));
    let plain = new_experiment("plain", &["m"]);
    let running = CreateExperiment {
        owner: Some(owner),
        tags: BTreeSet::from(["shop".to_owned(), "now".to_owned()]),
        ..new_experiment("running", &["m", "n"])
    };
    let mut elsewhere = CreateExperiment {
        environment: environment("staging"),
        flag: FlagKey::parse("b").unwrap(),
        hypothesis: "Ärger 100%".to_owned(),
        ..new_experiment("elsewhere", &["n"])
    };
    elsewhere.design.layer = Some(layer_key("l"));
    let old = new_experiment("old", &["m"]);
    for new in [&plain, &running, &elsewhere, &old] {
        world.draft(new).await;
    }
    world.change_experiment("running", &started(&running, at(1))).await;
    world.change_experiment("elsewhere", &started(&elsewhere, at(1))).await;
    let paused = ExperimentEvent::Paused { at: at(2), reason: None };
    world.change_experiment("elsewhere", &[paused]).await;
    world.change_experiment("old", &started(&old, at(1))).await;
    world.change_experiment("old", &[ExperimentEvent::Stopped { at: at(9) }]).await;
    world.change_experiment("old", &[ExperimentEvent::Archived {}]).await;
    replay(&world.log, world.pool(), ProjectionName::Catalog, |_| {}).await.unwrap();

    let none = ExperimentFilter::default;
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
    for (filter, expected) in [
        (none(), vec!["elsewhere", "plain", "running"]),
        (ExperimentFilter { state: StateFilter::Archived, ..none() }, vec!["old"]),
        (
            ExperimentFilter { state: StateFilter::All, ..none() },
            vec!["elsewhere", "old", "plain", "running"],
        ),
        (ExperimentFilter { status: vec![Status::Draft], ..none() }, vec!["plain"]),
        (
            ExperimentFilter { status: vec![Status::Running, Status::Paused], ..none() },
            vec!["elsewhere", "running"],
        ),
        (ExperimentFilter { status: vec![Status::Stopped], ..none() }, vec![]),
        (
            ExperimentFilter { flag: Some(FlagKey::parse("b").unwrap()), ..none() },
            vec!["elsewhere"],
        ),
        (
            ExperimentFilter { environment: Some(environment("production")), ..none() },
            vec!["plain", "running"],
        ),
        (
            ExperimentFilter { metric: Some(metric_key("n")), ..none() },
            vec!["elsewhere", "running"],
        ),
        (ExperimentFilter { owner: Some(owner), ..none() }, vec!["running"]),
        (ExperimentFilter { tags: tags(&["now", "shop"]), ..none() }, vec!["running"]),
        (ExperimentFilter { tags: tags(&["now", "never"]), ..none() }, vec![]),
        (ExperimentFilter { search: Some("ÄRGER 100%".to_owned()), ..none() }, vec!["elsewhere"]),
        (
            ExperimentFilter { sort: ExperimentSort::Updated, state: StateFilter::All, ..none() },
            vec!["old", "elsewhere", "running", "plain"],
        ),
    ] {
        assert_eq!(listed(&world, &filter).await, expected, "{filter:?}");
    }
    let any = ExperimentFilter { state: StateFilter::All, ..none() };
    let all = world.queries.experiments(project(), &any, &Page::default()).await.unwrap().items;
    let times: Vec<_> =
        all.iter().map(|row| (row.iteration, row.started_at, row.ended_at)).collect();
    let began = Some(at(1));
    let expected = [
        (Some(1), began, None),
        (Some(1), began, Some(at(9))),
        (None, None, None),
        (Some(1), began, None),
    ];
    assert_eq!(times, expected);
    let page = Page::new(Some(1), None).unwrap();
    let cursor = world.queries.experiments(project(), &none(), &page).await.unwrap().next_cursor;
    let other = ExperimentFilter { sort: ExperimentSort::Updated, ..none() };
    let refused = world.queries.experiments(project(), &other, &page.after(cursor.unwrap())).await;
    assert!(matches!(refused, Err(QueryError::BadCursor)));

    let document = world.queries.experiment(experiment_id("old")).await.unwrap().unwrap();
    assert!(document.archived && document.state.status == Status::Stopped);
    assert_eq!(document.version, 4);
    let used = world.queries.experiments_in(project(), &layer_key("l")).await.unwrap();
    assert_eq!(used, [key("elsewhere")]);
}

#[tokio::test]
async fn metrics_and_layers_and_who_uses_them() {
    let mut world = World::new().await;
    world.found().await;
    world.create_metric("clicks", "clicked").await;
    world.create_metric("orders", "bought").await;
    world.create_metric("old", "bought").await;
    world.change_metric("old", MetricEvent::Archived {}).await;
    world.create_layer("checkout").await;
    world.create_layer("global").await;
    world.change_layer("global", LayerEvent::Archived {}).await;
    let item = Item::Experiment(key("e"));
    let metrics = BTreeSet::from([metric_key("orders")]);
    let references = References { metrics, ..References::default() };
    let event = ProjectEvent::ReferencesReplaced { item: item.clone(), references };
    world.write::<Project>(project().0, &[event]).await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;

    let metrics = async |filter: MetricFilter| {
        let mut found = Vec::new();
        let mut next = Some(Page::new(Some(1), None).unwrap());
        while let Some(page) = next {
            let slice = world.queries.metrics(project(), &filter, &page).await.unwrap();
            next = slice.next_cursor.map(|cursor| page.after(cursor));
            found.extend(slice.items.into_iter().map(|metric| metric.state.key.to_string()));
        }
        found
    };
    let none = MetricFilter::default;
    assert_eq!(metrics(none()).await, ["clicks", "orders"]);
    let all = MetricFilter { state: StateFilter::All, ..none() };
    assert_eq!(metrics(all.clone()).await, ["clicks", "old", "orders"]);
    let event = Some("bought".to_owned());
    assert_eq!(metrics(MetricFilter { event, ..all }).await, ["old", "orders"]);
    assert_eq!(metrics(MetricFilter { kind: Some("count"), ..none() }).await.len(), 2);
    assert!(metrics(MetricFilter { kind: Some("mean"), ..none() }).await.is_empty());
    let tags = vec!["of clicked".to_owned()];
    assert_eq!(metrics(MetricFilter { tags, ..none() }).await, ["clicks"]);
    let search = Some("THE ORD".to_owned());
    assert_eq!(metrics(MetricFilter { search, ..none() }).await, ["orders"]);
    let orders = Item::Metric(metric_key("orders"));
    assert_eq!(world.queries.used_by(project(), &orders).await.unwrap(), [item]);

    let layers = async |filter: LayerFilter| {
        let found = world.queries.layers(project(), &filter, &Page::default()).await.unwrap();
        found.items.into_iter().map(|layer| layer.state.key.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(layers(LayerFilter::default()).await, ["checkout"]);
    let all = LayerFilter { state: StateFilter::All, search: Some("GLO".to_owned()) };
    assert_eq!(layers(all).await, ["global"]);
}

async fn dossier(world: &World, at: Option<Position>) -> Option<Dossier> {
    let queries = &world.queries;
    queries.experiment_dossier(organization(), project(), &key("e"), at).await.unwrap()
}

#[tokio::test]
async fn a_dossier_is_the_same_again_as_of_its_position() {
    let mut world = World::new().await;
    world.found().await;
    world.create_flag(new_flag("a")).await;
    for metric in ["decides", "explains", "guards", "both"] {
        world.create_metric(metric, "bought").await;
    }
    let mut new = new_experiment("e", &["decides", "both"]);
    new.design.metrics.secondary = vec![metric_key("explains")];
    new.design.metrics.guardrails = vec![guardrail("guards"), guardrail("both")];
    let drafted = world.draft(&new).await;
    world.change_experiment("e", &started(&new, at(1))).await;
    let running = world.project();
    world.caught_up().await;

    let now = dossier(&world, None).await.unwrap();
    assert_eq!(now.position, world.last);
    assert_eq!((now.version, now.flag_version), (2, 1));
    assert_eq!(now.experiment.status, Status::Running);
    assert_eq!(now.environment_id, EnvironmentId::of(project(), &environment("production")));
    let keys: Vec<_> = now.metrics.iter().map(|(metric, _)| metric.key.as_str()).collect();
    assert_eq!(keys, ["decides", "both", "explains", "guards"]);
    assert_eq!(dossier(&world, Some(now.position)).await.as_ref(), Some(&now));
    let draft = dossier(&world, Some(drafted)).await.unwrap();
    assert_eq!((draft.version, draft.experiment.status), (1, Status::Draft));
    let before = world.queries.position(ProjectionName::Archive).await.unwrap();
    assert_eq!(before, now.position);

    let redefined = MetricEvent::Redefined { definition: counting("paid"), version: 2 };
    world.change_metric("decides", redefined).await;
    world.change_flag("a", renamed("other")).await;
    world.caught_up().await;
    assert_eq!(dossier(&world, Some(now.position)).await.as_ref(), Some(&now));
    let later = dossier(&world, None).await.unwrap();
    assert_eq!((later.version, later.flag_version), (2, 2));
    assert_eq!((later.metrics[0].0.version, later.metrics[0].1), (2, 2));
    assert_eq!(dossier(&world, Some(later.position)).await, Some(later));

    let queries = &world.queries;
    let elsewhere = OrganizationId(Uuid::nil());
    for at in [None, Some(world.last)] {
        let of = queries.experiment_dossier(elsewhere, project(), &key("e"), at).await;
        assert_eq!(of.unwrap(), None, "another tenant has no such experiment");
        let of = queries.experiment_dossier(organization(), project(), &key("none"), at).await;
        assert_eq!(of.unwrap(), None);
    }
    let first = Position::new(world.last.epoch(), 1);
    assert_eq!(dossier(&world, Some(first)).await, None);
    running.stop().await;
}

#[tokio::test]
async fn those_whose_results_may_still_change_are_known_whosever_they_are() {
    let mut world = World::new().await;
    world.found().await;
    let other = OrganizationId::of(&OrganizationKey::parse("other").unwrap());
    let web = ProjectKey::parse("web").unwrap();
    let theirs = ProjectId::of(other, &web);
    let created = ProjectEvent::Created {
        organization: other,
        key: web,
        name: "Theirs".to_owned(),
        description: String::new(),
    };
    world.write::<Project>(theirs.0, &[created]).await;
    let now = Timestamp::now();
    let long_ago = now - SignedDuration::from_hours(24 * 500);
    for (name, ended, paused) in [
        ("running", None, false),
        ("paused", None, true),
        ("just-stopped", Some(now), false),
        ("long-stopped", Some(long_ago), false),
    ] {
        let new = new_experiment(name, &["m"]);
        world.draft(&new).await;
        world.change_experiment(name, &started(&new, long_ago)).await;
        if paused {
            let event = ExperimentEvent::Paused { at: now, reason: None };
            world.change_experiment(name, &[event]).await;
        }
        if let Some(at) = ended {
            world.change_experiment(name, &[ExperimentEvent::Stopped { at }]).await;
        }
    }
    world.draft(&new_experiment("draft", &["m"])).await;
    let new = CreateExperiment { project: theirs, ..new_experiment("abroad", &["m"]) };
    world.draft(&new).await;
    let id = ff_domain::ExperimentId::of(theirs, &key("abroad")).0;
    world.write::<ff_domain::Experiment>(id, &started(&new, long_ago)).await;
    replay(&world.log, world.pool(), ProjectionName::Catalog, |_| {}).await.unwrap();

    let active = world.queries.active_experiments().await.unwrap();
    let found: BTreeSet<_> =
        active.iter().map(|one| (one.organization, one.key.as_str(), one.status)).collect();
    let us = organization();
    let expected = BTreeSet::from([
        (us, "just-stopped", Status::Stopped),
        (us, "paused", Status::Paused),
        (us, "running", Status::Running),
        (other, "abroad", Status::Running),
    ]);
    assert_eq!(found, expected);
    let abroad = active.iter().find(|one| one.organization == other).unwrap();
    assert_eq!((abroad.project, abroad.version), (theirs, 2));
    assert_eq!(abroad.environment_id, EnvironmentId::of(theirs, &environment("production")));
}

#[tokio::test]
async fn details_are_read_back_by_a_projector_that_has_them_not_in_memory() {
    let mut world = World::new().await;
    world.found().await;
    world.create_flag(new_flag("a")).await;
    world.one_of_each(project()).await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    let at = at(50);
    world.change_experiment("e", &[ExperimentEvent::Stopped { at }]).await;
    world.change_metric("m", MetricEvent::Renamed { name: "Other".to_owned() }).await;
    let released =
        LayerEvent::Released { environment: environment("production"), experiment: key("e") };
    world.change_layer("l", released).await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    let queries = &world.queries;
    let found = queries.experiment(experiment_id("e")).await.unwrap().unwrap();
    assert_eq!((found.version, found.state.status), (3, Status::Stopped));
    assert_eq!(found.state.iterations[0].ended_at, Some(at));
    let id = ff_domain::MetricId::of(project(), &metric_key("m"));
    let metric = queries.metric(id).await.unwrap().unwrap();
    assert_eq!((metric.version, metric.state.version), (3, 2));
    let id = ff_domain::LayerId::of(project(), &layer_key("l"));
    assert!(queries.layer(id).await.unwrap().unwrap().state.allocations.is_empty());
    assert!(queries.flag(flag_id("a")).await.unwrap().is_some());
}
