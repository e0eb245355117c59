//! Experiments to try the results on: plans, and figures with exactly the means and variances asked for.

use ff_analytics::figures::{
    ArmFigures, Exposures, Figures, MetricFigures, Point, StepUsers, Sums, product_index,
};
use ff_analytics::plan::{
    Analysis, Arm, Better, Correction, ExperimentPlan, Iteration, Method, Metric, MetricKind,
    MetricUse, Role, Status,
};
use jiff::Timestamp;
use num_bigint::BigInt;
use uuid::Uuid;

pub(crate) const START: &str = "2026-03-01T00:00:00Z";

/// A metric of a kind; keys tell the metrics of a test apart.
pub(crate) fn metric(key: &str, kind: MetricKind) -> Metric {
    Metric {
        id: Uuid::from_u128(key.bytes().map(u128::from).sum()),
        key: key.to_owned(),
        name: key.to_owned(),
        version: 1,
        kind,
        unit: String::new(),
        better: Better::Higher,
        cap: None,
        window_hours: None,
        covariate_days: 14,
    }
}

pub(crate) fn mean(key: &str) -> Metric {
    metric(key, MetricKind::Mean { event: key.to_owned() })
}

pub(crate) fn binomial(key: &str) -> Metric {
    metric(key, MetricKind::Binomial { event: key.to_owned() })
}

pub(crate) fn lower(metric: Metric) -> Metric {
    Metric { better: Better::Lower, ..metric }
}

pub(crate) fn primary(metric: Metric) -> MetricUse {
    MetricUse { metric, role: Role::Primary }
}

pub(crate) fn guardrail(metric: Metric, margin: f64) -> MetricUse {
    MetricUse { metric, role: Role::Guardrail { margin } }
}

/// A running experiment on two arms of the same size, looked at every day until 14,000 users are there.
pub(crate) fn plan(metrics: Vec<MetricUse>) -> ExperimentPlan {
    ExperimentPlan {
        id: Uuid::from_u128(1),
        key: "checkout".to_owned(),
        name: "Checkout".to_owned(),
        version: 7,
        position: "123".to_owned(),
        organization: Uuid::from_u128(2),
        project: Uuid::from_u128(3),
        environment: Uuid::from_u128(4),
        flag: "checkout-flow".to_owned(),
        flag_version: 5,
        status: Status::Running,
        arms: Vec::new(),
        traffic: 1.0,
        bucket_by: None,
        iterations: vec![Iteration {
            number: 1,
            rule: "checkout:1".to_owned(),
            started_at: START.parse().unwrap(),
            ended_at: None,
            arms: ["control", "treatment"]
                .map(|key| Arm { variation: key.to_owned(), weight: 50_000 })
                .into(),
        }],
        metrics,
        analysis: Analysis {
            alpha: 0.05,
            power: 0.8,
            method: Method::ObrienFleming,
            planned_users: Some(14_000),
            look_every_hours: 24,
            minimum_effect: Some(0.02),
            correction: Correction::Holm,
            breakdowns: Vec::new(),
        },
    }
}

fn units(value: f64, power: i32) -> BigInt {
    BigInt::from((value * 1e6f64.powi(power)).round() as i128)
}

/// An arm with this mean and sample variance, symmetric about its mean.
pub(crate) fn normal(n: u64, mean: f64, variance: f64) -> ArmFigures {
    let users = n as f64;
    let square = (users - 1.0).max(0.0) * variance + users * mean * mean;
    let mut sums = Sums { users: n, ..Sums::default() };
    sums.sums[0] = units(users * mean, 1);
    sums.products[0] = units(square, 2);
    let third = 3.0 * mean * square - 2.0 * users * mean.powi(3);
    sums.third = BigInt::from((third * 1e12).round() as i128) * 1_000_000;
    sums.absolute = units(users * mean.abs().max(variance.sqrt()), 1);
    sums.largest = units(mean.abs() + 5.0 * variance.sqrt(), 1);
    ArmFigures::Sums(sums)
}

/// The same with a covariate of the same mean and variance.
pub(crate) fn with_covariate(
    n: u64,
    mean: f64,
    variance: f64,
    (before, correlation): (f64, f64),
) -> ArmFigures {
    let ArmFigures::Sums(mut sums) = normal(n, mean, variance) else { unreachable!() };
    let users = n as f64;
    sums.sums[2] = units(users * before, 1);
    sums.products[product_index(2, 2)] =
        units((users - 1.0) * variance + users * before * before, 2);
    sums.products[product_index(0, 2)] =
        units((users - 1.0) * correlation * variance + users * mean * before, 2);
    ArmFigures::Sums(sums)
}

/// An arm in which so many users have it.
pub(crate) fn share(n: u64, conversions: u64) -> ArmFigures {
    let mut sums = Sums { users: n, ..Sums::default() };
    let x = BigInt::from(conversions);
    sums.sums[0] = &x * 1_000_000;
    sums.products[0] = &x * 1_000_000_000_000_u64;
    sums.third = &x * 1_000_000_000_000_000_000_u64;
    sums.absolute = sums.sums[0].clone();
    sums.largest = BigInt::from(if conversions > 0 { 1_000_000 } else { 0 });
    ArmFigures::Sums(sums)
}

/// A state: the hour it is at, and the arms of every metric.
pub(crate) type State = (i64, Vec<Vec<ArmFigures>>);

/// Figures of these states, whose users are those of the first metric; the last one is the newest.
pub(crate) fn figures(states: &[State]) -> Figures {
    let start: Timestamp = START.parse().unwrap();
    let newest = states.len().saturating_sub(1);
    let counted = |state: &State| -> Vec<u64> {
        let of = |arm: &ArmFigures| match arm {
            ArmFigures::Sums(sums) => sums.users,
            ArmFigures::Quantile(quantile) => quantile.users,
            ArmFigures::Nothing => 0,
        };
        state.1.first().map_or_else(Vec::new, |arms| arms.iter().map(of).collect())
    };
    let points: Vec<Point> = states
        .iter()
        .enumerate()
        .map(|(at, state)| Point {
            at: start + jiff::SignedDuration::from_hours(state.0),
            telemetry_position: 100 * (at as u64 + 1),
            last: at == newest,
            users: counted(state),
            metrics: state
                .1
                .iter()
                .map(|whole| MetricFigures { whole: whole.clone(), breakdowns: Vec::new() })
                .collect(),
        })
        .collect();
    let mut by_step: Vec<StepUsers> = Vec::new();
    let mut before = vec![0; points.first().map_or(0, |point| point.users.len())];
    for point in &points {
        let new = point.users.iter().zip(&before).map(|(now, then)| now.saturating_sub(*then));
        by_step.push(StepUsers { at: point.at, users: new.collect() });
        before.clone_from(&point.users);
    }
    let users = before;
    let events = users.iter().fold(0_u64, |sum, users| sum.saturating_add(*users));
    Figures {
        telemetry_position: 100 * states.len() as u64,
        as_of: points.last().map_or(start, |point| point.at),
        iteration: 1,
        exposures: Exposures {
            users,
            several: 0,
            foreign: 0,
            events,
            sent: Some(events),
            accepted: Some(events),
            stored: events,
            by_step,
        },
        points,
    }
}

/// A state a day with so many users an arm each, and the last one again as the newest state.
pub(crate) fn days(days: u64, of: impl Fn(u64) -> Vec<Vec<ArmFigures>>) -> Figures {
    let mut states: Vec<State> = (1..=days).map(|day| (24 * day as i64, of(day))).collect();
    states.push((24 * days as i64, of(days)));
    figures(&states)
}
