//! One run of the publisher, from reading the stream to the first thing that goes wrong.

use std::collections::BTreeSet;

use bytes::Bytes;
use ff_domain::EnvironmentId;
use ff_eventlog::{EventLog, LogError, Position, TailItem};
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use uuid::Uuid;

use super::PublisherError;
use super::index::Index;
use super::stream::{Checkpoint, ConfigStream, Content, Message, OWN, POSITION};
use super::world::{Touched, World};

/// The version of what lies under `ff.pub.`. Raise it when the shape of an aggregate's state changes, or when
/// other objects follow from the same events.
const FORMAT: u32 = 2;

/// How many commits are published together at most.
const COMMITS: usize = 256;
/// How many messages an atomic batch takes, the checkpoint aside.
const MESSAGES: usize = 999;
/// How many bytes of payload go into one batch.
const BYTES: usize = 16 * 1024 * 1024;

/// Why a session ends.
#[derive(Debug)]
pub(super) enum Stop {
    /// Another publisher works.
    Displaced,
    /// Something failed that may work later.
    Interrupted(Box<dyn std::error::Error + Send + Sync>),
    /// A person is needed.
    Fatal(PublisherError),
}

impl Stop {
    pub(super) fn interrupted(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Interrupted(Box::new(source))
    }
}

#[derive(Debug)]
pub(super) struct Session<'s> {
    stream: &'s ConfigStream,
    world: World,
    index: Index,
    /// The sequence of the checkpoint as this publisher left it.
    mark: u64,
    /// What the checkpoint in the stream says.
    published: Position,
    /// The last commit applied.
    position: Position,
    touched: BTreeSet<Touched>,
    /// The command of the last commit applied.
    command: Option<Uuid>,
    /// The command of the last commit published, and whose heads that has moved.
    moved: (Option<Uuid>, Vec<EnvironmentId>),
    /// Aggregates in the stream that this publisher has not seen in the log.
    leftover: BTreeSet<Touched>,
    /// Nothing is published before this commit, and before the end of the log if `rebuilding`: what lies in the
    /// stream is newer, and edges must not go back in time.
    ready_at: Position,
    rebuilding: bool,
    /// When the commits were decided that are not published yet.
    waiting: Vec<Timestamp>,
}

impl<'s> Session<'s> {
    pub(super) async fn load(stream: &'s ConfigStream) -> Result<Self, Stop> {
        let content = stream.read().await?;
        let mut session = Self {
            stream,
            world: World::default(),
            index: Index::default(),
            mark: content.mark,
            published: Position::ZERO,
            position: Position::ZERO,
            touched: BTreeSet::new(),
            command: None,
            moved: (None, Vec::new()),
            leftover: BTreeSet::new(),
            ready_at: Position::ZERO,
            rebuilding: false,
            waiting: Vec::new(),
        };
        for (subject, bytes) in &content.messages {
            session.index.note(subject, bytes);
        }
        session.index.check_heads(|head| content.messages.get(head).map(AsRef::as_ref));
        if session.restore(&content).is_none() {
            session.start_over(content.messages.keys().filter_map(|key| Touched::of_subject(key)));
        }
        tracing::info!(
            position = %session.position,
            rebuilding = session.rebuilding,
            "edge config publisher works"
        );
        Ok(session)
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// Takes up the work where the stream says it was left. `None` if it must be started anew.
    fn restore(&mut self, content: &Content) -> Option<()> {
        let checkpoint: Checkpoint =
            serde_json::from_slice(content.messages.get(POSITION)?).ok()?;
        if checkpoint.format != FORMAT {
            return None;
        }
        self.published = checkpoint.position;
        self.position = checkpoint.position;
        self.ready_at = checkpoint.position;
        for (subject, bytes) in content.messages.range(OWN.to_owned()..) {
            if let Some(which) = Touched::of_subject(subject)
                && !bytes.is_empty()
            {
                let position = self.world.restore(which, bytes)?;
                self.ready_at = self.ready_at.max(position);
            }
        }
        Some(())
    }

    /// Forgets all but what is published, to build everything from the whole log.
    fn start_over(&mut self, leftover: impl Iterator<Item = Touched>) {
        self.leftover.extend(leftover);
        self.leftover.extend(self.world.all());
        self.world = World::default();
        self.touched = BTreeSet::new();
        self.position = Position::ZERO;
        self.ready_at = Position::ZERO;
        self.rebuilding = true;
        self.waiting.clear();
    }

    /// Publishes what the log says, until something is in the way.
    pub(super) async fn follow<L: EventLog>(&mut self, log: &L) -> Stop {
        let mut tail = log.tail(self.position);
        loop {
            let Some(first) = tail.next().await else {
                return Stop::Interrupted("the tail of the event log ended".into());
            };
            let mut next = Some(first);
            let mut commits = 0;
            let mut caught_up = false;
            while let Some(item) = next {
                match item {
                    Ok(TailItem::Commit(commit)) => {
                        caught_up = false;
                        commits += 1;
                        self.position = commit.position;
                        self.waiting.push(commit.commit.at);
                        self.touched.extend(self.world.apply(&commit));
                        // Its answer names the last commit of a command, so that is what heads must come to, also if
                        // this commit came too late to be published with the others and concerns no edge.
                        self.command = Some(commit.commit.command_id);
                        if self.moved.0 == self.command {
                            self.index.renew_heads(&self.moved.1);
                        }
                    }
                    Ok(TailItem::CaughtUp(_)) => caught_up = true,
                    Err(error @ LogError::Damaged(_)) => {
                        metrics::counter!("ff_edge_config_damaged_total").increment(1);
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "edge config goes on without a damaged commit"
                        );
                    }
                    // The log is another one, or lost its end: the aggregates kept here may never have been.
                    Err(LogError::ForeignEpoch { .. } | LogError::AheadOfLog { .. })
                        if self.position != Position::ZERO =>
                    {
                        tracing::warn!(position = %self.position, "building edge config anew");
                        self.start_over(std::iter::empty());
                        tail = log.tail(Position::ZERO);
                        break;
                    }
                    Err(error @ LogError::Unavailable { .. }) => return Stop::interrupted(error),
                    Err(error) => return Stop::Fatal(PublisherError::Log(error)),
                }
                if commits == COMMITS {
                    break;
                }
                next = tail.next().now_or_never().flatten();
            }
            let ready = self.position >= self.ready_at && (caught_up || !self.rebuilding);
            let news = self.position != self.published || self.rebuilding;
            if ready
                && news
                && let Err(stop) = self.publish().await
            {
                return stop;
            }
            if self.rebuilding {
                // Nothing is late that is only caught up with.
                self.waiting.clear();
            }
        }
    }

