//! A NATS, a ClickHouse and writers between them, and the comparison of both ends.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use clickhouse::{Client, Row};
use ff_ingest::record::{PARKED_STREAM, Record, STREAM, SUBJECT};
use ff_ingest::schema;
use ff_ingest::writer::{Status, Writer, WriterError, WriterOptions};
use ff_testkit::chdb::{self, TestChdb};
use ff_testkit::nats::{self, DedicatedNats, DedicatedOptions};
use serde::Deserialize;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Both servers, and what was published.
pub(crate) struct World {
    pub(crate) nats: DedicatedNats,
    pub(crate) chdb: TestChdb,
    pub(crate) context: jetstream::Context,
    pub(crate) clickhouse: Client,
    pub(crate) published: Vec<(u64, Record)>,
}

/// A writer that runs until it is killed.
pub(crate) struct Running {
    pub(crate) status: Status,
    pub(crate) task: JoinHandle<Result<(), WriterError>>,
}

/// What identifies a stored row, and everything that is in it, as text.
pub(crate) type Rows = BTreeMap<String, String>;

#[expect(dead_code, reason = "rows are compared as text")]
#[derive(Debug, Row, Deserialize)]
struct ExposureRow {
    #[serde(with = "clickhouse::serde::uuid")]
    environment: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    at: i64,
    received: i64,
    position: u64,
    user_key: String,
    flag: String,
    variation: String,
    rule: String,
    experiment: String,
    config: u64,
    #[serde(with = "clickhouse::serde::uuid")]
    instance: Uuid,
    attributes: Vec<(String, String)>,
}

#[expect(dead_code, reason = "rows are compared as text")]
#[derive(Debug, Row, Deserialize)]
struct MetricRow {
    #[serde(with = "clickhouse::serde::uuid")]
    environment: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    at: i64,
    received: i64,
    position: u64,
    user_key: String,
    metric: String,
    value: f64,
}

#[expect(dead_code, reason = "rows are compared as text")]
#[derive(Debug, Row, Deserialize)]
struct SenderRow {
    #[serde(with = "clickhouse::serde::uuid")]
    environment: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    instance: Uuid,
    experiment: String,
    received: i64,
    position: u64,
    sent: u64,
    accepted: u64,
}

impl World {
    pub(crate) async fn new() -> Self {
        let world = Self::without_tables().await;
        schema::migrate_up(&world.clickhouse).await.unwrap();
        world
    }

    pub(crate) async fn without_tables() -> Self {
        let (nats, chdb) =
            tokio::join!(nats::dedicated(DedicatedOptions::default()), chdb::server());
        let context = jetstream::new(nats.client().await);
        let config = stream::Config {
            name: STREAM.to_owned(),
            subjects: vec![SUBJECT.to_owned()],
            discard: stream::DiscardPolicy::New,
            max_age: Duration::from_secs(72 * 60 * 60),
            allow_direct: true,
            ..stream::Config::default()
        };
        context.create_stream(config).await.unwrap();
        let clickhouse = Client::default().with_url(&chdb.url);
        Self { nats, chdb, context, clickhouse, published: Vec::new() }
    }

    pub(crate) fn options(&self) -> WriterOptions {
        let mut options = WriterOptions::new(&self.nats.url, &self.chdb.url);
        options.linger = Duration::from_millis(20);
        options
    }

    pub(crate) fn write(&self) -> Running {
        self.write_with(self.options())
    }

    pub(crate) fn write_with(&self, options: WriterOptions) -> Running {
        let writer = Writer::new(options);
        let status = writer.status();
        Running { status, task: tokio::spawn(writer.run(CancellationToken::new())) }
    }

    /// Publishes a message of these records, and returns its position.
    pub(crate) async fn publish(&mut self, records: Vec<Record>) -> u64 {
        let lines: Vec<_> =
            records.iter().map(|record| serde_json::to_string(record).unwrap()).collect();
        let position = self.publish_raw(lines.join("\n")).await;
        self.published.extend(records.into_iter().map(|record| (position, record)));
        position
    }

    pub(crate) async fn publish_raw(&self, payload: String) -> u64 {
        let sent = self.context.publish(SUBJECT, payload.into()).await.unwrap();
        sent.await.unwrap().sequence
    }

