//! A server with our tables, and telemetry written as the writer writes it.

use clickhouse::{Client, Row};
use ff_analytics::store::Store;
use ff_testkit::chdb::TestChdb;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::events::{Event, What};

/// The tables, in the order they are made in.
const MIGRATIONS: [&str; 2] = [
    include_str!("../../../../migrations/clickhouse/0001_telemetry.up.sql"),
    include_str!("../../../../migrations/clickhouse/0002_experiments.up.sql"),
];
const BACK: &str = include_str!("../../../../migrations/clickhouse/0002_experiments.down.sql");

pub(crate) struct Server {
    pub(crate) client: Client,
    pub(crate) store: Store,
    _server: TestChdb,
}

#[derive(Row, Serialize)]
struct ExposureRow<'a> {
    #[serde(with = "clickhouse::serde::uuid")]
    environment: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    at: i64,
    received: i64,
    position: u64,
    user_key: &'a str,
    flag: &'a str,
    variation: &'a str,
    rule: &'a str,
    experiment: &'a str,
    config: u64,
    #[serde(with = "clickhouse::serde::uuid")]
    instance: Uuid,
    attributes: Vec<(String, String)>,
}

#[derive(Row, Serialize)]
struct MetricRow<'a> {
    #[serde(with = "clickhouse::serde::uuid")]
    environment: Uuid,
    #[serde(with = "clickhouse::serde::uuid")]
    id: Uuid,
    at: i64,
    received: i64,
    position: u64,
    user_key: &'a str,
    metric: &'a str,
    value: f64,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let server = ff_testkit::chdb::server().await;
        let client = Client::default().with_url(&server.url);
        let this = Self { store: Store::new(client.clone()), client, _server: server };
        for migration in MIGRATIONS {
            this.apply(migration).await;
        }
        // Down and up again: the way back is a way.
        this.apply(BACK).await;
        this.apply(MIGRATIONS[1]).await;
        this
    }

    async fn apply(&self, migration: &str) {
        let lines = migration.lines().filter(|line| !line.trim_start().starts_with("--"));
        let text: String = lines.flat_map(|line| [line, "\n"]).collect();
        for statement in text.split(';').filter(|statement| !statement.trim().is_empty()) {
            self.run(statement).await;
        }
    }

    pub(crate) async fn run(&self, statement: &str) {
        self.client.query(statement).execute().await.unwrap();
    }

    /// Writes events, and that all up to `position` are written.
    pub(crate) async fn write(&self, environment: Uuid, events: &[Event], position: u64) {
        let mut exposures = self.client.insert::<ExposureRow<'_>>("events_exposure").await.unwrap();
        let mut metrics = self.client.insert::<MetricRow<'_>>("events_metric").await.unwrap();
        for event in events {
            let (at, received) = (event.at.as_millisecond(), event.received.as_millisecond());
            let (id, position, user_key) = (event.id, event.position, &*event.user);
            match &event.what {
                What::Exposure { variation, rule, attributes } => {
                    let row = ExposureRow {
                        environment,
                        id,
                        at,
                        received,
                        position,
                        user_key,
                        flag: "checkout",
                        variation,
                        rule,
                        experiment: super::events::EXPERIMENT,
                        config: 7,
                        instance: event.instance,
                        attributes: attributes.clone(),
                    };
                    exposures.write(&row).await.unwrap();
                }
                What::Metric { name, value } => {
                    let row = MetricRow {
                        environment,
                        id,
                        at,
                        received,
                        position,
                        user_key,
                        metric: name,
                        value: *value,
                    };
                    metrics.write(&row).await.unwrap();
                }
            }
        }
        exposures.end().await.unwrap();
        metrics.end().await.unwrap();
        let newest = events.iter().map(|event| event.received).max();
        self.progress(position, newest.unwrap_or(Timestamp::UNIX_EPOCH)).await;
    }

    pub(crate) async fn progress(&self, position: u64, at: Timestamp) {
        let at = at.as_millisecond();
        self.run(&format!(
            "INSERT INTO telemetry_progress SELECT {position}, fromUnixTimestamp64Milli(toInt64({at})), now64(3)"
        ))
        .await;
    }
}
