//! Experiments from end to end: each command with all that it means for others, in one batch.

use ff_commands::CommandError;
use ff_domain::{
    Environment, EnvironmentCommand, Experiment, ExperimentCommand, ExperimentError, Flag,
    FlagCommand, FlagError, Item, Layer, LayerCommand, LayerError, Metric, MetricCommand, Project,
    ProjectError, SegmentCommand,
    experiment::{Status, Verdict},
};
use ff_eventlog::{EventLog, Recorded};
use serde_json::json;
use uuid::Uuid;

use crate::{
    fixture::{World, meta_of, on_both_logs, target, turn_off, turn_on},
    lab::{PAUSE, redesign},
};

on_both_logs! {
    an_experiment_lives
    a_change_of_layers_is_one_batch
    a_winner_is_shipped
    the_kill_switch_works_while_it_runs
    what_is_in_use_stays
    it_is_stopped_in_an_archived_environment
    an_audience_is_mentioned_by_both
}

fn ship() -> ExperimentCommand {
    ExperimentCommand::Decide {
        outcome: Verdict::Ship { variation: "on".parse().unwrap() },
        reason: "It won.".to_owned(),
    }
}

/// The events of a commit.
fn kinds(commit: &Recorded) -> Vec<&str> {
    commit.commit.events.iter().map(|event| event.kind.as_str()).collect()
}

/// The last commit of the experiment `x`, the flag `checkout` and the layer `main`, which must lie together.
async fn last_batch<L: EventLog>(world: &World<L>) -> [Recorded; 3] {
    let layer = world.history::<Layer>(world.layer("main")).await.pop().unwrap();
    let flag = world.history::<Flag>(world.flag("checkout")).await.pop().unwrap();
    let own = world.history::<Experiment>(world.experiment("x")).await.pop().unwrap();
    assert_eq!(own.position, world.log.head().await.unwrap());
    assert_eq!(layer.position.sequence() + 1, flag.position.sequence());
    assert_eq!(flag.position.sequence() + 1, own.position.sequence());
    [layer, flag, own]
}

async fn an_experiment_lives<L: EventLog>(world: World<L>) {
    world.create_metric("orders").await;
    world.create_flag("checkout").await;
    world.create_layer("main").await;
    let id = world.draft("x", "checkout", &json!({"layer": "main", "traffic": 30})).await;
    let mentions = world.history::<Project>(world.project).await.pop().unwrap();
    assert_eq!(kinds(&mentions), ["project.references_replaced"]);
    assert_eq!(mentions.commit.events[0].data["item"], "experiment:x");

    let mut meta = meta_of(Uuid::new_v4(), "cause");
    meta.comment = Some("Off we go.".to_owned());
    let done = world.run_as(id, ExperimentCommand::Start, meta.clone()).await;
    let done: ff_commands::Done<Experiment> = done.unwrap();
    let batch = last_batch(&world).await;
    assert_eq!(done.position, batch[2].position);
    assert_eq!(kinds(&batch[0]), ["layer.allocated"]);
    assert_eq!(kinds(&batch[1]), ["flag.experiment_served"]);
    assert_eq!(kinds(&batch[2]), ["experiment.started", "experiment.iteration_started"]);
    for commit in &batch {
        assert_eq!(commit.commit.command_id, meta.command_id);
        assert_eq!(commit.commit.comment, meta.comment);
    }
    let served = world.here("checkout").await.experiment.unwrap();
    assert_eq!(served.slices[0].ranges, [[1000, 4000]]);
    assert_eq!(world.buckets("main", "x").await, [[1000, 4000]]);
    let state = world.state_of(id).await;
    assert_eq!(state.iteration().unwrap().started_at, meta.at);
    assert_eq!(state.served(), Some(&served));

    world.run::<Experiment>(id, PAUSE).await.unwrap();
    assert_eq!(world.here("checkout").await.experiment, None);
    assert_eq!(world.buckets("main", "x").await.len(), 1);
    world.run::<Experiment>(id, ExperimentCommand::Resume).await.unwrap();
    assert_eq!(world.here("checkout").await.experiment, Some(served));

    world.run::<Experiment>(id, ExperimentCommand::Stop).await.unwrap();
    let flag = world.history::<Flag>(world.flag("checkout")).await.pop().unwrap();
    assert_eq!(kinds(&flag), ["flag.experiment_ended"]);
    assert_eq!(world.here("checkout").await.experiment, None);
    assert!(world.buckets("main", "x").await.is_empty());
    let (project, _) = world.load::<Project>(world.project).await;
    let Project::Live(project) = project else { panic!("it is live") };
    assert!(project.references.is_empty());
    assert_eq!(world.state_of(id).await.status, Status::Stopped);
}

