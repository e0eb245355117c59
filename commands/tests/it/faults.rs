//! Answers of the log that get lost, on both logs: what was acknowledged is in the log once, and nothing that was
//! refused is.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use ff_commands::CommandError;
use ff_domain::{Experiment, ExperimentCommand, Flag, experiment::Status};
use ff_eventlog::{
    AppendError, Draft, EventLog, Freshness, LogError, Position, Recorded, StreamKey, TailItem, Tip,
};
use futures::stream::BoxStream;
use uuid::Uuid;

use crate::fixture::{World, meta_of, on_both_logs, require, turn_on};

on_both_logs! {
    a_lost_acknowledgement_is_found
    a_lost_commit_is_written_again
    a_late_commit_is_not_written_twice
    what_cannot_be_found_out_is_said
    an_unreachable_log_has_written_nothing
    a_conflict_is_decided_anew
    too_many_conflicts_are_busy
    a_start_is_made_once_whatever_gets_lost
}

/// What shall become of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// It is written, and the answer is lost.
    AckLost,
    /// It is lost itself.
    WriteLost,
    /// It is written, the answer is lost, and so is the connection.
    AckAndLogLost,
    /// It is said to be lost, and arrives after the next one was sent.
    Late,
    /// It is refused as if another had been first.
    Conflict,
    /// It is not even sent.
    Unavailable,
}

/// A log with faults.
#[derive(Clone)]
struct Flaky<L> {
    log: L,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    faults: VecDeque<Fault>,
    down: bool,
    late: Option<Vec<Draft>>,
}

#[derive(Debug, thiserror::Error)]
#[error("a fault of the test")]
struct Injected;

impl<L: EventLog> Flaky<L> {
    fn new(log: &L, faults: impl IntoIterator<Item = Fault>) -> Self {
        let state = State { faults: faults.into_iter().collect(), ..State::default() };
        Self { log: log.clone(), state: Arc::new(Mutex::new(state)) }
    }

    fn recover(&self) {
        self.state.lock().unwrap().down = false;
    }

    fn unknown<T>() -> Result<T, AppendError> {
        Err(AppendError::Unknown { source: Injected.into() })
    }
}

impl<L: EventLog> EventLog for Flaky<L> {
    async fn history(
        &self,
        key: &StreamKey,
        after: Option<&Tip>,
        read: Freshness,
    ) -> Result<Vec<Recorded>, LogError> {
        if self.state.lock().unwrap().down {
            return Err(LogError::Unavailable { source: Injected.into() });
        }
        self.log.history(key, after, read).await
    }

    async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Recorded>, AppendError> {
        let (fault, late) = {
            let mut state = self.state.lock().unwrap();
            (state.faults.pop_front(), state.late.take())
        };
        if let Some(late) = late {
            self.log.append(late).await?;
        }
        match fault {
            None => self.log.append(drafts).await,
            Some(Fault::Conflict) => Err(AppendError::Conflict),
            Some(Fault::Unavailable) => Err(AppendError::Unavailable { source: Injected.into() }),
            Some(Fault::WriteLost) => Self::unknown(),
            Some(Fault::Late) => {
                self.state.lock().unwrap().late = Some(drafts);
                Self::unknown()
            }
            Some(fault @ (Fault::AckLost | Fault::AckAndLogLost)) => {
                self.log.append(drafts).await?;
                self.state.lock().unwrap().down = fault == Fault::AckAndLogLost;
                Self::unknown()
            }
        }
    }

    fn tail(&self, after: Position) -> BoxStream<'static, Result<TailItem, LogError>> {
        self.log.tail(after)
    }

    async fn head(&self) -> Result<Position, LogError> {
        self.log.head().await
    }
}

async fn a_lost_acknowledgement_is_found<L: EventLog>(world: World<L>) {
    world.create_flag("checkout").await;
    world.create_flag("base").await;
    let id = world.flag("checkout");
    for command in [turn_on("dev"), require("base", "on")] {
        let flaky = world.through(Flaky::new(&world.log, [Fault::AckLost]));
        let before = world.history::<Flag>(id).await.len();
        let done = flaky.run::<Flag>(id, command).await.unwrap();
        assert!(done.changed && !done.repeated);
        assert_eq!(done.position, world.log.head().await.unwrap());
        assert_eq!(world.load::<Flag>(id).await, (done.aggregate, done.version));
        assert_eq!(world.history::<Flag>(id).await.len(), before + 1);
    }
}

async fn a_lost_commit_is_written_again<L: EventLog>(world: World<L>) {
    world.create_flag("checkout").await;
    let id = world.flag("checkout");
    let flaky = world.through(Flaky::new(&world.log, [Fault::WriteLost, Fault::WriteLost]));
    let done = flaky.run::<Flag>(id, turn_on("dev")).await.unwrap();
    assert_eq!((done.version, done.repeated), (2, false));
    assert_eq!(world.load::<Flag>(id).await, (done.aggregate, 2));
}

