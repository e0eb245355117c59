//! From FF_SECURITY to PostgreSQL.
//!
//! A message is acknowledged, and gone, when its transaction is committed. What is delivered twice is written once: rows
//! have ids, and so have messages with uses of keys. Any number of writers may run; they share the messages among them.
//! While PostgreSQL is away messages stay in the stream; while NATS is away they stay with who recorded them.

mod batch;
mod retention;
mod store;

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::{self, AckKind};
use futures::StreamExt;
use jiff::SignedDuration;
use sqlx::PgPool;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::StreamOptions;
use crate::patience::{Cause, Patience};
use crate::stream::find_or_make;
use batch::Batch;
use retention::Retention;
pub(crate) use store::LOCK;
use store::Store;

/// All writers are this one to the server.
const CONSUMER: &str = "ff-security-writer";
/// The most messages in a transaction.
const MESSAGES: usize = 500;
/// After this without an answer a message is given to another writer.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// How long the server keeps a request for messages that do not come.
const FETCH_PATIENCE: Duration = Duration::from_secs(1);
/// How much longer an answer may take before the request counts as lost.
const WATCHDOG: Duration = Duration::from_secs(2);

/// How the writer is set up.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// The stream, if it has to be made.
    pub stream: StreamOptions,
    /// How long rows are kept.
    pub retention: SignedDuration,
}

impl Default for WriterOptions {
    /// 400 days: a year and a month, so that a yearly review sees all of its year.
    fn default() -> Self {
        Self { stream: StreamOptions::default(), retention: SignedDuration::from_hours(400 * 24) }
    }
}

/// Writes the security log, and removes what is too old.
#[derive(Debug)]
pub struct Writer {
    context: jetstream::Context,
    store: Store,
    options: WriterOptions,
}

impl Writer {
    /// A writer that has not begun.
    #[must_use]
    pub fn new(client: Client, pool: PgPool, options: WriterOptions) -> Self {
        Self { context: jetstream::new(client), store: Store::new(pool), options }
    }

    /// Writes until it is cancelled. No failure of NATS or PostgreSQL ends it; dropping the future is as good as
    /// cancelling it.
    pub async fn run(self, stop: CancellationToken) {
        let retention = Retention::new(self.store.pool().clone(), self.options.retention);
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.write() => {}
            () = retention.keep() => {}
        }
    }

    async fn write(&self) {
        let mut patience = Patience::new("reading FF_SECURITY");
        loop {
            let Err(cause) = self.follow(&mut patience).await;
            patience.wait(&*cause).await;
        }
    }

    /// Writes with one consumer for as long as it is good.
    async fn follow(&self, patience: &mut Patience) -> Result<std::convert::Infallible, Cause> {
        let consumer = self.open().await?;
        patience.works();
        loop {
            let asked = consumer.batch().max_messages(MESSAGES).expires(FETCH_PATIENCE);
            let mut ready = asked.messages().await?.ready_chunks(MESSAGES);
            loop {
                match timeout(FETCH_PATIENCE + WATCHDOG, ready.next()).await {
                    Ok(Some(messages)) => self.take(messages).await?,
                    // All that were asked for came, or no more within the time.
                    Ok(None) => break,
                    Err(elapsed) => return Err(elapsed.into()),
                }
            }
            // A connection that is lost and made again may have left the consumer behind.
            if self.context.client().connection_state() != async_nats::connection::State::Connected
            {
                return Err("the connection to NATS is lost".into());
            }
        }
    }

    async fn open(&self) -> Result<Consumer<pull::Config>, Cause> {
        let stream = find_or_make(&self.context, &self.options.stream).await?;
        let config = pull::Config {
            durable_name: Some(CONSUMER.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: 10_000,
            ..pull::Config::default()
        };
        Ok(stream.get_or_create_consumer(CONSUMER, config).await?)
    }

    async fn take(
        &self,
        received: Vec<Result<jetstream::Message, async_nats::Error>>,
    ) -> Result<(), Cause> {
        let mut failed = None;
        let mut messages = Vec::with_capacity(received.len());
        for message in received {
            match message {
                Ok(message) => messages.push(message),
                Err(error) => failed = Some(error),
            }
        }
        let (batch, unreadable) = Batch::read(&messages);
        for (message, error) in unreadable {
            // The payload is not logged: it may hold addresses.
            tracing::error!(
                error = &error as &dyn std::error::Error,
                subject = message.subject.as_str(),
                "a message of FF_SECURITY cannot be read and is dropped"
            );
            metrics::counter!("ff_security_unreadable_total").increment(1);
            message.ack_with(AckKind::Term).await?;
        }
        self.store_patiently(&batch).await;
        for message in batch.messages {
            // One whose acknowledgement is lost comes again, and is recognised.
            message.ack().await?;
        }
        failed.map_or(Ok(()), Err)
    }

    /// Returns when the batch is committed. Meanwhile no other writer is given its messages.
    async fn store_patiently(&self, batch: &Batch<'_>) {
        let mut patience = Patience::new("writing the security log");
        while let Err(error) = self.store.write(batch).await {
            for message in &batch.messages {
                // If even this fails the message goes to another writer, which does no harm.
                let _ = message.ack_with(AckKind::Progress).await;
            }
            patience.wait(&error).await;
        }
        patience.works();
    }
}
