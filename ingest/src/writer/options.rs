//! What can be set.

use std::time::Duration;

use clickhouse::Client;
use ff_nats::Server;

/// How to write.
#[derive(Clone)]
pub struct WriterOptions {
    /// The NATS server that has the telemetry.
    pub nats: Server,
    /// ClickHouse: address, user and database.
    pub clickhouse: Client,
    /// A batch is written when it has this many rows. While ClickHouse is busy with the one before, it grows up to
    /// three times as many: fewer and larger parts when it is behind.
    pub batch_rows: usize,
    /// It grows no further when its messages have this many bytes, which bounds memory: two batches are there at once.
    pub batch_bytes: usize,
    /// It is also written when it is this old. Shorter is fresher and makes more parts to merge.
    pub linger: Duration,
    /// How long ClickHouse may take for an insert before it counts as lost and is repeated.
    pub insert_timeout: Duration,
    /// Copies of the parking stream in a cluster of NATS servers.
    pub replicas: usize,
}

impl WriterOptions {
    /// The options for one NATS server and one ClickHouse without users.
    #[must_use]
    pub fn new(nats: impl Into<Server>, clickhouse_url: impl Into<String>) -> Self {
        Self {
            nats: nats.into(),
            clickhouse: Client::default().with_url(clickhouse_url),
            batch_rows: 10_000,
            batch_bytes: 8 * 1024 * 1024,
            linger: Duration::from_millis(200),
            insert_timeout: Duration::from_secs(60),
            replicas: 1,
        }
    }
}

impl std::fmt::Debug for WriterOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the client: it may hold a password.
        formatter.debug_struct("WriterOptions").field("nats", &self.nats).finish_non_exhaustive()
    }
}