    async fn publish(&mut self) -> Result<(), Stop> {
        let mut touched = std::mem::take(&mut self.touched);
        let mut stored = touched.clone();
        if std::mem::take(&mut self.rebuilding) {
            touched.extend(self.world.all());
            touched.extend(self.index.environments());
            stored.extend(self.world.all());
            // What is not in the log is written, too: as gone.
            stored.append(&mut self.leftover);
        }
        let largest = self.stream.largest_payload();
        let changes = self.index.changes(&self.world, &touched, self.position, largest);
        let mut messages = changes.objects;
        let heads = changes.heads.len();
        messages.extend(stored.into_iter().map(|which| Message {
            subject: which.subject(),
            payload: self.world.stored(which).into(),
        }));
        messages.extend(changes.heads);
        let batches = batches(messages);
        let last = batches.len() - 1;
        for (number, mut batch) in batches.into_iter().enumerate() {
            // Until the last batch the checkpoint stays; it is written again only so that each batch is refused
            // to a publisher that does not know it is displaced.
            let position = if number == last { self.position } else { self.published };
            let checkpoint = Checkpoint { position, format: FORMAT };
            let payload = serde_json::to_vec(&checkpoint).expect("a checkpoint is plain JSON");
            batch.push(Message { subject: POSITION.to_owned(), payload: payload.into() });
            self.mark = self.stream.publish(&batch, self.mark).await?;
        }
        self.published = self.position;
        if changes.moved.is_empty() && self.moved.0 != self.command {
            self.moved.1.clear();
        } else if !changes.moved.is_empty() {
            self.moved.1 = changes.moved;
        }
        self.moved.0 = self.command;
        self.measure(heads);
        Ok(())
    }

    fn measure(&mut self, heads: usize) {
        let now = Timestamp::now();
        let latency = metrics::histogram!("ff_edge_config_publish_seconds");
        for decided in self.waiting.drain(..) {
            latency.record(now.duration_since(decided).as_secs_f64().max(0.0));
        }
        metrics::counter!("ff_edge_config_heads_total").increment(heads as u64);
        #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!("ff_edge_config_sequence").set(self.position.sequence() as f64);
    }
}

/// Cuts messages into what one atomic batch takes, in their order. There is always a last batch, if only for the
/// checkpoint.
fn batches(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut all = vec![Vec::new()];
    let mut bytes = 0;
    for message in messages {
        let size = message.subject.len() + Bytes::len(&message.payload);
        let current = all.last().map_or(0, Vec::len);
        if current == MESSAGES || (current > 0 && bytes + size > BYTES) {
            all.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        all.last_mut().expect("there is always a batch").push(message);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: usize) -> Message {
        Message { subject: String::new(), payload: vec![0; size].into() }
    }

    #[test]
    fn a_batch_is_bounded_by_messages_and_by_bytes() {
        let sizes = |messages| batches(messages).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(Vec::new()), [0]);
        assert_eq!(sizes((0..1000).map(|_| message(1)).collect()), [MESSAGES, 1]);
        assert_eq!(sizes((0..3).map(|_| message(BYTES / 2)).collect()), [2, 1]);
        assert_eq!(sizes((0..2).map(|_| message(2 * BYTES)).collect()), [1, 1]);
    }
}
