//! A database with the schema, a NATS server, recorders and writers.

use std::time::Duration;

use ff_security::{
    Entry, Filter, Kind, Log, Outcome, Record, Recorder, RecorderOptions, STREAM, Scope, Service,
    Writer, WriterOptions,
};
use ff_testkit::eventually;
use ff_testkit::nats::TestNats;
use jiff::Timestamp;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

/// After this a test fails; nothing takes nearly as long.
pub(crate) const SOON: Duration = Duration::from_secs(30);
pub(crate) const ORG: Uuid = Uuid::from_u128(0x0a);
pub(crate) const OTHER_ORG: Uuid = Uuid::from_u128(0x0b);
pub(crate) const US: Scope = Scope::Organization { id: ORG, stays: Vec::new() };

const UP: [&str; 2] = [
    include_str!("../../../migrations/postgres/0007_security.up.sql"),
    include_str!("../../../migrations/postgres/0008_people_at_the_doors.up.sql"),
];

pub(crate) struct World {
    pub(crate) nats: TestNats,
    pub(crate) pool: PgPool,
    pub(crate) log: Log,
}

pub(crate) struct Writing {
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let pool = ff_testkit::postgres::database().await.pool;
        migrate(&pool).await;
        let nats = ff_testkit::nats::server().await;
        Self { nats, log: Log::new(pool.clone()), pool }
    }

    pub(crate) async fn recorder(&self) -> Recorder {
        self.recorder_with(options()).await
    }

    pub(crate) async fn recorder_with(&self, options: RecorderOptions) -> Recorder {
        Recorder::start(ff_security::connect(&self.nats.url).await.unwrap(), options)
    }

    pub(crate) async fn write(&self) -> Writing {
        write(&self.nats.url, &self.pool).await
    }

    /// Everything of our organization, newest first.
    pub(crate) async fn ours(&self) -> Vec<Entry> {
        self.log.list(&US, &Filter::default(), None, Some(200)).await.unwrap().items
    }

    pub(crate) async fn until_written(&self, count: usize) -> Vec<Entry> {
        until_written(&self.pool, i64::try_from(count).unwrap()).await;
        self.ours().await
    }

    /// What is in the stream and not written.
    pub(crate) async fn queued(&self) -> u64 {
        let context = async_nats::jetstream::new(self.nats.client().await);
        context.get_stream(STREAM).await.unwrap().cached_info().state.messages
    }
}

impl Writing {
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

pub(crate) async fn migrate(pool: &PgPool) {
    for up in UP {
        sqlx::raw_sql(up).execute(pool).await.unwrap();
    }
}

pub(crate) async fn write(nats: &str, pool: &PgPool) -> Writing {
    write_with(nats, pool, WriterOptions { stream: options().stream, ..WriterOptions::default() })
        .await
}

pub(crate) async fn write_with(nats: &str, pool: &PgPool, options: WriterOptions) -> Writing {
    let client = ff_security::connect(nats).await.unwrap();
    let writer = Writer::new(client, pool.clone(), options);
    let stop = CancellationToken::new();
    let task = AbortOnDropHandle::new(tokio::spawn(writer.run(stop.clone())));
    Writing { stop, task }
}

pub(crate) async fn until_written(pool: &PgPool, count: i64) {
    eventually(SOON, || async {
        let rows = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM security.log");
        match rows.fetch_one(pool).await.unwrap() {
            rows if rows == count => Ok(()),
            rows => Err(rows),
        }
    })
    .await;
}

/// Servers of many tests share a disk, and each sets this much aside.
pub(crate) fn options() -> RecorderOptions {
    let mut options = RecorderOptions::default();
    options.stream.max_bytes = 16 * 1024 * 1024;
    options
}

/// A second of this day; the log has microseconds.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(crate) fn record(second: i64, kind: Kind) -> Record {
    Record::new(at(second), kind, Outcome::Ok, Service::Control).organization(ORG)
}
