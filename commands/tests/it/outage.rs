//! A log that does not answer.

use std::{future::pending, time::Duration};

use ff_commands::{CommandError, Executor, ExecutorOptions};
use ff_domain::{Flag, Project};
use ff_eventlog::{
    AppendError, Draft, EventLog, Freshness, JetStreamLog, LogError, LogOptions, MemoryLog,
    Position, Recorded, StreamKey, TailItem, Tip,
};
use ff_testkit::nats::{DedicatedOptions, dedicated};
use futures::stream::BoxStream;
use uuid::Uuid;

use crate::fixture::{World, meta_of, options, turn_on};

/// A log that takes appends, or reads, and never answers.
#[derive(Clone)]
struct Silent {
    log: MemoryLog,
    on_read: bool,
}

impl EventLog for Silent {
    async fn history(
        &self,
        key: &StreamKey,
        after: Option<&Tip>,
        read: Freshness,
    ) -> Result<Vec<Recorded>, LogError> {
        if self.on_read { pending().await } else { self.log.history(key, after, read).await }
    }

    async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Recorded>, AppendError> {
        self.log.append(drafts).await?;
        pending().await
    }

    fn tail(&self, after: Position) -> BoxStream<'static, Result<TailItem, LogError>> {
        self.log.tail(after)
    }

    async fn head(&self) -> Result<Position, LogError> {
        self.log.head().await
    }
}

fn hasty<L: EventLog>(world: World<L>) -> World<L> {
    let options = ExecutorOptions { deadline: Duration::from_millis(300), ..options() };
    World { executor: Executor::new(world.log.clone(), options), ..world }
}

#[tokio::test]
async fn a_log_that_never_answers_does_not_hold_a_command() {
    let world = World::in_memory().await;
    world.create_flag("checkout").await;
    let id = world.flag("checkout");
    let through = |on_read| hasty(world.through(Silent { log: world.log.clone(), on_read }));

    let error = through(true).run::<Flag>(id, turn_on("dev")).await.unwrap_err();
    assert!(matches!(error, CommandError::Unavailable { maybe_written: false, .. }), "{error:?}");
    let error = through(true).executor.load::<Flag>(world.org, id).await.unwrap_err();
    assert!(matches!(error, CommandError::Unavailable { maybe_written: false, .. }), "{error:?}");

    let meta = meta_of(Uuid::new_v4(), "request");
    let silent = through(false);
    let error = silent.run_as::<Flag>(id, turn_on("dev"), meta.clone()).await.unwrap_err();
    assert!(matches!(error, CommandError::Unavailable { maybe_written: true, .. }), "{error:?}");
    let again = silent.run_as::<Flag>(id, turn_on("dev"), meta).await.unwrap();
    assert!(again.repeated, "the turn of the first was given back, and its commit is found");
}

#[tokio::test]
async fn who_waits_too_long_for_a_turn_hears_that_nothing_was_written() {
    let world = World::in_memory().await;
    world.create_flag("checkout").await;
    let id = world.flag("checkout");
    let (_, before) = world.load::<Flag>(id).await;
    let silent = Silent { log: world.log.clone(), on_read: true };
    let hasty = hasty(world.through(silent));
    let (first, second) =
        tokio::join!(hasty.run::<Flag>(id, turn_on("dev")), hasty.run::<Flag>(id, turn_on("prod")));
    assert!(matches!(first, Err(CommandError::Unavailable { .. })), "{first:?}");
    // Its time runs out in the moment in which the first one's does: waiting still, or just let in.
    let told = matches!(
        second,
        Err(CommandError::Busy | CommandError::Unavailable { maybe_written: false, .. })
    );
    assert!(told, "{second:?}");
    assert_eq!(world.load::<Flag>(id).await.1, before, "nothing was written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_nats_nothing_is_acknowledged_and_with_it_all_goes_on() {
    let mut server = dedicated(DedicatedOptions::default()).await;
    let log = JetStreamLog::connect(LogOptions::url(server.url.clone())).await.unwrap();
    let world = World::new(log).await;
    world.create_flag("checkout").await;
    let id = world.flag("checkout");
    let impatient = Executor::new(world.log.clone(), ExecutorOptions::default());
    let world = World { executor: impatient, ..world };

    server.kill().await;
    let meta = meta_of(Uuid::new_v4(), "request");
    let error = world.run_as::<Flag>(id, turn_on("dev"), meta.clone()).await.unwrap_err();
    assert!(matches!(error, CommandError::Unavailable { .. }), "{error:?}");
    let error = world.executor.load::<Project>(world.org, world.project).await.unwrap_err();
    assert!(matches!(error, CommandError::Unavailable { .. }), "{error:?}");

    server.start().await;
    let done = ff_testkit::eventually(Duration::from_secs(60), || {
        world.run_as::<Flag>(id, turn_on("dev"), meta.clone())
    })
    .await;
    assert_eq!(done.version, 2);
    assert_eq!(world.history::<Flag>(id).await.len(), 2);
}
