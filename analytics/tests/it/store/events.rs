//! Random events of an experiment: copies, late ones, users in two arms and in none, and a plan that has every kind
//! of metric.

use ff_analytics::plan::{
    Analysis, Arm, Better, Cap, Correction, ExperimentPlan, Iteration, Method, Metric, MetricKind,
    MetricUse, Role, Status, Take, Term,
};
use jiff::{SignedDuration, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};
use uuid::Uuid;

pub(crate) const EXPERIMENT: &str = "it's a test?";
pub(crate) const ARMS: [&str; 3] = ["control", "red", "blue"];

#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) received: Timestamp,
    pub(crate) position: u64,
    pub(crate) user: String,
    pub(crate) instance: Uuid,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Exposure { variation: String, rule: String, attributes: Vec<(String, String)> },
    Metric { name: String, value: f64 },
}

pub(crate) fn start() -> Timestamp {
    "2026-03-10T00:00:00Z".parse().unwrap()
}

/// So many minutes after the start.
pub(crate) fn minute(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

/// Events of so many users that arrive in as many messages, from two hours before the start to `until` minutes after.
pub(crate) fn random(seed: u64, users: u32, messages: u64, until: i64) -> Vec<Event> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut events = Vec::new();
    for user in 0..users {
        let key = format!("user {user}");
        let home = rng.random_range(0..3);
        let exposed = if rng.random_bool(0.9) { rng.random_range(1..4) } else { 0 };
        for _ in 0..exposed {
            let variation = match rng.random_range(0..40) {
                0 => "retired",
                1 => ARMS[(home + 1) % 3],
                _ => ARMS[home],
            };
            let rule = match rng.random_range(0..10) {
                0 => "another rule".to_owned(),
                1 => String::new(),
                _ => format!("{EXPERIMENT}:2"),
            };
            let attributes = [
                ("country", ["DE", "FR", "it's"][rng.random_range(0..3)].to_owned()),
                ("device", format!("d{}", rng.random_range(0..30) * rng.random_range(0..2))),
            ];
            let attributes = attributes.into_iter().filter(|_| rng.random_bool(0.9));
            let attributes = attributes.map(|(name, value)| (name.to_owned(), value)).collect();
            let at = minute(0)
                + SignedDuration::from_millis(rng.random_range(-3_600_000..until * 60_000));
            let what = What::Exposure { variation: variation.to_owned(), rule, attributes };
            events.push(event(&mut rng, &key, at, what));
        }
        for _ in 0..rng.random_range(0..9) {
            let name = ["a", "b", "c", "unused"][rng.random_range(0..4)].to_owned();
            let value = match rng.random_range(0..6) {
                0 => 0.0,
                1 => -f64::from(rng.random_range(0..30)) / 7.0,
                2 => 1e9 + rng.random_range(0.0..1.0),
                _ => rng.random_range(0.0..100.0),
            };
            let at = rng.random_range(-5 * 86_400_000..until * 60_000);
            let at = start() + SignedDuration::from_millis(at);
            events.push(event(&mut rng, &key, at, What::Metric { name, value }));
        }
    }
    // Everything arrives some time after it happened, some of it much later, some of it twice.
    let per_message = (until + 120).max(1) as f64 / messages as f64;
    let mut copies = Vec::new();
    for event in &mut events {
        let minutes = (event.at.as_second() - start().as_second()) as f64 / 60.0 + 120.0;
        let earliest = (minutes / per_message).ceil().max(1.0) as u64;
        let earliest = earliest.min(messages);
        let late =
            if rng.random_bool(0.2) { rng.random_range(earliest..=messages) } else { earliest };
        place(event, late, per_message);
        if rng.random_bool(0.1) {
            let mut copy = event.clone();
            place(&mut copy, rng.random_range(late..=messages), per_message);
            copies.push(copy);
        }
    }
    events.extend(copies);
    events
}

fn place(event: &mut Event, position: u64, per_message: f64) {
    event.position = position;
    let received = position as f64 * per_message - 120.0;
    event.received = start() + SignedDuration::from_millis((received * 60_000.0) as i64);
}

fn event(rng: &mut StdRng, user: &str, at: Timestamp, what: What) -> Event {
    Event {
        id: Uuid::from_u128(rng.random()),
        at,
        received: at,
        position: 0,
        user: user.to_owned(),
        instance: Uuid::from_u128(u128::from(rng.random_bool(0.5)) * 5),
        what,
    }
}

/// A plan with every kind of metric.
pub(crate) fn plan(environment: Uuid) -> ExperimentPlan {
    let event = |name: &str| name.to_owned();
    let term = |name: &str, take| Term { event: event(name), take };
    let mean = || MetricKind::Mean { event: event("b") };
    let ratio = |denominator| MetricKind::Ratio { numerator: term("b", Take::Sum), denominator };
    let steps = |names: &[&str]| MetricKind::Funnel {
        steps: names.iter().map(|name| event(name)).collect(),
    };
    let kinds = [
        (MetricKind::Binomial { event: event("a") }, None, None, 3),
        (mean(), None, None, 2),
        (mean(), Some(Cap::Value { value: 50.25 }), Some(5), 0),
        (mean(), Some(Cap::Percentile { p: 0.9 }), Some(24), 4),
        (MetricKind::Count { event: event("a") }, Some(Cap::Value { value: 1.0 }), None, 14),
        (ratio(term("b", Take::Count)), None, None, 14),
        (ratio(term("a", Take::Count)), Some(Cap::Percentile { p: 0.75 }), Some(3), 1),
        (MetricKind::Quantile { event: event("b"), q: 0.8 }, None, None, 0),
        (MetricKind::Retention { event: event("c"), from_day: 0, to_day: 1 }, None, None, 2),
        (steps(&["a", "b", "c"]), None, Some(40), 5),
        (steps(&["a", "a"]), None, None, 0),
    ];
    let metrics =
        kinds.into_iter().zip(1_u128..).map(|((kind, cap, window_hours, covariate_days), id)| {
            let metric = Metric {
                id: Uuid::from_u128(id),
                key: format!("m{id}"),
                name: String::new(),
                version: 1,
                kind,
                unit: String::new(),
                better: Better::Higher,
                cap,
                window_hours,
                covariate_days,
            };
            MetricUse { metric, role: Role::Secondary }
        });
    let iteration = |number, from, to: Option<i64>| Iteration {
        number,
        rule: format!("{EXPERIMENT}:{number}"),
        started_at: minute(from),
        ended_at: to.map(minute),
        arms: ARMS.map(|arm| Arm { variation: arm.to_owned(), weight: 33_333 }).to_vec(),
    };
    ExperimentPlan {
        id: Uuid::from_u128(environment.as_u128() + 1),
        key: EXPERIMENT.to_owned(),
        name: String::new(),
        version: 1,
        position: "1".to_owned(),
        organization: Uuid::nil(),
        project: Uuid::nil(),
        environment,
        flag: "checkout".to_owned(),
        flag_version: 1,
        status: Status::Running,
        arms: Vec::new(),
        traffic: 1.0,
        bucket_by: None,
        iterations: vec![iteration(1, -500, Some(0)), iteration(2, 0, None)],
        metrics: metrics.collect(),
        analysis: Analysis {
            alpha: 0.05,
            power: 0.8,
            method: Method::ObrienFleming,
            planned_users: None,
            look_every_hours: 24,
            minimum_effect: None,
            correction: Correction::Holm,
            breakdowns: vec!["country".to_owned(), "device".to_owned()],
        },
    }
}