    /// What must be in the tables: an event once, with its first position.
    pub(crate) fn expected(&self) -> Rows {
        let mut rows = Rows::new();
        for (position, record) in &self.published {
            let (key, row) = expected_row(*position, record.clone());
            rows.entry(key).or_insert(row);
        }
        rows
    }

    /// What is in the tables, read as an analysis does.
    pub(crate) async fn stored(&self) -> Rows {
        let mut rows = Rows::new();
        let query = self.clickhouse.query("SELECT ?fields FROM events_exposure FINAL");
        for row in query.fetch_all::<ExposureRow>().await.unwrap() {
            let twice = rows.insert(format!("exposure {}", row.id), format!("{row:?}"));
            assert_eq!(twice, None);
        }
        let query = self.clickhouse.query("SELECT ?fields FROM events_metric FINAL");
        for row in query.fetch_all::<MetricRow>().await.unwrap() {
            let twice = rows.insert(format!("metric {}", row.id), format!("{row:?}"));
            assert_eq!(twice, None);
        }
        let query = self.clickhouse.query("SELECT ?fields FROM events_sender FINAL");
        for row in query.fetch_all::<SenderRow>().await.unwrap() {
            let key = format!("sender {} {:?} {}", row.instance, row.experiment, row.position);
            assert_eq!(rows.insert(key, format!("{row:?}")), None);
        }
        rows
    }

    /// Waits until the last message is written, and compares both ends.
    pub(crate) async fn assert_complete(&self, writer: &Running) {
        let last = self.published.last().map_or(0, |(position, _)| *position);
        writer.reaches(last).await;
        assert_same(&self.expected(), &self.stored().await);
    }

    pub(crate) async fn count(&self, sql: &str) -> u64 {
        self.clickhouse.query(sql).fetch_one::<u64>().await.unwrap()
    }

    /// How many messages are parked.
    pub(crate) async fn parked(&self) -> u64 {
        match self.context.get_stream(PARKED_STREAM).await {
            Ok(stream) => stream.cached_info().state.messages,
            Err(_) => 0,
        }
    }
}

impl Running {
    pub(crate) async fn reaches(&self, position: u64) {
        let reached = tokio::time::timeout(Duration::from_secs(120), self.status.written(position));
        assert!(reached.await.is_ok(), "not at {position}: {:?}", self.status.get());
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Compares row by row: the whole of both would say nothing.
#[track_caller]
pub(crate) fn assert_same(expected: &Rows, stored: &Rows) {
    for (key, row) in expected {
        assert_eq!(stored.get(key), Some(row), "{key} is missing or different");
    }
    for key in stored.keys() {
        assert!(expected.contains_key(key), "{key} was never published");
    }
}

fn expected_row(position: u64, record: Record) -> (String, String) {
    match record {
        Record::Exposure(e) => {
            let row = ExposureRow {
                environment: e.environment,
                id: e.id,
                at: e.at.as_millisecond(),
                received: e.received.as_millisecond(),
                position,
                user_key: e.user_key,
                flag: e.flag,
                variation: e.variation,
                rule: e.rule.unwrap_or_default(),
                experiment: e.experiment.unwrap_or_default(),
                config: e.config,
                instance: e.instance.unwrap_or_default(),
                attributes: e.attributes.into_iter().collect(),
            };
            (format!("exposure {}", row.id), format!("{row:?}"))
        }
        Record::Metric(m) => {
            let row = MetricRow {
                environment: m.environment,
                id: m.id,
                at: m.at.as_millisecond(),
                received: m.received.as_millisecond(),
                position,
                user_key: m.user_key,
                metric: m.metric,
                value: m.value,
            };
            (format!("metric {}", row.id), format!("{row:?}"))
        }
        Record::Sender(s) => {
            let row = SenderRow {
                environment: s.environment,
                instance: s.instance,
                experiment: s.experiment,
                received: s.received.as_millisecond(),
                position,
                sent: s.sent,
                accepted: s.accepted,
            };
            let key = format!("sender {} {:?} {position}", row.instance, row.experiment);
            (key, format!("{row:?}"))
        }
    }
}
