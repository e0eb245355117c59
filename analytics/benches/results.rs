//! How long results take: from snapshots, from raw events, and how long a refresh takes, beside plain
//! `SELECT count(), sum(value)` over the same rows in the same run.
//!
//! `cargo bench -p ff-analytics --bench results`; `FF_BENCH_ROWS` sets the number of exposures and of metric events of
//! the large experiment, 10,000,000 unless said.

#![allow(clippy::print_stdout, reason = "the table is what the program is for")]
#![allow(clippy::unwrap_used, reason = "a failure is the report")]
#![allow(clippy::disallowed_methods, reason = "this measures time")]

use std::time::{Duration, Instant};

use clickhouse::Client;
use ff_analytics::plan::{
    Analysis, Arm, Better, Correction, ExperimentPlan, Iteration, Method, Metric, MetricKind,
    MetricUse, Role, Status, Take, Term,
};
use ff_analytics::store::Store;
use uuid::Uuid;

const MIGRATIONS: [&str; 2] = [
    include_str!("../../migrations/clickhouse/0001_telemetry.up.sql"),
    include_str!("../../migrations/clickhouse/0002_experiments.up.sql"),
];
/// Events of one message.
const MESSAGE: u64 = 1_000;
/// What comes in between two refreshes: one second of 10,000 events.
const NEWS: u64 = 5_000;

#[tokio::main]
async fn main() {
    let rows = std::env::var("FF_BENCH_ROWS").ok().and_then(|rows| rows.parse().ok());
    let rows: u64 = rows.unwrap_or(10_000_000);
    let server = ff_testkit::chdb::server().await;
    let client = Client::default().with_url(&server.url);
    for migration in MIGRATIONS {
        let lines = migration.lines().filter(|line| !line.starts_with("--"));
        let text = lines.collect::<Vec<_>>().join("\n");
        for statement in text.split(';').filter(|statement| !statement.trim().is_empty()) {
            client.query(statement).execute().await.unwrap();
        }
    }
    println!("{:>11} {:>11} {:<44} {:>9} {:>10}", "exposures", "metrics", "what", "ms", "x plain");
    let mut position = 0;
    for (experiment, rows) in [(1, rows / 10), (2, rows)] {
        let bench = Bench { client: &client, plan: plan(experiment), rows };
        position = bench.run(position).await;
    }
}

struct Bench<'a> {
    client: &'a Client,
    plan: ExperimentPlan,
    rows: u64,
}

