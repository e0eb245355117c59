//! The log in JetStream: the stream `FF_EVENTS`, its subjects, its headers, and no one else's.
//!
//! The server is asked for as little as possible: appending is one message (or one atomic batch),
//! loading one batched direct get, watching one ordered consumer without acknowledgements.

mod append;
mod config;
mod connection;
mod read;
mod restore;
mod subject;
mod tail;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use futures::stream::BoxStream;

use self::connection::Connection;
use crate::{
    AppendError, Draft, EventLog, Freshness, LogError, Position, Recorded, StreamKey, TailItem, Tip,
};

pub(crate) use restore::Restore;

/// The stream that holds every commit.
pub const STREAM_NAME: &str = "FF_EVENTS";

/// How to open the log.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The NATS server.
    pub server: Server,
    /// How many servers keep each commit: 3 in a cluster, 1 on a single server.
    pub replicas: usize,
    /// The longest time an append takes, waiting for a connection included.
    pub append_timeout: Duration,
    /// The longest silence that a read accepts.
    pub read_timeout: Duration,
    /// How often an idle tail wants a sign of life; after three without one it starts anew.
    pub heartbeat: Duration,
    /// The epoch of a stream that is made by this call: 1 for a new log, one more than any in an
    /// imported log unless given. Give it when an export is restored for a second time.
    pub epoch: Option<u16>,
}

/// The NATS server of a log.
#[derive(Clone, Debug)]
pub enum Server {
    /// To be connected to.
    Address(ff_nats::Server),
    /// A connection that exists.
    Client(async_nats::Client),
}

impl LogOptions {
    /// A single server to be connected to, with the usual times.
    pub fn url(server: impl Into<ff_nats::Server>) -> Self {
        Self::new(Server::Address(server.into()))
    }

    /// A single server behind an existing connection, with the usual times.
    #[must_use]
    pub fn client(client: async_nats::Client) -> Self {
        Self::new(Server::Client(client))
    }

    fn new(server: Server) -> Self {
        Self {
            server,
            replicas: 1,
            append_timeout: Duration::from_secs(2),
            read_timeout: Duration::from_secs(2),
            heartbeat: Duration::from_secs(1),
            epoch: None,
        }
    }
}

/// The log in the stream `FF_EVENTS`. Clones share one connection.
#[derive(Clone, Debug)]
pub struct JetStreamLog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    connection: Connection,
    options: LogOptions,
    epoch: u16,
}

impl JetStreamLog {
    /// Connects, and creates the stream if there is none.
    ///
    /// # Errors
    /// [`LogError::ConfigDiffers`] when the stream exists with other settings,
    /// [`LogError::Unavailable`] when the server cannot be reached.
    pub async fn connect(options: LogOptions) -> Result<Self, LogError> {
        let connection = Connection::open(&options).await?;
        let wanted = config::stream(&options, options.epoch.unwrap_or(1));
        let found = connection.find_or_create(&wanted).await?;
        let epoch = config::check(&wanted, &found.config)?;
        tracing::info!(
            stream = STREAM_NAME,
            log.epoch = epoch,
            log.commits = found.state.messages,
            "opened the event log"
        );
        Ok(Self { inner: Arc::new(Inner { connection, options, epoch }) })
    }

    /// The epoch of the log: what its positions begin with.
    #[must_use]
    pub fn epoch(&self) -> u16 {
        self.inner.epoch
    }

    /// The connection, for other streams of the platform.
    #[must_use]
    pub fn client(&self) -> async_nats::Client {
        self.inner.connection.client().clone()
    }

    fn position(&self, sequence: u64) -> Position {
        Position::new(self.inner.epoch, sequence)
    }

    fn connection(&self) -> &Connection {
        &self.inner.connection
    }

    fn context(&self) -> &jetstream::Context {
        self.inner.connection.context()
    }
}

impl EventLog for JetStreamLog {
    async fn history(
        &self,
        key: &StreamKey,
        after: Option<&Tip>,
        read: Freshness,
    ) -> Result<Vec<Recorded>, LogError> {
        self.read_history(key, after.copied(), read).await
    }

    async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Recorded>, AppendError> {
        self.append_all(drafts).await
    }

    fn tail(&self, after: Position) -> BoxStream<'static, Result<TailItem, LogError>> {
        tail::tail(self.clone(), after, None)
    }

    fn tail_of(
        &self,
        after: Position,
        kinds: &'static [&'static str],
    ) -> BoxStream<'static, Result<TailItem, LogError>> {
        tail::tail(self.clone(), after, Some(kinds))
    }

    async fn head(&self) -> Result<Position, LogError> {
        let info = self.connection().info().await?;
        Ok(self.position(info.state.last_sequence))
    }
}