async fn a_change_of_layers_is_one_batch<L: EventLog>(world: World<L>) {
    world.create_metric("orders").await;
    world.create_flag("checkout").await;
    world.create_layer("main").await;
    world.create_layer("spare").await;
    let id = world.draft("x", "checkout", &json!({"layer": "spare", "traffic": 20})).await;
    world.run::<Experiment>(id, ExperimentCommand::Start).await.unwrap();
    let before = world.log.head().await.unwrap().sequence();
    let moved = redesign(&json!({"layer": "main", "traffic": 30}));
    let done = world.run::<Experiment>(id, moved).await.unwrap();
    assert_eq!(done.position.sequence(), before + 4);
    assert!(world.buckets("spare", "x").await.is_empty());
    assert_eq!(world.buckets("main", "x").await, [[1000, 4000]]);
    let served = world.here("checkout").await.experiment.unwrap();
    assert_eq!((served.rule.as_str(), served.slices[0].seed.as_str()), ("x:2", "layer:main"));
    assert!(served.salt.is_some(), "users are shuffled");
}

async fn a_winner_is_shipped<L: EventLog>(world: World<L>) {
    let id = world.prepared("x", "checkout").await;
    for command in [ExperimentCommand::Start, ExperimentCommand::Stop, ship()] {
        world.run::<Experiment>(id, command).await.unwrap();
    }
    let off = target(&json!({"default": {"variation": "off"}}));
    world.run::<Flag>(world.flag("checkout"), off).await.unwrap();
    let done = world.run::<Experiment>(id, ExperimentCommand::Ship).await.unwrap();
    assert_eq!(done.position, world.log.head().await.unwrap());
    let (flag, _) = world.load::<Flag>(world.flag("checkout")).await;
    let here = flag.state().unwrap().environment(&"dev".parse().unwrap());
    assert_eq!(json!(here.targeting.default), json!({"variation": "on"}));
    assert!(here.experimented);
    let again = world.run::<Experiment>(id, ExperimentCommand::Ship).await.unwrap();
    assert!(!again.changed);
}

async fn the_kill_switch_works_while_it_runs<L: EventLog>(world: World<L>) {
    let id = world.prepared("x", "checkout").await;
    let flag = world.flag("checkout");
    world.run::<Flag>(flag, turn_on("dev")).await.unwrap();
    world.run::<Experiment>(id, ExperimentCommand::Start).await.unwrap();
    let off = world.run::<Flag>(flag, turn_off("dev")).await.unwrap();
    let here = off.aggregate.state().unwrap().environment(&"dev".parse().unwrap());
    assert!(!here.enabled && here.experiment.is_some());
    assert_eq!(world.state_of(id).await.status, Status::Running);
    let salted = target(&json!({"salt": "anew"}));
    let error = world.run::<Flag>(flag, salted.clone()).await.unwrap_err();
    let locked = matches!(error, CommandError::Rejected(FlagError::LockedByExperiment { .. }));
    assert!(locked && error.code() == "FF-1208", "{error:?}");
    world.run::<Experiment>(id, ExperimentCommand::Stop).await.unwrap();
    world.run::<Flag>(flag, salted).await.unwrap();
}

