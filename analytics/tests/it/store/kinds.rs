//! Every kind of metric against a computation of its own, and against what ClickHouse itself says.

use std::collections::BTreeMap;

use clickhouse::Row;
use ff_analytics::figures::{ArmFigures, Figures, Sums};
use ff_analytics::stats::{Alpha, welch::welch};
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::events::{self, Event};
use super::oracle;
use super::server::Server;

async fn write_all(server: &Server, environment: Uuid, events: &[Event]) -> u64 {
    let position = events.iter().map(|event| event.position).max().unwrap();
    server.write(environment, events, position).await;
    position
}

#[tokio::test]
async fn raw_events_give_what_a_slow_computation_gives() {
    let server = Server::start().await;
    // A few hours, days with steps of both lengths, hardly any users, and none.
    for (seed, users, until) in [(1, 300, 350), (2, 150, 3_000), (3, 3, 100), (4, 0, 0)] {
        let environment = Uuid::from_u128(1000 * u128::from(seed));
        let events = events::random(seed, users, 25, until);
        let plan = events::plan(environment);
        if events.is_empty() {
            let figures = server.store.from_raw(&plan, 9).await.unwrap();
            assert_eq!(figures.exposures.users, [0, 0, 0]);
            assert_eq!(figures.newest().unwrap().metrics[0].whole[0], ArmFigures::Nothing);
            continue;
        }
        let position = write_all(&server, environment, &events).await;
        let half = (until < 1_000).then_some(position / 2);
        for position in [position].into_iter().chain(half) {
            let figures = server.store.from_raw(&plan, position).await.unwrap();
            oracle::assert_same(&figures, &oracle::figures(&plan, &events, position));
        }
    }
}

#[tokio::test]
async fn the_end_of_an_iteration_counts_only_from_then_on() {
    let server = Server::start().await;
    let environment = Uuid::from_u128(1);
    let events = events::random(11, 250, 30, 500);
    let mut plan = events::plan(environment);
    plan.iterations[1].ended_at = Some(events::minute(215));
    // Without long windows, so that the time steps end with the iteration.
    plan.metrics.retain(|used| used.metric.window_hours.is_none_or(|hours| hours < 4));
    plan.metrics.retain(|used| used.metric.id != Uuid::from_u128(9));
    let position = write_all(&server, environment, &events).await;
    let figures = server.store.from_raw(&plan, position).await.unwrap();
    oracle::assert_same(&figures, &oracle::figures(&plan, &events, position));
    let running = events::plan(environment);
    let before = server.store.from_raw(&running, position).await.unwrap();
    assert_eq!(before.points[2].users, figures.points[2].users, "the end is not known yet");
    assert_ne!(before.newest().unwrap().metrics[0], figures.newest().unwrap().metrics[0]);
}

