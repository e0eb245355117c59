//! A change by someone else in the very moment between two readings of one command.

use std::{
    future::Future,
    sync::{Arc, Mutex},
};

use ff_commands::{CommandError, Executable};
use ff_domain::{
    Experiment, ExperimentCommand, ExperimentError, Flag, FlagCommand, FlagError, Metric,
    MetricCommand, Project, ProjectError,
};
use ff_eventlog::{
    AppendError, Draft, EventLog, Freshness, LogError, Position, Recorded, StreamKey, TailItem, Tip,
};
use futures::{future::BoxFuture, stream::BoxStream};

use serde_json::json;

use crate::{
    fixture::{World, on_both_logs, require, target, turn_off, turn_on},
    lab::{PAUSE, draft},
};

on_both_logs! {
    a_variation_removed_after_it_was_looked_up
    a_variation_waited_for_after_the_project_was_read
    an_unrelated_change_of_the_same_flag
    a_flag_changed_after_an_experiment_read_it
    a_metric_archived_after_it_was_looked_up
}

/// A log on which something happens after one aggregate was read.
#[derive(Clone)]
struct Meddling<L> {
    log: L,
    key: StreamKey,
    meddle: Arc<Mutex<Option<BoxFuture<'static, ()>>>>,
}

impl<L: EventLog> EventLog for Meddling<L> {
    async fn history(
        &self,
        key: &StreamKey,
        after: Option<&Tip>,
        read: Freshness,
    ) -> Result<Vec<Recorded>, LogError> {
        let found = self.log.history(key, after, read).await;
        if *key == self.key {
            let meddle = self.meddle.lock().unwrap().take();
            if let Some(meddle) = meddle {
                meddle.await;
            }
        }
        found
    }

    async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Recorded>, AppendError> {
        self.log.append(drafts).await
    }

    fn tail(&self, after: Position) -> BoxStream<'static, Result<TailItem, LogError>> {
        self.log.tail(after)
    }

    async fn head(&self) -> Result<Position, LogError> {
        self.log.head().await
    }
}

/// The world, in which `command` is executed right after `id` was read for the first time.
fn meddled<A: Executable, L: EventLog>(
    world: &World<L>,
    id: A::Id,
    flag: &str,
    command: FlagCommand,
) -> World<Meddling<L>> {
    let (other, flag) = (world.elsewhere(), world.flag(flag));
    interrupted::<A, L>(world, id, async move {
        other.run::<Flag>(flag, command).await.unwrap();
    })
}

/// The world, in which something happens right after `id` was read for the first time.
fn interrupted<A: Executable, L: EventLog>(
    world: &World<L>,
    id: A::Id,
    meddle: impl Future<Output = ()> + Send + 'static,
) -> World<Meddling<L>> {
    world.through(Meddling {
        log: world.log.clone(),
        key: StreamKey::new(world.org.0, A::TYPE, A::uuid(id)),
        meddle: Arc::new(Mutex::new(Some(Box::pin(meddle)))),
    })
}

fn remove() -> FlagCommand {
    FlagCommand::RemoveVariation { key: "spare".to_owned() }
}

async fn a_variation_removed_after_it_was_looked_up<L: EventLog>(world: World<L>) {
    world.create_flag("waiting").await;
    world.create_flag("base").await;
    let meddled = meddled::<Flag, L>(&world, world.flag("base"), "base", remove());
    let answer = meddled.run::<Flag>(world.flag("waiting"), require("base", "spare")).await;
    let error = answer.unwrap_err();
    assert!(matches!(error, CommandError::Rejected(FlagError::Invalid(_))), "{error:?}");
    assert_eq!(world.load::<Flag>(world.flag("base")).await.1, 2, "it was removed meanwhile");
}

async fn a_variation_waited_for_after_the_project_was_read<L: EventLog>(world: World<L>) {
    world.create_flag("waiting").await;
    world.create_flag("base").await;
    let wait = require("base", "spare");
    let meddled = meddled::<Project, L>(&world, world.project, "waiting", wait);
    let error = meddled.run::<Flag>(world.flag("base"), remove()).await.unwrap_err();
    let expected =
        matches!(error, CommandError::ProjectRejected(ProjectError::VariationStillUsed { .. }));
    assert!(expected, "{error:?}");
}

async fn an_unrelated_change_of_the_same_flag<L: EventLog>(world: World<L>) {
    let id = world.flag("checkout");
    world.create_flag("checkout").await;
    world.run::<Flag>(id, turn_on("dev")).await.unwrap();
    let meddled = meddled::<Flag, L>(&world, id, "checkout", turn_off("dev"));
    let done = meddled.run::<Flag>(id, turn_on("prod")).await.unwrap();
    assert_eq!(done.version, 4);
    let state = done.aggregate.state().unwrap();
    assert!(!state.environment(&"dev".parse().unwrap()).enabled, "nothing of it is lost");
    assert!(state.environment(&"prod".parse().unwrap()).enabled);
}

/// What an iteration stands on is what the flag is when the iteration is committed, not a moment before.
async fn a_flag_changed_after_an_experiment_read_it<L: EventLog>(world: World<L>) {
    world.create_metric("orders").await;
    let changes = [
        target(&json!({"salt": "anew"})),
        FlagCommand::ChangeVariation {
            key: "spare".to_owned(),
            name: None,
            value: Some(json!(false)),
        },
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let (name, flag) = (format!("x-{n}"), format!("flag-{n}"));
        world.create_flag(&flag).await;
        let arms = json!([{"key": "off", "weight": 50}, {"key": "spare", "weight": 50}]);
        world.draft(&name, &flag, &json!({"arms": arms, "control": "off"})).await;
        let meddled = meddled::<Flag, L>(&world, world.flag(&flag), &flag, change);
        let id = world.experiment(&name);
        meddled.run::<Experiment>(id, ExperimentCommand::Start).await.unwrap();
        world.run::<Experiment>(id, PAUSE).await.unwrap();
        world.run::<Experiment>(id, ExperimentCommand::Resume).await.unwrap();
        let (experiment, _) = world.load::<Experiment>(id).await;
        let iterations = experiment.state().unwrap().iterations.len();
        assert_eq!(iterations, 1, "nothing changed during the pause");
        assert_eq!(world.history::<Flag>(world.flag(&flag)).await.len(), 5, "and nothing got lost");
    }
}

async fn a_metric_archived_after_it_was_looked_up<L: EventLog>(world: World<L>) {
    world.create_metric("orders").await;
    world.create_flag("checkout").await;
    let metric = world.metric("orders");
    let other = world.elsewhere();
    let meddled = interrupted::<Metric, L>(&world, metric, async move {
        other.run::<Metric>(metric, MetricCommand::Archive).await.unwrap();
    });
    let create = draft(world.project, "x", "checkout", &json!({}));
    let error = meddled.run::<Experiment>(world.experiment("x"), create).await.unwrap_err();
    let expected = matches!(error, CommandError::Rejected(ExperimentError::Invalid(_)));
    assert!(expected, "{error:?}");
}
