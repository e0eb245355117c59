//! How far a command has come: what must be said about it when it ends early.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use ff_eventlog::{Cause, LogError};

use crate::{CommandError, DeadlinePassed, Executable};

const WAITING: u8 = 0;
const READING: u8 = 1;
const APPENDING: u8 = 2;

/// How far a command has come. It outlives the future that executes it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    stage: AtomicU8,
    /// An append was not answered. What was sent may still arrive.
    unanswered: AtomicBool,
}

impl Progress {
    /// It is the command's turn.
    pub(crate) fn reading(&self) {
        self.stage.store(READING, Relaxed);
    }

    /// A commit is on its way.
    pub(crate) fn appending(&self) {
        self.stage.store(APPENDING, Relaxed);
    }

    /// The log did not say what became of the commit.
    pub(crate) fn unanswered(&self) {
        self.unanswered.store(true, Relaxed);
        self.reading();
    }

    /// Whether an append was not answered.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.unanswered.load(Relaxed)
    }

    /// The log cannot be reached.
    pub(crate) fn unavailable<A: Executable>(&self, source: impl Into<Cause>) -> CommandError<A> {
        let maybe_written = self.is_unanswered();
        CommandError::Unavailable { maybe_written, source: source.into() }
    }

    /// Reading failed.
    pub(crate) fn unreadable<A: Executable>(&self, error: LogError) -> CommandError<A> {
        match error {
            LogError::Unavailable { source } => self.unavailable(source),
            other => CommandError::Log(other),
        }
    }

    /// Every attempt failed.
    pub(crate) fn exhausted<A: Executable>(&self) -> CommandError<A> {
        if self.is_unanswered() { self.unavailable(DeadlinePassed) } else { CommandError::Busy }
    }

    /// The time is over.
    pub(crate) fn timed_out<A: Executable>(&self) -> CommandError<A> {
        match self.stage.load(Relaxed) {
            WAITING => CommandError::Busy,
            APPENDING => {
                CommandError::Unavailable { maybe_written: true, source: DeadlinePassed.into() }
            }
            _ => self.unavailable(DeadlinePassed),
        }
    }
}
