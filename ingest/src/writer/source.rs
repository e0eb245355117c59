//! The messages of FF_TELEMETRY, in order, from behind what is written.
//!
//! An ephemeral consumer without acknowledgements, asked for a few messages at a time, so that memory is bounded by
//! what was asked for. The server numbers what it delivers: a number left out means that something was lost on the way,
//! and a new consumer goes on behind the last message. A sequence left out although the numbers are in order means that
//! the stream itself no longer has it.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, ReplayPolicy, pull};
use async_nats::{Client, connection::State, jetstream};
use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::error::{Cause, WriterError};
use super::measure;
use super::patience::Patience;
use super::status::Status;
use crate::record::STREAM;

/// Messages that are read ahead of those that are decoded.
pub(super) const AHEAD: usize = 8;

/// What is asked for at once. More bytes than the largest message has, else that one would never come.
const FETCH_MESSAGES: usize = 64;
const FETCH_BYTES: usize = 4 * 1024 * 1024;

/// How long the server keeps a request for messages that do not come.
const FETCH_PATIENCE: Duration = Duration::from_secs(1);

/// How much longer an answer may take before the request counts as lost.
const WATCHDOG: Duration = Duration::from_secs(1);

/// A message in its turn.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) sequence: u64,
    pub(super) payload: Bytes,
    /// When the stream was made, in nanoseconds.
    pub(super) stream: i128,
}

/// Why reading stops.
enum Stop {
    /// It will be tried again.
    Interrupted(Cause),
    /// Nobody wants more.
    Closed,
    /// It makes no sense to try again.
    Fatal(WriterError),
}

/// Reads the stream.
#[derive(Debug)]
pub(super) struct Source {
    client: Client,
    context: jetstream::Context,
    /// The sequence behind which reading goes on.
    last: u64,
    status: Status,
}

/// A consumer on the server.
struct Open {
    consumer: Consumer<pull::Config>,
    stream: i128,
    delivered: u64,
}

impl Source {
    pub(super) fn new(
        client: Client,
        context: jetstream::Context,
        written: u64,
        status: Status,
    ) -> Self {
        Self { client, context, last: written, status }
    }

    /// Gives out messages until nobody wants more.
    pub(super) async fn follow(mut self, out: mpsc::Sender<Read>) -> Result<(), WriterError> {
        let mut patience = Patience::new("reading FF_TELEMETRY");
        loop {
            match self.read(&out, &mut patience).await {
                Stop::Closed => return Ok(()),
                Stop::Fatal(error) => return Err(error),
                Stop::Interrupted(cause) => {
                    self.status.reads(false, None);
                    patience.wait(&*cause).await;
                }
            }
        }
    }

    /// Reads with one consumer for as long as it is good.
    async fn read(&mut self, out: &mpsc::Sender<Read>, patience: &mut Patience) -> Stop {
        let mut open = match self.open().await {
            Ok(open) => open,
            Err(stop) => return stop,
        };
        patience.works();
        loop {
            let fetch = open.consumer.batch();
            let fetch = fetch.max_messages(FETCH_MESSAGES).max_bytes(FETCH_BYTES);
            let mut messages = match fetch.expires(FETCH_PATIENCE).messages().await {
                Ok(messages) => messages,
                Err(error) => return Stop::Interrupted(error.into()),
            };
            let mut came = 0;
            loop {
                let message = match timeout(FETCH_PATIENCE + WATCHDOG, messages.next()).await {
                    Ok(Some(Ok(message))) => message,
                    // All that were asked for came, or no more within the time.
                    Ok(None) => break,
                    // The next one did not fit into what was asked for.
                    Ok(Some(Err(_))) if came > 0 => break,
                    Ok(Some(Err(error))) => return Stop::Interrupted(error),
                    Err(elapsed) => return Stop::Interrupted(elapsed.into()),
                };
                came += 1;
                if let Err(stop) = self.pass_on(&mut open, message, out).await {
                    return stop;
                }
            }
            if self.client.connection_state() != State::Connected {
                return Stop::Interrupted("the connection to NATS is lost".into());
            }
        }
    }

    async fn open(&mut self) -> Result<Open, Stop> {
        let interrupted = |cause: Cause| Stop::Interrupted(cause);
        let stream = self.context.get_stream(STREAM).await;
        let stream = stream.map_err(|error| interrupted(error.into()))?;
        let info = stream.cached_info();
        let (first, end) = (info.state.first_sequence, info.state.last_sequence);
        let made = info.created.unix_timestamp_nanos();
        if end < self.last {
            return Err(Stop::Fatal(WriterError::AnotherStream { written: self.last, end }));
        }
        if first > self.last + 1 {
            self.lose(first - 1 - self.last);
            self.last = first - 1;
        }
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.last + 1 },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            inactive_threshold: Duration::from_secs(30),
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = stream.create_consumer(config).await;
        let consumer = consumer.map_err(|error| interrupted(error.into()))?;
        self.status.reads(true, Some(end));
        measure::lag(self.status.get().lag());
        Ok(Open { consumer, stream: made, delivered: 0 })
    }

    async fn pass_on(
        &mut self,
        open: &mut Open,
        message: jetstream::Message,
        out: &mpsc::Sender<Read>,
    ) -> Result<(), Stop> {
        let info = message.info().map_err(Stop::Interrupted)?;
        let (sequence, pending) = (info.stream_sequence, info.pending);
        if info.consumer_sequence != open.delivered + 1 || sequence <= self.last {
            return Err(Stop::Interrupted("a message was lost on the way".into()));
        }
        open.delivered += 1;
        if sequence > self.last + 1 {
            self.lose(sequence - 1 - self.last);
        }
        self.last = sequence;
        self.status.reads(true, Some(sequence + pending));
        let read = Read { sequence, payload: message.message.payload, stream: open.stream };
        out.send(read).await.map_err(|_| Stop::Closed)
    }

    /// Says that messages behind `last` are gone for ever.
    fn lose(&self, count: u64) {
        tracing::error!(
            lost.messages = count,
            after.position = self.last,
            "messages left FF_TELEMETRY before they were written to ClickHouse: their events are lost"
        );
        measure::lost(count);
        self.status.has_lost(count);
    }
}
