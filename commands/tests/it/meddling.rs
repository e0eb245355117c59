//! A change by someone else in the very moment between two readings of one command.

use std::sync::{Arc, Mutex};

use ff_commands::{CommandError, Executable};
use ff_domain::{Flag, FlagCommand, FlagError, Project, ProjectError};
use ff_eventlog::{
    AppendError, Draft, EventLog, Freshness, LogError, Position, Recorded, StreamKey, TailItem, Tip,
};
use futures::{future::BoxFuture, stream::BoxStream};

use crate::fixture::{World, on_both_logs, require, turn_off, turn_on};

on_both_logs! {
    a_variation_removed_after_it_was_looked_up
    a_variation_waited_for_after_the_project_was_read
    an_unrelated_change_of_the_same_flag
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
    let meddle = async move {
        other.run::<Flag>(flag, command).await.unwrap();
    };
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
