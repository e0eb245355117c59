//! Reads ahead of a projection: while Postgres works on a batch, the next is fetched and parsed.

use std::{sync::Arc, time::Duration};

use ff_eventlog::{Defect, EventLog, LogError, Position, Recorded, TailItem};
use futures::StreamExt as _;
use tokio::{
    sync::{Semaphore, mpsc},
    task::AbortHandle,
    time::{Instant, timeout_at},
};

/// How far it reads ahead, in KiB of commits.
const AHEAD: u32 = 4 * 1024;
/// How long a batch waits for more commits.
const LINGER: Duration = Duration::from_millis(20);

/// A tail of the log, read ahead. Reading ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Feed {
    items: mpsc::UnboundedReceiver<(Result<TailItem, LogError>, u32)>,
    room: Arc<Semaphore>,
    reader: AbortHandle,
    /// What did not fit in the last batch.
    left: Option<Result<TailItem, LogError>>,
    /// How far the log was when it was said last.
    head: Position,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// How much goes in a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    pub(crate) commits: usize,
    pub(crate) bytes: usize,
}

/// Some commits in a row.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) commits: Vec<Recorded>,
    /// A message after them that is no commit.
    pub(crate) damaged: Option<Defect>,
    /// Everything in the log up to here has been delivered with this batch.
    pub(crate) caught_up: Option<Position>,
}

impl Batch {
    /// How far the log is read with this batch.
    pub(crate) fn end(&self) -> Option<Position> {
        self.caught_up.or_else(|| self.commits.last().map(|commit| commit.position))
    }
}

impl Feed {
    pub(crate) fn start<L: EventLog>(log: &L, after: Position) -> Self {
        let mut tail = log.tail(after);
        let room = Arc::new(Semaphore::new(AHEAD as usize));
        let (sender, items) = mpsc::unbounded_channel();
        let permits = Arc::clone(&room);
        let reader = tokio::spawn(async move {
            while let Some(item) = tail.next().await {
                let cost = cost(&item);
                let Ok(permit) = permits.acquire_many(cost).await else { return };
                permit.forget();
                if sender.send((item, cost)).is_err() {
                    return;
                }
            }
        });
        Self { items, room, reader: reader.abort_handle(), left: None, head: after }
    }

    /// How far the log was when it was said last.
    pub(crate) fn head(&self) -> Position {
        self.head
    }

    /// The next commits: as many as there are up to the limits, without waiting long once there is one. None when
    /// the tail has ended. It can be dropped before it is ready without losing a commit, as long as `batch` is kept.
    pub(crate) async fn fill(
        &mut self,
        batch: &mut Batch,
        limits: BatchLimits,
    ) -> Result<Option<()>, LogError> {
        let mut bytes: usize = batch.commits.iter().map(|commit| commit.bytes.len()).sum();
        let mut deadline = (!batch.commits.is_empty()).then(|| Instant::now() + LINGER);
        while batch.commits.len() < limits.commits && bytes < limits.bytes {
            let item = match self.left.take() {
                Some(item) => item,
                None => match deadline {
                    None => match self.items.recv().await {
                        Some(item) => self.took(item),
                        None => return Ok(None),
                    },
                    Some(deadline) => match timeout_at(deadline, self.items.recv()).await {
                        Ok(Some(item)) => self.took(item),
                        // What was read before the tail ended still counts.
                        Ok(None) | Err(_) => return Ok(Some(())),
                    },
                },
            };
            match item {
                Ok(TailItem::Commit(commit)) => {
                    bytes += commit.bytes.len();
                    batch.caught_up = None;
                    batch.commits.push(commit);
                    deadline.get_or_insert_with(|| Instant::now() + LINGER);
                }
                Ok(TailItem::CaughtUp(position)) => {
                    self.head = self.head.max(position);
                    batch.caught_up = Some(position);
                    return Ok(Some(()));
                }
                Err(LogError::Damaged(defect)) => {
                    batch.damaged = Some(defect);
                    return Ok(Some(()));
                }
                // First what came before it.
                Err(error) if !batch.commits.is_empty() => {
                    self.left = Some(Err(error));
                    return Ok(Some(()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Some(()))
    }

    fn took(
        &mut self,
        (item, cost): (Result<TailItem, LogError>, u32),
    ) -> Result<TailItem, LogError> {
        self.room.add_permits(cost as usize);
        item
    }
}

fn cost(item: &Result<TailItem, LogError>) -> u32 {
    match item {
        // Parsed, a commit takes a few times its bytes; the bound is of the order that is meant.
        Ok(TailItem::Commit(commit)) => {
            u32::try_from(commit.bytes.len() / 1024 + 1).unwrap_or(AHEAD).min(AHEAD)
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ff_eventlog::{MemoryLog, StreamKey};
    use uuid::Uuid;

    const LIMITS: BatchLimits = BatchLimits { commits: 3, bytes: 1 << 20 };

    fn write(log: &MemoryLog, count: u64) {
        let id = Uuid::from_u128(1);
        for version in 1..=count {
            let commit = serde_json::json!({
                "schema": 1, "command_id": id, "correlation_id": id,
                "causation": {"kind": "command", "id": "x"}, "org": id,
                "aggregate": {"type": "flag", "id": id}, "version": version, "prev": null,
                "at": "2026-11-22T20:49:31.123Z", "actor": {"kind": "system", "id": id},
                "via": "cli", "events": [],
            });
            log.write_raw(StreamKey::new(id, "flag", id), serde_json::to_vec(&commit).unwrap());
        }
    }

    #[tokio::test]
    async fn batches_are_full_until_the_end_is_reached() {
        let log = MemoryLog::new();
        write(&log, 7);
        let mut feed = Feed::start(&log, Position::ZERO);
        let mut sizes = Vec::new();
        loop {
            let mut batch = Batch::default();
            feed.fill(&mut batch, LIMITS).await.unwrap().unwrap();
            sizes.push(batch.commits.len());
            if batch.caught_up.is_some() {
                assert_eq!(batch.end(), Some(Position::new(1, 7)));
                break;
            }
        }
        assert_eq!(sizes, [3, 3, 1]);
        assert_eq!(feed.head(), Position::new(1, 7));
    }

    #[tokio::test]
    async fn a_damaged_message_comes_after_those_before_it() {
        let log = MemoryLog::new();
        write(&log, 1);
        log.write_raw(StreamKey::new(Uuid::nil(), "flag", Uuid::nil()), "no commit");
        let mut feed = Feed::start(&log, Position::ZERO);
        let mut batch = Batch::default();
        feed.fill(&mut batch, LIMITS).await.unwrap().unwrap();
        assert_eq!(batch.commits.len(), 1);
        assert_eq!(batch.damaged.unwrap().position(), Position::new(1, 2));
    }

    #[tokio::test]
    async fn an_error_comes_after_the_commits_before_it() {
        let log = MemoryLog::new();
        let mut feed = Feed::start(&log, Position::new(2, 1));
        let error = feed.fill(&mut Batch::default(), LIMITS).await.unwrap_err();
        assert!(matches!(error, LogError::ForeignEpoch { .. }));
        assert!(feed.fill(&mut Batch::default(), LIMITS).await.unwrap().is_none());
    }
}