impl Bench<'_> {
    async fn run(&self, offset: u64) -> u64 {
        let store = Store::new(self.client.clone());
        let position = self.write(0, self.rows, offset).await;
        let environment = self.plan.environment;
        let plain = best(3, || async {
            let statement = format!(
                "SELECT count(), sum(value) FROM events_metric WHERE environment = '{environment}'"
            );
            let exposures = format!(
                "SELECT count(), toFloat64(sum(length(user_key))) FROM events_exposure WHERE environment = '{environment}'"
            );
            for statement in [statement, exposures] {
                self.client.query(&statement).fetch_one::<(u64, f64)>().await.unwrap();
            }
        })
        .await;
        self.line("plain count() and sum(value) over all rows", plain, plain);
        let first = once(|| async { store.refresh(&self.plan).await.unwrap() }).await;
        self.line("first refresh, with the time steps before", first, plain);
        let mut position = position;
        let mut took = Vec::new();
        for round in 0..3 {
            position = self.write(self.rows + round * NEWS, NEWS, position).await;
            took.push(once(|| async { store.refresh(&self.plan).await.unwrap() }).await);
        }
        took.sort();
        self.line("refresh after 5,000 exposures and 5,000 events", took[1], plain);
        let latest = best(3, || async { store.latest(&self.plan).await.unwrap().unwrap() }).await;
        self.line("results from snapshots", latest, plain);
        let raw = best(2, || async { store.as_of(&self.plan, position).await.unwrap() }).await;
        self.line("results from raw events", raw, plain);
        let latest = store.latest(&self.plan).await.unwrap().unwrap();
        assert_eq!(latest, store.as_of(&self.plan, position).await.unwrap());
        position
    }

    /// As many exposures and metric events, those of a message under one position, a tenth of a millisecond apart.
    async fn write(&self, from: u64, rows: u64, offset: u64) -> u64 {
        let environment = self.plan.environment;
        // Ten hours, however many there are.
        let time = format!(
            "toDateTime64('2026-03-01 00:00:00', 3, 'UTC') + toIntervalMillisecond(intDiv(number * 36000000, {}))",
            self.rows
        );
        let at = format!("{offset} + 1 + intDiv(number - {from}, {MESSAGE})");
        let user = format!("concat('user-', toString(cityHash64(number) % {}))", self.rows);
        let numbers = format!("FROM numbers({from}, {rows})");
        let columns = "environment, id, at, received, position, user_key";
        for statement in [
            format!(
                "INSERT INTO events_exposure ({columns}, flag, variation, rule, experiment, config, instance, attributes) \
                 SELECT toUUID('{environment}'), generateUUIDv7(number), {time}, {time}, {at}, \
                 concat('user-', toString(number)), 'checkout', ['control', 'red'][1 + sipHash64(number) % 2], \
                 'bench:1', 'bench', 1, toUUID('{environment}'), map('country', ['DE', 'FR', 'US'][1 + number % 3]) {numbers}"
            ),
            format!(
                "INSERT INTO events_metric ({columns}, metric, value) \
                 SELECT toUUID('{environment}'), generateUUIDv7(number), {time}, {time}, {at}, {user}, 'purchase', \
                 (cityHash64(number, 1) % 10000) / 100 {numbers}"
            ),
        ] {
            self.client.query(&statement).execute().await.unwrap();
        }
        let position = offset + rows.div_ceil(MESSAGE);
        let progress =
            format!("INSERT INTO telemetry_progress SELECT {position}, now64(3), now64(3)");
        self.client.query(&progress).execute().await.unwrap();
        position
    }

    fn line(&self, what: &str, took: Duration, plain: Duration) {
        let (ms, times) = (took.as_secs_f64() * 1e3, took.as_secs_f64() / plain.as_secs_f64());
        println!("{:>11} {:>11} {what:<44} {ms:>9.1} {times:>10.2}", self.rows, self.rows);
    }
}

async fn once<F: Future>(run: impl Fn() -> F) -> Duration {
    let began = Instant::now();
    let _ = run().await;
    began.elapsed()
}

async fn best<F: Future>(times: u32, run: impl Fn() -> F) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..times {
        best = best.min(once(&run).await);
    }
    best
}

fn plan(experiment: u128) -> ExperimentPlan {
    let purchase = || "purchase".to_owned();
    let term = |take| Term { event: purchase(), take };
    let kinds = [
        (MetricKind::Binomial { event: purchase() }, 0),
        (MetricKind::Mean { event: purchase() }, 14),
        (MetricKind::Ratio { numerator: term(Take::Sum), denominator: term(Take::Count) }, 14),
    ];
    let metrics = kinds.into_iter().zip(1_u128..).map(|((kind, covariate_days), id)| {
        let metric = Metric {
            id: Uuid::from_u128(id),
            key: format!("m{id}"),
            name: String::new(),
            version: 1,
            kind,
            unit: String::new(),
            better: Better::Higher,
            cap: None,
            window_hours: Some(72),
            covariate_days,
        };
        MetricUse { metric, role: Role::Primary }
    });
    let arm = |variation: &str| Arm { variation: variation.to_owned(), weight: 50_000 };
    ExperimentPlan {
        id: Uuid::from_u128(experiment),
        key: "bench".to_owned(),
        name: String::new(),
        version: 1,
        position: "1".to_owned(),
        organization: Uuid::nil(),
        project: Uuid::nil(),
        environment: Uuid::from_u128(1000 + experiment),
        flag: "checkout".to_owned(),
        flag_version: 1,
        status: Status::Running,
        arms: Vec::new(),
        traffic: 1.0,
        bucket_by: None,
        iterations: vec![Iteration {
            number: 1,
            rule: "bench:1".to_owned(),
            started_at: "2026-03-01T00:00:00Z".parse().unwrap(),
            ended_at: None,
            arms: vec![arm("control"), arm("red")],
        }],
        metrics: metrics.collect(),
        analysis: Analysis {
            alpha: 0.05,
            power: 0.8,
            method: Method::ObrienFleming,
            planned_users: None,
            look_every_hours: 24,
            minimum_effect: None,
            correction: Correction::Holm,
            breakdowns: Vec::new(),
        },
    }
}
