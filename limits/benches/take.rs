//! How long it takes to take: from local limits, and from shared ones against a bare round trip to the same server.
//! Prints a table; criterion then measures the local cases on their own, to compare one state of the code with another.

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ff_limits::{Health, Limit, Limits, Quota, Redis, Subject};
use futures::future::join_all;
use tokio::runtime::Runtime;
use uuid::Uuid;

const SECOND: Duration = Duration::from_secs(1);
const USER: Limit = Limit::new("user", Quota::new(1_000_000_000, SECOND));
const ORGANIZATION: Limit = Limit::new("org", Quota::new(1_000_000_000, SECOND));
const ADDRESS: Limit = Limit::new("address", Quota::new(1_000_000_000, SECOND));
/// How many subjects take turns.
const SUBJECTS: u128 = 10_000;
/// How often each is asked in a round.
const CALLS: u128 = 5_000;
const ROUNDS: usize = 7;
/// How many requests are under way at one time where it is about throughput.
const AT_ONCE: u128 = 64;

fn asks(number: u128) -> [(&'static Limit, Subject); 3] {
    let id = Uuid::from_u128(number % SUBJECTS);
    [
        (&USER, Subject::User(id)),
        (&ORGANIZATION, Subject::Organization(id)),
        (&ADDRESS, Subject::Name([(number % 251) as u8; 32])),
    ]
}

/// The best of some rounds.
struct Row {
    name: String,
    p50: Duration,
    p99: Duration,
    per_second: f64,
}

impl Row {
    fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), p50: Duration::MAX, p99: Duration::MAX, per_second: 0.0 }
    }

    /// One call after the other, and then many at once.
    #[allow(clippy::cast_precision_loss, reason = "a rate needs few digits")]
    async fn round(&mut self, call: impl AsyncFn(u128)) {
        let mut took = Vec::new();
        for number in 0..CALLS {
            let started = Instant::now();
            call(number).await;
            took.push(started.elapsed());
        }
        took.sort_unstable();
        self.p50 = self.p50.min(took[took.len() / 2]);
        self.p99 = self.p99.min(took[took.len() / 100 * 99]);
        let started = Instant::now();
        for round in 0..CALLS / AT_ONCE {
            join_all((0..AT_ONCE).map(|lane| call(round * AT_ONCE + lane))).await;
        }
        let calls = (CALLS / AT_ONCE * AT_ONCE) as f64;
        self.per_second = self.per_second.max(calls / started.elapsed().as_secs_f64());
    }

    #[allow(clippy::print_stdout, reason = "the table is what this program is for")]
    fn show(&self, reference: &Self) {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        println!(
            "{:<36} {:>10.2} {:>10.2} {:>12.0} {:>7.2}x",
            self.name,
            micros(self.p50),
            micros(self.p99),
            self.per_second,
            self.p50.as_secs_f64() / reference.p50.as_secs_f64(),
        );
    }
}

#[allow(clippy::print_stdout, reason = "the table is what this program is for")]
fn table(_: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime can be made");
    runtime.block_on(async {
        let server = ff_testkit::redis::server().await;
        let client = redis::Client::open((server.host.as_str(), server.port)).expect("an address");
        let bare = client.get_multiplexed_async_connection().await.expect("it listens");
        let redis = Redis::new(&server.host, server.port).with_patience(SECOND);
        let (shared, local) = (Limits::shared(redis).await, Limits::local());
        assert_eq!(shared.health(), Health::Shared);
        let take = async |limits: &Limits, number, many| {
            let left = black_box(limits.take(&asks(number)[..many], 1).await);
            left.expect("there is enough");
        };

        let mut ping = Row::new("bare round trip (PING)");
        let mut rows: Vec<Row> = ["shared", "local"]
            .iter()
            .flat_map(|kind| (1..=3).map(move |many| Row::new(format!("{kind}, {many} at once"))))
            .collect();
        // They take turns, so that what else the machine does meets all of them.
        for _ in 0..ROUNDS {
            ping.round(async |_| {
                let mut connection = bare.clone();
                redis::cmd("PING").exec_async(&mut connection).await.expect("it answers");
            })
            .await;
            for (index, row) in rows.iter_mut().enumerate() {
                let limits = if index < 3 { &shared } else { &local };
                row.round(async |number| take(limits, number, index % 3 + 1).await).await;
            }
        }
        assert_eq!(shared.health(), Health::Shared);
        println!(
            "{:<36} {:>10} {:>10} {:>12} {:>8}",
            "limits", "p50 µs", "p99 µs", "a second", "to bare"
        );
        ping.show(&ping);
        for row in &rows {
            row.show(&ping);
        }
    });
}

fn local(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime can be made");
    let limits = Limits::local();
    let mut group = criterion.benchmark_group("local");
    for many in [1, 2, 3] {
        let mut number = 0;
        group.bench_function(format!("{many}-limits"), |bencher| {
            bencher.iter(|| {
                number += 1;
                let asks = asks(number);
                let taking = limits.take(&asks[..many], 1);
                runtime.block_on(taking).expect("there is enough")
            });
        });
    }
    group.finish();
}

/// What an edge does for a request: one limit, and what its answer says of it.
fn here(criterion: &mut Criterion) {
    let limits = Limits::local();
    let mut group = criterion.benchmark_group("here");
    for told in [false, true] {
        let mut number = 0;
        group.bench_function(if told { "one-limit-and-headers" } else { "one-limit" }, |bencher| {
            bencher.iter(|| {
                number += 1;
                let left = limits.take_here(&asks(number)[..1], 1).expect("there is enough");
                if told { left.headers().map(black_box).count() } else { 0 }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, table, local, here);
criterion_main!(benches);
