//! What is read from a replica that lags behind, or from memory, leads to no wrong answer.

use std::num::NonZeroU64;

use ff_commands::{CommandError, Executor, ExecutorOptions};
use ff_domain::{Flag, FlagCommand};
use ff_eventlog::{
    AppendError, Draft, EventLog, Freshness, LogError, Position, Recorded, StreamKey, TailItem, Tip,
};
use futures::stream::BoxStream;

use crate::fixture::{World, meta, on_both_logs, options, turn_off, turn_on};

on_both_logs! {
    a_replica_without_anything_misleads_nobody
    a_cache_that_holds_nothing_is_only_slow
}

/// A log whose replicas never learn of anything; its leader knows all.
#[derive(Clone)]
struct Lagging<L>(L);

impl<L: EventLog> EventLog for Lagging<L> {
    async fn history(
        &self,
        key: &StreamKey,
        after: Option<&Tip>,
        read: Freshness,
    ) -> Result<Vec<Recorded>, LogError> {
        match read {
            Freshness::Any => Ok(Vec::new()),
            Freshness::Leader => self.0.history(key, after, read).await,
        }
    }

    async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Recorded>, AppendError> {
        self.0.append(drafts).await
    }

    fn tail(&self, after: Position) -> BoxStream<'static, Result<TailItem, LogError>> {
        self.0.tail(after)
    }

    async fn head(&self) -> Result<Position, LogError> {
        self.0.head().await
    }
}

async fn a_replica_without_anything_misleads_nobody<L: EventLog>(world: World<L>) {
    let id = world.flag("checkout");
    world.create_flag("checkout").await;
    let lagging = world.through(Lagging(world.log.clone()));

    // Not "there is no such flag".
    assert_eq!(lagging.run::<Flag>(id, turn_on("dev")).await.unwrap().version, 2);
    // Not "it is on already": someone else has turned it off.
    world.run::<Flag>(id, turn_off("dev")).await.unwrap();
    let on = lagging.run::<Flag>(id, turn_on("dev")).await.unwrap();
    assert_eq!((on.version, on.changed), (4, true));
    // A stale state that leads to a commit meets a conflict.
    world.run::<Flag>(id, turn_on("prod")).await.unwrap();
    let off = lagging.run::<Flag>(id, turn_off("dev")).await.unwrap();
    assert_eq!(off.version, 6);
    assert!(off.aggregate.state().unwrap().environment(&"prod".parse().unwrap()).enabled);
    // The right version is not taken for a wrong one, and the other way round.
    world.run::<Flag>(id, turn_off("prod")).await.unwrap();
    let stale = lagging.run_at::<Flag>(id, turn_on("dev"), meta(), Some(6)).await.unwrap_err();
    assert!(matches!(stale, CommandError::VersionMismatch { expected: 6, actual: 7 }), "{stale:?}");
    world.run::<Flag>(id, turn_on("prod")).await.unwrap();
    let done = lagging.run_at::<Flag>(id, turn_on("dev"), meta(), Some(8)).await.unwrap();
    assert_eq!(done.version, 9);
}

async fn a_cache_that_holds_nothing_is_only_slow<L: EventLog>(world: World<L>) {
    let tiny = ExecutorOptions { cache_bytes: NonZeroU64::MIN, ..options() };
    let world = World { executor: Executor::new(world.log.clone(), tiny), ..world };
    let id = world.flag("checkout");
    world.create_flag("checkout").await;
    world.create_flag("base").await;
    for version in 2..=6 {
        let command = if version % 2 == 0 { turn_on("dev") } else { turn_off("dev") };
        assert_eq!(world.run::<Flag>(id, command).await.unwrap().version, version);
    }
    assert_eq!(world.run::<Flag>(id, FlagCommand::Archive).await.unwrap().version, 7);
}