async fn what_is_in_use_stays<L: EventLog>(world: World<L>) {
    world.create_metric("orders").await;
    world.create_flag("checkout").await;
    let layer = world.create_layer("main").await;
    let id = world.draft("x", "checkout", &json!({"layer": "main", "traffic": 30})).await;
    let (flag, metric) = (world.flag("checkout"), world.metric("orders"));
    let x = Item::Experiment("x".parse().unwrap());
    let still_used = |error: &ProjectError| matches!(error, ProjectError::StillUsed { by, .. } if *by == [x.clone()]);
    for command in [None, Some(ExperimentCommand::Start), Some(PAUSE)] {
        if let Some(command) = command {
            world.run::<Experiment>(id, command).await.unwrap();
        }
        match world.run::<Flag>(flag, FlagCommand::Archive).await.unwrap_err() {
            CommandError::ProjectRejected(error) => assert!(still_used(&error), "{error:?}"),
            CommandError::Rejected(FlagError::LockedByExperiment { .. }) => {}
            error => panic!("{error:?}"),
        }
        let error = world.run::<Metric>(metric, MetricCommand::Archive).await.unwrap_err();
        assert!(
            matches!(&error, CommandError::ProjectRejected(error) if still_used(error)),
            "{error:?}"
        );
        let remove = FlagCommand::RemoveVariation { key: "on".to_owned() };
        assert!(world.run::<Flag>(flag, remove).await.is_err());
    }
    let error = world.run::<Layer>(layer, LayerCommand::Archive).await.unwrap_err();
    let in_use = matches!(error, CommandError::Rejected(LayerError::InUse { .. }));
    assert!(in_use && error.code() == "FF-1805", "{error:?}");
    let error = world.run::<Experiment>(id, ExperimentCommand::Archive).await.unwrap_err();
    assert_eq!(error.code(), "FF-1607");

    world.run::<Experiment>(id, ExperimentCommand::Stop).await.unwrap();
    world.run::<Layer>(layer, LayerCommand::Archive).await.unwrap();
    world.run::<Metric>(metric, MetricCommand::Archive).await.unwrap();
    world.run::<Flag>(flag, FlagCommand::Archive).await.unwrap();
    world.run::<Experiment>(id, ExperimentCommand::Archive).await.unwrap();
}

async fn it_is_stopped_in_an_archived_environment<L: EventLog>(world: World<L>) {
    world.create_metric("orders").await;
    world.create_flag("checkout").await;
    world.create_layer("main").await;
    let id = world.draft("x", "checkout", &json!({"layer": "main", "traffic": 30})).await;
    world.run::<Experiment>(id, ExperimentCommand::Start).await.unwrap();
    let dev = world.environment("dev");
    world.run::<Environment>(dev, EnvironmentCommand::Archive).await.unwrap();
    let change = redesign(&json!({"layer": "main", "traffic": 10}));
    let error = world.run::<Experiment>(id, change).await.unwrap_err();
    let gone = matches!(error, CommandError::Rejected(ExperimentError::UnknownEnvironment(_)));
    assert!(gone && error.code() == "FF-1605", "{error:?}");
    world.run::<Experiment>(id, PAUSE).await.unwrap();
    world.run::<Experiment>(id, ExperimentCommand::Stop).await.unwrap();
    assert!(world.buckets("main", "x").await.is_empty());
    assert_eq!(world.here("checkout").await.experiment, None);
    world.run::<Experiment>(id, ship()).await.unwrap();
    let error = world.run::<Experiment>(id, ExperimentCommand::Ship).await.unwrap_err();
    let refused = matches!(error, CommandError::FlagRejected(FlagError::UnknownEnvironment(_)));
    assert!(refused && error.code() == "FF-1204", "{error:?}");
}

async fn an_audience_is_mentioned_by_both<L: EventLog>(world: World<L>) {
    world.create_metric("orders").await;
    world.create_flag("checkout").await;
    world.create_segment("beta").await;
    let audience = json!({"audience": {"operator": "in_segment", "value": ["beta"]}});
    let id = world.draft("x", "checkout", &audience).await;
    let archive =
        || world.run::<ff_domain::Segment>(world.segment("beta"), SegmentCommand::Archive);
    let by = async || match archive().await.unwrap_err() {
        CommandError::ProjectRejected(ProjectError::StillUsed { by, .. }) => by.len(),
        error => panic!("{error:?}"),
    };
    assert_eq!(by().await, 1);
    world.run::<Experiment>(id, ExperimentCommand::Start).await.unwrap();
    assert_eq!(by().await, 2, "the flag serves them");
    let before = world.log.head().await.unwrap().sequence();
    let done = world.run::<Experiment>(id, ExperimentCommand::Stop).await.unwrap();
    // Both mentions go in one commit of the project.
    assert_eq!(done.position.sequence(), before + 3);
    let project = world.history::<Project>(world.project).await.pop().unwrap();
    assert_eq!(kinds(&project), ["project.references_replaced", "project.references_replaced"]);
    world.run::<Experiment>(id, ship()).await.unwrap();
    archive().await.unwrap();
    let error = world.run::<Experiment>(id, ExperimentCommand::Ship).await.unwrap_err();
    assert!(matches!(error, CommandError::FlagRejected(FlagError::Invalid(_))), "{error:?}");
}