#[tokio::test]
async fn parts_add_up_to_the_whole() {
    let server = Server::start().await;
    let environment = Uuid::from_u128(1);
    let events = events::random(5, 400, 10, 200);
    let plan = events::plan(environment);
    let position = write_all(&server, environment, &events).await;
    let figures = server.store.from_raw(&plan, position).await.unwrap();
    let metrics = &figures.newest().unwrap().metrics;
    let mut compared = 0;
    for metric in metrics {
        for attribute in &plan.analysis.breakdowns {
            let parts = metric.breakdowns.iter().filter(|part| part.attribute == *attribute);
            let mut totals = BTreeMap::<usize, Sums>::new();
            for part in parts {
                for (arm, sums) in part.arms.iter().enumerate() {
                    if let Some(sums) = sums.sums() {
                        totals.entry(arm).or_default().merge(sums);
                    }
                }
            }
            for (arm, total) in totals {
                assert_eq!(metric.whole[arm].sums(), Some(&total), "{attribute}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 9 * 2 * 3, "{compared}");
    let of_device = |part: &&ff_analytics::figures::Breakdown| part.attribute == "device";
    assert_eq!(
        metrics[0].breakdowns.iter().filter(of_device).count(),
        21,
        "20 values and the rest"
    );
}

#[derive(Row, Deserialize)]
struct Own {
    means: Vec<f64>,
    variances: Vec<f64>,
    test: Vec<f64>,
}

#[tokio::test]
async fn clickhouse_s_own_functions_agree() {
    let server = Server::start().await;
    let environment = Uuid::from_u128(1);
    let events: Vec<_> = events::random(21, 500, 5, 120)
        .into_iter()
        .filter(|event| event.user.len() > 6 || event.user.ends_with('7'))
        .collect();
    let plan = events::plan(environment);
    let position = write_all(&server, environment, &events).await;
    let figures = server.store.from_raw(&plan, position).await.unwrap();
    let arms = arms_of(&figures, 1);

    // The sum of `b` from the first exposure on, by someone who does not know our statements.
    let own: Own = server
        .client
        .query(
            "WITH u AS (SELECT user_key, min(at) AS first, any(variation) AS arm FROM events_exposure FINAL \
             WHERE experiment != '' AND (rule LIKE '%:2' OR rule = '' AND at >= toDateTime64('2026-03-10 00:00:00', 3, 'UTC')) \
             GROUP BY user_key HAVING uniqExact(variation) = 1 AND arm IN ('control', 'red')), \
             v AS (SELECT user_key, arm, sumIf(value, metric = 'b' AND at >= first) AS x \
             FROM u LEFT JOIN (SELECT user_key, metric, at, value FROM events_metric FINAL) AS m USING user_key GROUP BY user_key, arm) \
             SELECT [avgIf(x, arm = 'control'), avgIf(x, arm = 'red')] AS means, \
             [varSampStableIf(x, arm = 'control'), varSampStableIf(x, arm = 'red')] AS variances, \
             [welchTTest(x, arm = 'red').1, welchTTest(x, arm = 'red').2] AS test FROM v",
        )
        .fetch_one()
        .await
        .unwrap();
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (a.abs() + b.abs());
    for ((arm, mean), variance) in arms.iter().zip(&own.means).zip(&own.variances) {
        assert!(close(arm.mean(0), *mean), "{} {mean}", arm.mean(0));
        assert!(close(arm.covariance(0, 0), *variance), "{} {variance}", arm.covariance(0, 0));
    }
    let ours =
        welch(&arms[0].arm().unwrap(), &arms[1].arm().unwrap(), Alpha::FIVE_PERCENT).unwrap();
    assert!(close(ours.statistic.abs(), own.test[0].abs()), "{} {}", ours.statistic, own.test[0]);
    assert!((ours.p.p() - own.test[1]).abs() < 1e-9, "{:?} {}", ours.p, own.test[1]);
}

fn arms_of(figures: &Figures, metric: usize) -> Vec<&Sums> {
    let arms = &figures.newest().unwrap().metrics[metric].whole;
    arms.iter().map(|arm| arm.sums().unwrap()).collect()
}

#[tokio::test]
async fn the_past_of_a_metric_is_known_without_an_experiment() {
    let server = Server::start().await;
    let environment = Uuid::from_u128(1);
    let events = events::random(31, 200, 5, 600);
    write_all(&server, environment, &events).await;
    let plan = events::plan(environment);
    let history = server.store.history(environment, &plan.metrics[4].metric, 2).await.unwrap();
    let newest = events.iter().map(|event| event.received).max().unwrap();
    assert_eq!(history.until, newest);
    let from = newest - jiff::SignedDuration::from_hours(48);
    let users: std::collections::BTreeSet<_> =
        events.iter().filter(|event| event.at >= from).map(|event| &event.user).collect();
    assert_eq!(history.users, users.len() as u64);
    let sums = history.figures.sums().unwrap();
    assert_eq!(sums.users, history.users);
    // Capped at one event of `a` each: as many as did it.
    let of = |name: &str, from: Timestamp, to: Timestamp| {
        let did = events.iter().filter(|event| {
            matches!(&event.what, events::What::Metric { name: metric, .. } if metric == name)
                && (from..to).contains(&event.at)
                && users.contains(&event.user)
        });
        did.map(|event| &event.user).collect::<std::collections::BTreeSet<_>>().len() as u64
    };
    assert_eq!(sums.successes(), of("a", from, Timestamp::MAX));
    let before = from - jiff::SignedDuration::from_hours(14 * 24);
    assert_eq!(sums.sums[2], (of("a", before, from) * 1_000_000).into());
}
