//! Watching the whole log in order.
//!
//! An ephemeral push consumer without acknowledgements delivers from a sequence on. Nothing is ever
//! deleted, so the next message must have the next sequence: whatever else comes, or does not come,
//! means that this consumer is worth nothing, and a new one takes over where the last message was.

use std::time::Duration;

use async_nats::jetstream::consumer::push;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy};
use async_nats::{Message, StatusCode, Subscriber, jetstream};
use async_stream::stream;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::{Instant, sleep, timeout};

use super::connection::unavailable;
use super::{JetStreamLog, STREAM_NAME, config, subject};
use crate::{Defect, LogError, Position, Recorded, TailItem};

/// How often an idle tail looks whether the connection was replaced.
const LOOK: Duration = Duration::from_millis(200);

/// The longest pause between two tries to get a consumer.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// The whole log, or only what is of these kinds.
pub(super) fn tail(
    log: JetStreamLog,
    after: Position,
    kinds: Option<&'static [&'static str]>,
) -> BoxStream<'static, Result<TailItem, LogError>> {
    stream! {
        let epoch = log.inner.epoch;
        if after != Position::ZERO && after.epoch() != epoch {
            yield Err(LogError::ForeignEpoch { position: after, epoch });
            return;
        }
        let mut last = after.sequence();
        let mut failures = 0;
        loop {
            let mut consumer = match Consumer::start(&log, last, kinds).await {
                Ok(consumer) => consumer,
                Err(error @ (LogError::Unavailable { .. } | LogError::Unexpected { .. })) => {
                    if failures == 0 {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            log.sequence = last,
                            "the tail of the event log is interrupted, trying again"
                        );
                    }
                    failures += 1;
                    sleep(pause(failures)).await;
                    continue;
                }
                Err(error) => {
                    yield Err(error);
                    return;
                }
            };
            if failures > 0 {
                tracing::info!(log.sequence = last, "the tail of the event log goes on");
                failures = 0;
            }
            if consumer.pending == 0 {
                yield Ok(TailItem::CaughtUp(log.position(last)));
            }
            while let Some(heard) = consumer.next(last).await {
                let next = match heard {
                    Heard::Next(next) => next,
                    Heard::Alive if kinds.is_some() => {
                        yield Ok(TailItem::CaughtUp(log.position(last)));
                        continue;
                    }
                    Heard::Alive => continue,
                };
                if kinds.is_none() && next.sequence != last + 1 {
                    let (after, found) = (log.position(last), log.position(next.sequence));
                    yield Err(Defect::Hole { after, found }.into());
                }
                last = next.sequence;
                yield log.read(&next).map(TailItem::Commit).map_err(Into::into);
                if next.pending == 0 {
                    yield Ok(TailItem::CaughtUp(log.position(last)));
                }
            }
        }
    }
    .boxed()
}

/// Doubles from 50 ms, with jitter: many tails come back at once when a server does.
fn pause(failures: u32) -> Duration {
    let longest = MAX_PAUSE.min(Duration::from_millis(25) * 2_u32.pow(failures.min(6)));
    longest.mul_f64(rand::random_range(0.5..=1.0))
}

impl JetStreamLog {
    fn read(&self, next: &Next) -> Result<Recorded, Defect> {
        let commit = Recorded::parse(self.position(next.sequence), next.message.payload.clone())?;
        subject::check_place(&next.message.subject, &commit)?;
        Ok(commit)
    }
}

/// What a consumer hears.
enum Heard {
    Next(Next),
    /// There is nothing new.
    Alive,
}

/// A message in its turn.
struct Next {
    sequence: u64,
    /// How many more the server had to send.
    pending: u64,
    message: Message,
}

/// One consumer on the server and the subscription it delivers to.
struct Consumer {
    log: JetStreamLog,
    messages: Subscriber,
    generation: u64,
    pending: u64,
    /// How many messages it has delivered. They are numbered, so that one lost on the way is told
    /// from one that the stream does not have.
    delivered: u64,
    silent_since: Instant,
}

