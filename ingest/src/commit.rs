//! Group commit: concurrent requests share a message, because each message costs the server a sync of its disk.
//!
//! One task gathers. If nothing is on its way, what is there goes at once; otherwise it waits for more, until the
//! message is full or its time is over. While as many messages as may be are on their way, the next one goes on
//! growing: the slower the disk, the larger the messages. A request is answered when every message with events of it
//! is acknowledged.

mod publish;

use std::sync::Arc;

use futures::future::try_join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use publish::{CommitError, Publisher};

use crate::CommitOptions;
use crate::budget::Held;

/// How many chunks may wait to be gathered.
const QUEUE: usize = 1024;

/// Lines that stay together.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) lines: usize,
}

/// A chunk on its way.
#[derive(Debug)]
struct Part {
    chunk: Chunk,
    done: oneshot::Sender<Result<(), CommitError>>,
    /// The request's room in memory, until the last part of it is done.
    held: Arc<Held>,
}

/// Where requests hand in what is to be stored.
#[derive(Debug, Clone)]
pub(crate) struct Committer {
    parts: mpsc::Sender<Part>,
}

/// The task that gathers.
#[derive(Debug)]
pub(crate) struct Gatherer {
    parts: mpsc::Receiver<Part>,
    publisher: Arc<Publisher>,
    options: CommitOptions,
    slots: Arc<Semaphore>,
    /// Did not fit into the last message.
    next: Option<Part>,
}

/// A message that is growing.
#[derive(Debug)]
struct Message {
    bytes: Vec<u8>,
    lines: usize,
    waiting: Vec<oneshot::Sender<Result<(), CommitError>>>,
    held: Vec<Arc<Held>>,
}

impl Committer {
    pub(crate) fn new(publisher: Arc<Publisher>, options: CommitOptions) -> (Self, Gatherer) {
        let (sender, parts) = mpsc::channel(QUEUE);
        let slots = Arc::new(Semaphore::new(options.in_flight.max(1)));
        (Self { parts: sender }, Gatherer { parts, publisher, options, slots, next: None })
    }

    /// Stores all of it, or says why it is not known to be stored.
    pub(crate) async fn commit(&self, chunks: Vec<Chunk>, held: Held) -> Result<(), CommitError> {
        let held = Arc::new(held);
        let mut outcomes = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let (done, outcome) = oneshot::channel();
            let part = Part { chunk, done, held: Arc::clone(&held) };
            self.parts.send(part).await.map_err(|_| CommitError::Unreachable)?;
            outcomes.push(async { outcome.await.unwrap_or(Err(CommitError::Unreachable)) });
        }
        try_join_all(outcomes).await.map(drop)
    }
}

impl Gatherer {
    /// Gathers until everybody who could hand something in is gone, or until `stop`. What has been handed in by then
    /// is stored.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let on_their_way = TaskTracker::new();
        loop {
            let first = match self.next.take() {
                Some(part) => part,
                None => tokio::select! {
                    biased;
                    part = self.parts.recv() => match part {
                        Some(part) => part,
                        None => break,
                    },
                    () = stop.cancelled() => match self.parts.try_recv() {
                        Ok(part) => part,
                        Err(_) => break,
                    },
                },
            };
            let mut message = Message::from(first);
            self.linger(&mut message).await;
            let slot = self.slot(&mut message).await;
            let publisher = Arc::clone(&self.publisher);
            on_their_way.spawn(async move {
                message.publish(&publisher).await;
                drop(slot);
            });
        }
        on_their_way.close();
        on_their_way.wait().await;
    }

    /// Waits for more, unless nothing is on its way.
    async fn linger(&mut self, message: &mut Message) {
        let end = Instant::now() + self.options.linger;
        loop {
            while let Ok(part) = self.parts.try_recv() {
                if !self.add(message, part) {
                    return;
                }
            }
            let idle = self.slots.available_permits() == self.options.in_flight.max(1);
            if idle || message.is_full(&self.options) {
                return;
            }
            tokio::select! {
                part = self.parts.recv() => {
                    let Some(part) = part else { return };
                    if !self.add(message, part) {
                        return;
                    }
                }
                () = sleep_until(end) => return,
            }
        }
    }

    /// Waits for a slot, and takes what fits meanwhile.
    async fn slot(&mut self, message: &mut Message) -> OwnedSemaphorePermit {
        let acquiring = Arc::clone(&self.slots).acquire_owned();
        let mut acquiring = std::pin::pin!(acquiring);
        let mut open = true;
        loop {
            let room = open && self.next.is_none() && !message.is_full(&self.options);
            tokio::select! {
                biased;
                slot = &mut acquiring => return slot.expect("the semaphore is never closed"),
                part = self.parts.recv(), if room => match part {
                    Some(part) => {
                        self.add(message, part);
                    }
                    None => open = false,
                },
            }
        }
    }

    /// Adds a part if it fits; otherwise it is the first of the next message.
    fn add(&mut self, message: &mut Message, part: Part) -> bool {
        let fits = message.lines + part.chunk.lines <= self.options.events
            && message.bytes.len() + part.chunk.bytes.len() <= self.options.bytes;
        if fits {
            message.bytes.extend_from_slice(&part.chunk.bytes);
            message.lines += part.chunk.lines;
            message.waiting.push(part.done);
            message.held.push(part.held);
        } else {
            self.next = Some(part);
        }
        fits
    }
}

impl From<Part> for Message {
    fn from(part: Part) -> Self {
        let Part { chunk: Chunk { bytes, lines }, done, held } = part;
        Self { bytes, lines, waiting: vec![done], held: vec![held] }
    }
}

impl Message {
    fn is_full(&self, options: &CommitOptions) -> bool {
        self.lines >= options.events || self.bytes.len() >= options.bytes
    }

    async fn publish(self, publisher: &Publisher) {
        let outcome = publisher.publish(self.bytes.into(), self.lines).await;
        // Room is given back before the answers: who sends again after one must find it.
        drop(self.held);
        for waiting in self.waiting {
            // Whoever went away does not need to know.
            let _ = waiting.send(outcome);
        }
    }
}
