//! The log in memory: the same contract for tests that need no server, with faults on demand.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_stream::stream;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::watch;

use crate::chain::Chain;
use crate::draft::seal;
use crate::{
    AppendError, Defect, Draft, EventLog, Freshness, LogError, Position, Recorded, StreamKey,
    TailItem, Tip,
};

/// As much as a default nats-server takes.
const LIMIT: usize = 1024 * 1024 - 1024;

/// A log in memory. Clones share it.
#[derive(Clone, Debug)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    epoch: u16,
    state: Mutex<State>,
    /// The last sequence, for those who wait for more.
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    messages: Vec<(StreamKey, Bytes)>,
    /// The sequences of each aggregate.
    streams: HashMap<StreamKey, Vec<u64>>,
    faults: VecDeque<Fault>,
    down: bool,
}

/// What shall go wrong with the next append of a [`MemoryLog`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is stored, but the acknowledgement is lost.
    AckLost,
    /// It is lost on the way, and so is the answer.
    WriteLost,
    /// Someone else is always first.
    Conflict,
}

/// A fault that a test asked for.
#[derive(Debug, thiserror::Error)]
#[error("a fault was injected")]
struct Injected;

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryLog {
    /// An empty log in epoch 1.
    #[must_use]
    pub fn new() -> Self {
        Self::in_epoch(1)
    }

    /// An empty log in `epoch`.
    #[must_use]
    pub fn in_epoch(epoch: u16) -> Self {
        let shared = Shared { epoch, state: Mutex::default(), last: watch::Sender::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// Lets the next append that no earlier fault meets go wrong.
    pub fn inject(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// Makes the log unreachable, or reachable again.
    pub fn set_available(&self, available: bool) {
        self.state().down = !available;
    }

    /// Stores bytes unchecked, as a damaged log would have them.
    pub fn write_raw(&self, key: StreamKey, bytes: impl Into<Bytes>) -> Position {
        let sequence = self.state().push(key, bytes.into());
        self.announce();
        self.position(sequence)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn position(&self, sequence: u64) -> Position {
        Position::new(self.shared.epoch, sequence)
    }

    fn announce(&self) {
        let last = self.state().last();
        self.shared.last.send_if_modified(|known| {
            let newer = last > *known;
            *known = last.max(*known);
            newer
        });
    }

    fn read(&self, sequence: u64, key: &StreamKey, bytes: Bytes) -> Result<Recorded, Defect> {
        let recorded = Recorded::parse(self.position(sequence), bytes)?;
        let stream = recorded.commit.stream();
        if stream == *key {
            Ok(recorded)
        } else {
            let (position, subject) = (recorded.position, key.to_string());
            Err(Defect::Misplaced { position, stream, subject })
        }
    }
}

impl State {
    fn last(&self) -> u64 {
        self.messages.len() as u64
    }

    fn last_of(&self, key: &StreamKey) -> u64 {
        self.streams.get(key).and_then(|sequences| sequences.last()).copied().unwrap_or(0)
    }

    fn push(&mut self, key: StreamKey, bytes: Bytes) -> u64 {
        let sequence = self.last() + 1;
        self.streams.entry(key.clone()).or_default().push(sequence);
        self.messages.push((key, bytes));
        sequence
    }

    fn message(&self, sequence: u64) -> Option<(StreamKey, Bytes)> {
        let index = usize::try_from(sequence).ok()?.checked_sub(1)?;
        self.messages.get(index).cloned()
    }

    fn check(&self) -> Result<(), LogError> {
        if self.down { Err(LogError::Unavailable { source: Injected.into() }) } else { Ok(()) }
    }
}

impl EventLog for MemoryLog {
    async fn history(
        &self,
        key: &StreamKey,
        after: Option<&Tip>,
        _read: Freshness,
    ) -> Result<Vec<Recorded>, LogError> {
        let mut chain = Chain::after(after.copied());
        let found: Vec<_> = {
            let state = self.state();
            state.check()?;
            let sequences = state.streams.get(key).map(Vec::as_slice).unwrap_or_default();
            let start = sequences.partition_point(|sequence| *sequence <= chain.sequence());
            sequences[start..]
                .iter()
                .filter_map(|sequence| Some((*sequence, state.message(*sequence)?.1)))
                .collect()
        };
        let mut commits = Vec::with_capacity(found.len());
        for (sequence, bytes) in found {
            let commit = self.read(sequence, key, bytes)?;
            chain.push(key, &commit)?;
            commits.push(commit);
        }
        Ok(commits)
    }

    async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Recorded>, AppendError> {
        let sealed = seal(drafts, LIMIT)?;
        let mut recorded = Vec::with_capacity(sealed.len());
        let fault = {
            let mut state = self.state();
            if state.down {
                return Err(AppendError::Unavailable { source: Injected.into() });
            }
            let fault = state.faults.pop_front();
            match fault {
                Some(Fault::Conflict) => return Err(AppendError::Conflict),
                Some(Fault::WriteLost) => {
                    return Err(AppendError::Unknown { source: Injected.into() });
                }
                Some(Fault::AckLost) | None => {}
            }
            if sealed.iter().any(|commit| state.last_of(&commit.stream) != commit.expected) {
                return Err(AppendError::Conflict);
            }
            for commit in sealed {
                let sequence = state.push(commit.stream.clone(), commit.bytes.clone());
                recorded.push(commit.recorded(self.position(sequence)));
            }
            fault
        };
        self.announce();
        match fault {
            Some(_) => Err(AppendError::Unknown { source: Injected.into() }),
            None => Ok(recorded),
        }
    }

    fn tail(&self, after: Position) -> BoxStream<'static, Result<TailItem, LogError>> {
        let log = self.clone();
        stream! {
            let epoch = log.shared.epoch;
            if after != Position::ZERO && after.epoch() != epoch {
                yield Err(LogError::ForeignEpoch { position: after, epoch });
                return;
            }
            let head = log.position(log.state().last());
            if after > head {
                yield Err(LogError::AheadOfLog { position: after, head });
                return;
            }
            let mut news = log.shared.last.subscribe();
            let mut sequence = after.sequence();
            loop {
                news.mark_unchanged();
                loop {
                    let message = log.state().message(sequence + 1);
                    let Some((key, bytes)) = message else { break };
                    sequence += 1;
                    yield log.read(sequence, &key, bytes).map(TailItem::Commit).map_err(Into::into);
                }
                yield Ok(TailItem::CaughtUp(log.position(sequence)));
                if news.changed().await.is_err() {
                    return;
                }
            }
        }
        .boxed()
    }

    async fn head(&self) -> Result<Position, LogError> {
        let state = self.state();
        state.check()?;
        Ok(self.position(state.last()))
    }
}