impl Consumer {
    async fn start(
        log: &JetStreamLog,
        last: u64,
        kinds: Option<&'static [&'static str]>,
    ) -> Result<Self, LogError> {
        let connection = log.connection();
        let generation = connection.generation();
        let info = connection.info().await?;
        // A restored log may have taken the place of the one that was opened.
        let epoch = config::epoch(&info.config).unwrap_or_default();
        if epoch != log.inner.epoch {
            return Err(LogError::ForeignEpoch { position: log.position(last), epoch });
        }
        if last > info.state.last_sequence {
            let (position, head) = (log.position(last), log.position(info.state.last_sequence));
            return Err(LogError::AheadOfLog { position, head });
        }
        let inbox = connection.client().new_inbox();
        let messages = connection.client().subscribe(inbox.clone()).await.map_err(unavailable)?;
        let consumer = log
            .context()
            .create_consumer_on_stream(
                push::Config {
                    deliver_subject: inbox,
                    filter_subjects: kinds
                        .into_iter()
                        .flatten()
                        .map(|kind| subject::of_kind(kind))
                        .collect(),
                    deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: last + 1 },
                    ack_policy: AckPolicy::None,
                    max_deliver: 1,
                    replay_policy: ReplayPolicy::Instant,
                    flow_control: true,
                    idle_heartbeat: log.inner.options.heartbeat,
                    inactive_threshold: Duration::from_secs(10),
                    memory_storage: true,
                    num_replicas: 1,
                    ..push::Config::default()
                },
                STREAM_NAME,
            )
            .await
            .map_err(unavailable)?;
        Ok(Self {
            log: log.clone(),
            messages,
            generation,
            pending: consumer.cached_info().num_pending,
            delivered: 0,
            silent_since: Instant::now(),
        })
    }

    /// The next message after `last`, none when this consumer must be replaced.
    async fn next(&mut self, last: u64) -> Option<Heard> {
        loop {
            let message = match timeout(LOOK, self.messages.next()).await {
                Ok(message) => message?,
                Err(_) if self.is_lost() => return None,
                Err(_) => continue,
            };
            self.silent_since = Instant::now();
            match message.status {
                None => {}
                Some(StatusCode::IDLE_HEARTBEAT) => {
                    self.answer(&message).await?;
                    let sent = number(&message, "Nats-Last-Consumer");
                    if sent.is_some_and(|sent| sent != self.delivered) {
                        return None;
                    }
                    return Some(Heard::Alive);
                }
                Some(_) => return None,
            }
            let message = jetstream::Message { message, context: self.log.context().clone() };
            let info = message.info().ok()?;
            let (sequence, pending) = (info.stream_sequence, info.pending);
            if info.consumer_sequence != self.delivered + 1 || sequence <= last {
                return None;
            }
            self.delivered += 1;
            return Some(Heard::Next(Next { sequence, pending, message: message.message }));
        }
    }

    fn is_lost(&self) -> bool {
        self.silent_since.elapsed() > 3 * self.log.inner.options.heartbeat
            || self.log.connection().generation() != self.generation
    }

    /// A heartbeat may ask whether what was sent has been read; without an answer no more comes.
    async fn answer(&self, message: &Message) -> Option<()> {
        let stalled = || {
            let headers = message.headers.as_ref()?;
            headers.get("Nats-Consumer-Stalled").map(|value| value.as_str().to_owned())
        };
        let asked = message.reply.as_ref().map(|reply| reply.as_str().to_owned());
        match asked.or_else(stalled) {
            Some(subject) => {
                self.log.connection().client().publish(subject, Bytes::new()).await.ok()
            }
            None => Some(()),
        }
    }
}

fn number(message: &Message, name: &str) -> Option<u64> {
    message.headers.as_ref()?.get(name)?.as_str().parse().ok()
}