async fn a_late_commit_is_not_written_twice<L: EventLog>(world: World<L>) {
    world.create_flag("checkout").await;
    let id = world.flag("checkout");
    let flaky = world.through(Flaky::new(&world.log, [Fault::Late]));
    let done = flaky.run::<Flag>(id, turn_on("dev")).await.unwrap();
    assert_eq!(done.version, 2);
    assert_eq!(world.load::<Flag>(id).await, (done.aggregate, 2));
}

async fn what_cannot_be_found_out_is_said<L: EventLog>(world: World<L>) {
    world.create_flag("checkout").await;
    let id = world.flag("checkout");
    let flaky = world.through(Flaky::new(&world.log, [Fault::AckAndLogLost]));
    let meta = meta_of(Uuid::new_v4(), "request");
    let error = flaky.run_as::<Flag>(id, turn_on("dev"), meta.clone()).await.unwrap_err();
    assert!(matches!(error, CommandError::Unavailable { maybe_written: true, .. }), "{error:?}");
    assert_eq!(error.code(), "FF-2006");

    flaky.log.recover();
    let again = flaky.run_as::<Flag>(id, turn_on("dev"), meta).await.unwrap();
    assert_eq!((again.version, again.repeated), (2, true));
    assert_eq!(world.history::<Flag>(id).await.len(), 2);
}

async fn an_unreachable_log_has_written_nothing<L: EventLog>(world: World<L>) {
    world.create_flag("checkout").await;
    let id = world.flag("checkout");
    let flaky = world.through(Flaky::new(&world.log, [Fault::Unavailable]));
    let error = flaky.run::<Flag>(id, turn_on("dev")).await.unwrap_err();
    assert!(matches!(error, CommandError::Unavailable { maybe_written: false, .. }), "{error:?}");
    assert_eq!(error.code(), "FF-2005");

    // After a commit that may still be on its way, nobody can say that nothing was written.
    let flaky = world.through(Flaky::new(&world.log, [Fault::WriteLost, Fault::Unavailable]));
    let error = flaky.run::<Flag>(id, turn_on("dev")).await.unwrap_err();
    assert!(matches!(error, CommandError::Unavailable { maybe_written: true, .. }), "{error:?}");
    assert_eq!(world.history::<Flag>(id).await.len(), 1);
}

async fn a_conflict_is_decided_anew<L: EventLog>(world: World<L>) {
    world.create_flag("checkout").await;
    let id = world.flag("checkout");
    let flaky = world.through(Flaky::new(&world.log, [Fault::Conflict; 4]));
    let done = flaky.run::<Flag>(id, turn_on("dev")).await.unwrap();
    assert_eq!((done.version, done.repeated), (2, false));
}

async fn too_many_conflicts_are_busy<L: EventLog>(world: World<L>) {
    world.create_flag("checkout").await;
    let id = world.flag("checkout");
    let flaky = world.through(Flaky::new(&world.log, [Fault::Conflict; 5]));
    let error = flaky.run::<Flag>(id, turn_on("dev")).await.unwrap_err();
    assert!(matches!(error, CommandError::Busy), "{error:?}");
    assert_eq!(world.history::<Flag>(id).await.len(), 1);

    // One of these may have been written.
    let faults =
        [Fault::Conflict, Fault::WriteLost, Fault::Conflict, Fault::Conflict, Fault::Conflict];
    let flaky = world.through(Flaky::new(&world.log, faults));
    let error = flaky.run::<Flag>(id, turn_on("dev")).await.unwrap_err();
    assert!(matches!(error, CommandError::Unavailable { maybe_written: true, .. }), "{error:?}");
}

async fn a_start_is_made_once_whatever_gets_lost<L: EventLog>(world: World<L>) {
    world.create_metric("orders").await;
    world.create_layer("main").await;
    for (n, fault) in
        [Fault::AckLost, Fault::WriteLost, Fault::Late, Fault::Conflict].into_iter().enumerate()
    {
        let (name, flag) = (format!("x-{n}"), format!("flag-{n}"));
        world.create_flag(&flag).await;
        world.draft(&name, &flag, &serde_json::json!({"layer": "main", "traffic": 10})).await;
        let flaky = world.through(Flaky::new(&world.log, [fault]));
        let id = world.experiment(&name);
        let done = flaky.run::<Experiment>(id, ExperimentCommand::Start).await.unwrap();
        assert!(done.changed && !done.repeated, "{fault:?}");
        assert_eq!(done.position, world.log.head().await.unwrap(), "{fault:?}");
        assert_eq!(done.aggregate.state().unwrap().status, Status::Running);
        assert_eq!(world.history::<Experiment>(id).await.len(), 2, "{fault:?}");
        assert_eq!(world.history::<Flag>(world.flag(&flag)).await.len(), 2, "{fault:?}");
        assert_eq!(world.here(&flag).await.experiment.unwrap().rule, format!("{name}:1"));
        assert_eq!(world.buckets("main", &name).await.len(), 1, "{fault:?}");
    }
}
