//! The same figures from the same events, computed the slow and obvious way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ff_analytics::figures::{
    ArmFigures, Breakdown, Exposures, Figures, MetricFigures, OTHER, Point, QuantileFigures,
    StepUsers, Sums,
};
use ff_analytics::plan::{Cap, ExperimentPlan, Metric, MetricKind, Take, Term};
use ff_analytics::stats::Alpha;
use jiff::{SignedDuration, Timestamp};

use super::events::{Event, What};

struct User<'a> {
    first: Timestamp,
    arm: usize,
    attributes: Vec<String>,
    events: Vec<&'a Event>,
}

/// What is known as of a position.
pub(crate) fn figures(plan: &ExperimentPlan, events: &[Event], position: u64) -> Figures {
    let events = distinct(events, position);
    let started = plan.iterations.last().unwrap().started_at;
    let at = events.iter().map(|event| event.received).max().unwrap_or(started).max(started);
    let ends = ends(plan, at);
    let mut points: Vec<_> = ends
        .iter()
        .map(|&end| {
            let later = events.iter().filter(|event| event.received >= end);
            let cut = later.map(|event| event.position).min().unwrap() - 1;
            point(plan, &distinct_of(&events, cut), cut, end, false).0
        })
        .collect();
    let (newest, mut exposures, firsts) = point(plan, &events, position, at, true);
    points.push(newest);
    exposures.by_step = ends
        .iter()
        .chain([&at])
        .map(|&at| StepUsers { at, users: vec![0; exposures.users.len()] })
        .collect();
    for (first, arm) in firsts {
        let step = ends.iter().position(|&end| first < end).unwrap_or(ends.len());
        exposures.by_step[step].users[arm] += 1;
    }
    Figures {
        telemetry_position: position,
        as_of: at,
        iteration: plan.iterations.last().unwrap().number,
        exposures,
        points,
    }
}

/// Each event once, as it was seen first.
fn distinct(events: &[Event], position: u64) -> Vec<Event> {
    let mut kept = HashMap::<_, Event>::new();
    for event in events.iter().filter(|event| event.position <= position) {
        let kept = kept.entry(event.id).or_insert_with(|| event.clone());
        if event.position < kept.position {
            *kept = event.clone();
        }
    }
    kept.into_values().collect()
}

fn distinct_of(events: &[Event], position: u64) -> Vec<Event> {
    events.iter().filter(|event| event.position <= position).cloned().collect()
}

fn ends(plan: &ExperimentPlan, at: Timestamp) -> Vec<Timestamp> {
    let iteration = plan.iterations.last().unwrap();
    let hours = (1..=48).chain((1..400).map(|day| 48 + 24 * day));
    let ends = hours.map(|hours| iteration.started_at + SignedDuration::from_hours(hours));
    let mut ends: Vec<_> = ends.take_while(|&end| end <= at).collect();
    if let Some(ended) = iteration.ended_at {
        let waits = plan.metrics.iter().map(|used| match used.metric.kind {
            MetricKind::Retention { to_day, .. } => i64::from(to_day) * 24,
            _ => used.metric.window_hours.map_or(0, i64::from),
        });
        let over = ended + SignedDuration::from_hours(waits.max().unwrap());
        if over <= at
            && let Some(last) = ends.iter().position(|&end| end >= over)
        {
            ends.truncate(last + 1);
        }
    }
    ends
}

type Firsts = Vec<(Timestamp, usize)>;

fn point(
    plan: &ExperimentPlan,
    events: &[Event],
    position: u64,
    at: Timestamp,
    last: bool,
) -> (Point, Exposures, Firsts) {
    let iteration = plan.iterations.last().unwrap();
    let ended = iteration.ended_at.filter(|&ended| ended <= at);
    let mut seen = BTreeMap::<&str, Vec<(&Event, &str, &Vec<(String, String)>)>>::new();
    let (mut count, mut stored) = (0, 0);
    for event in events {
        let What::Exposure { variation, rule, attributes } = &event.what else { continue };
        stored += u64::from(!event.instance.is_nil());
        let inside = event.at >= iteration.started_at && ended.is_none_or(|ended| event.at < ended);
        if *rule == iteration.rule || (rule.is_empty() && inside) {
            count += 1;
            seen.entry(&event.user).or_default().push((event, variation, attributes));
        }
    }
    let mut exposures = Exposures {
        users: vec![0; iteration.arms.len()],
        events: count,
        stored,
        ..Exposures::default()
    };
    let mut users = Vec::new();
    for (key, mut seen) in seen {
        seen.sort_by_key(|(event, ..)| event.at);
        let variations: BTreeSet<_> = seen.iter().map(|(_, variation, _)| *variation).collect();
        if variations.len() > 1 {
            exposures.several += 1;
            continue;
        }
        let arm = iteration.arms.iter().position(|arm| arm.variation == seen[0].1);
        let Some(arm) = arm else {
            exposures.foreign += 1;
            continue;
        };
        exposures.users[arm] += 1;
        let attributes = plan.analysis.breakdowns.iter().map(|name| {
            let found = seen[0].2.iter().find(|(attribute, _)| attribute == name);
            found.map_or_else(String::new, |(_, value)| value.clone())
        });
        users.push(User {
            first: seen[0].0.at,
            arm,
            attributes: attributes.collect(),
            events: events.iter().filter(|event| event.user == key).collect(),
        });
    }
    let point = Point {
        at,
        telemetry_position: position,
        last,
        users: exposures.users.clone(),
        metrics: plan
            .metrics
            .iter()
            .map(|used| metric(plan, &used.metric, &users, at, ended, last))
            .collect(),
    };
    let firsts = users.iter().map(|user| (user.first, user.arm)).collect();
    (point, exposures, firsts)
}

fn metric(
    plan: &ExperimentPlan,
    metric: &Metric,
    users: &[User<'_>],
    at: Timestamp,
    ended: Option<Timestamp>,
    last: bool,
) -> MetricFigures {
    let arms = plan.iterations.last().unwrap().arms.len();
    let cap = cap(metric, users, ended);
    let of = |which: &dyn Fn(&User<'_>) -> bool| {
        (0..arms)
            .map(|arm| {
                let users = users.iter().filter(|user| user.arm == arm && which(user));
                arm_figures(plan, metric, &users.collect::<Vec<_>>(), at, ended, cap)
            })
            .collect::<Vec<_>>()
    };
    let mut breakdowns = Vec::new();
    for (i, attribute) in plan.analysis.breakdowns.iter().enumerate().filter(|_| last) {
        let mut values = BTreeMap::<&str, i64>::new();
        users.iter().for_each(|user| *values.entry(&user.attributes[i]).or_default() -= 1);
        let mut values: Vec<_> = values.into_iter().map(|(value, users)| (users, value)).collect();
        values.sort_unstable();
        let top: Vec<_> = values.iter().take(20).map(|&(_, value)| value).collect();
        let mut push = |value: &str, which: &dyn Fn(&User<'_>) -> bool| {
            let attribute = attribute.clone();
            breakdowns.push(Breakdown { attribute, value: value.to_owned(), arms: of(which) });
        };
        top.iter().for_each(|value| push(value, &|user| user.attributes[i] == *value));
        if values.len() > 20 {
            push(OTHER, &|user| !top.contains(&&*user.attributes[i]));
        }
    }
    MetricFigures { whole: of(&|_| true), breakdowns }
}

fn arm_figures(
    plan: &ExperimentPlan,
    metric: &Metric,
    users: &[&User<'_>],
    at: Timestamp,
    ended: Option<Timestamp>,
    cap: Option<i128>,
) -> ArmFigures {
    if let MetricKind::Quantile { event, q } = &metric.kind {
        let of = |user: &&User<'_>| {
            let events = after(metric, user, ended).into_iter();
            events.filter(|(name, ..)| name == event).map(|(_, units, _)| units).collect::<Vec<_>>()
        };
        return quantile(&users.iter().map(of).collect::<Vec<_>>(), *q, plan.analysis.alpha);
    }
    let mut sums = Sums::default();
    for user in users {
        if let MetricKind::Retention { to_day, .. } = metric.kind
            && user.first + days(to_day) > at
        {
            continue;
        }
        let [mut x, d] = value(metric, &after(metric, user, ended));
        let [mut cx, cd] = value(metric, &before(metric, user));
        if let Some(cap) = cap {
            (x, cx) = (x.min(cap), cx.min(cap));
        }
        sums.push([x, d, cx, cd]);
    }
    if sums.users == 0 { ArmFigures::Nothing } else { ArmFigures::Sums(sums) }
}

/// An event as name, units and place in time.
type Seen = (String, i128, Timestamp);

fn events_of(user: &User<'_>, which: impl Fn(Timestamp) -> bool) -> Vec<Seen> {
    let of = |event: &&Event| match &event.what {
        What::Metric { name, value } if which(event.at) => {
            Some((name.clone(), (value * 1e6).round_ties_even() as i128, event.at))
        }
        _ => None,
    };
    let mut events: Vec<_> = user.events.iter().filter_map(of).collect();
    events.sort_by_key(|&(.., at)| at);
    events
}

fn days(days: u32) -> SignedDuration {
    SignedDuration::from_hours(i64::from(days) * 24)
}

fn after(metric: &Metric, user: &User<'_>, ended: Option<Timestamp>) -> Vec<Seen> {
    let first = user.first;
    if let MetricKind::Retention { from_day, to_day, .. } = metric.kind {
        return events_of(user, |at| at >= first + days(from_day) && at < first + days(to_day));
    }
    let window = metric.window_hours.map(|hours| first + SignedDuration::from_hours(hours.into()));
    let until = window.or(ended);
    events_of(user, |at| at >= first && until.is_none_or(|until| at < until))
}

fn before(metric: &Metric, user: &User<'_>) -> Vec<Seen> {
    let from = user.first - days(metric.covariate_days);
    events_of(user, |at| at >= from && at < user.first)
}

fn value(metric: &Metric, events: &[Seen]) -> [i128; 2] {
    let of = |wanted: &str| events.iter().filter(|(name, ..)| name == wanted).collect::<Vec<_>>();
    let whether = |holds: bool| [i128::from(holds) * 1_000_000, 0];
    let term = |event: &str, take: Take| match take {
        Take::Sum => of(event).iter().map(|(_, units, _)| units).sum(),
        Take::Count => of(event).len() as i128 * 1_000_000,
    };
    match &metric.kind {
        MetricKind::Binomial { event } | MetricKind::Retention { event, .. } => {
            whether(!of(event).is_empty())
        }
        MetricKind::Mean { event } => [term(event, Take::Sum), 0],
        MetricKind::Count { event } => [term(event, Take::Count), 0],
        MetricKind::Ratio { numerator, denominator } => {
            let of = |side: &Term| term(&side.event, side.take);
            [of(numerator), of(denominator)]
        }
        MetricKind::Quantile { .. } => [0, 0],
        MetricKind::Funnel { steps } => {
            let mut steps = steps.iter().peekable();
            events.iter().for_each(|(name, ..)| {
                steps.next_if(|step| *step == name);
            });
            whether(steps.next().is_none())
        }
    }
}

fn cap(metric: &Metric, users: &[User<'_>], ended: Option<Timestamp>) -> Option<i128> {
    match metric.cap? {
        Cap::Value { value } => Some((value * 1e6) as i128),
        Cap::Percentile { p } => {
            let values = users.iter().map(|user| value(metric, &after(metric, user, ended))[0]);
            let mut values: Vec<_> = values.filter(|&x| x > 0).map(|x| x as f64).collect();
            values.sort_by(f64::total_cmp);
            let Some(&last) = values.last() else { return Some(0) };
            let place = (values.len() - 1) as f64 * p + 1.0;
            let below = place as usize;
            let cap = if below >= values.len() {
                last
            } else {
                values[below - 1] + (place - below as f64) * (values[below] - values[below - 1])
            };
            Some(cap.floor() as i128)
        }
    }
}

fn quantile(series: &[Vec<i128>], q: f64, alpha: f64) -> ArmFigures {
    let mut all: Vec<f64> = series.iter().flatten().map(|&units| units as f64 / 1e6).collect();
    all.sort_by(f64::total_cmp);
    if all.is_empty() {
        return ArmFigures::Nothing;
    }
    let n = all.len() as f64;
    let at = |level: f64| {
        let place = (n - 1.0) * level;
        let (below, share) = (place.floor(), place - place.floor());
        let (low, high) = (all[below as usize], all[(below as usize + 1).min(all.len() - 1)]);
        low + (high - low) * share
    };
    let outer = Alpha::new(alpha).unwrap().z() * (q * (1.0 - q) / n).sqrt();
    let inside = all.len() > 1 && q - outer >= 0.0 && q + outer <= 1.0;
    let value = at(q);
    let counts = series.iter().filter(|of| !of.is_empty()).map(|of| {
        let below = of.iter().filter(|&&units| units as f64 / 1e6 <= value).count() as u64;
        (below, of.len() as u64)
    });
    let counts: Vec<_> = counts.collect();
    ArmFigures::Quantile(QuantileFigures {
        q,
        alpha,
        users: counts.len() as u64,
        events: all.len() as u64,
        value,
        lower: inside.then(|| at(q - outer)),
        upper: inside.then(|| at(q + outer)),
        below: counts.iter().map(|(below, _)| below).sum(),
        below_squared: counts.iter().map(|(below, _)| below * below).sum(),
        below_by_events: counts.iter().map(|(below, n)| below * n).sum(),
        events_squared: counts.iter().map(|(_, n)| n * n).sum(),
    })
}

/// Fails where two figures differ: exact but for the last digits of quantiles, which are rounded differently here.
#[track_caller]
pub(crate) fn assert_same(actual: &Figures, expected: &Figures) {
    assert_eq!(actual.points.len(), expected.points.len());
    assert_eq!(actual.exposures, expected.exposures);
    for (actual, expected) in actual.points.iter().zip(&expected.points) {
        let at = expected.at;
        assert_eq!((actual.at, actual.telemetry_position), (at, expected.telemetry_position));
        assert_eq!((&actual.users, actual.last), (&expected.users, expected.last), "{at}");
        for (i, (actual, expected)) in actual.metrics.iter().zip(&expected.metrics).enumerate() {
            arms_same(&actual.whole, &expected.whole, &format!("metric {} at {at}", i + 1));
            let names = |figures: &MetricFigures| {
                let of = |part: &Breakdown| (part.attribute.clone(), part.value.clone());
                figures.breakdowns.iter().map(of).collect::<Vec<_>>()
            };
            assert_eq!(names(actual), names(expected), "metric {} at {at}", i + 1);
            for (actual, expected) in actual.breakdowns.iter().zip(&expected.breakdowns) {
                let place = format!("metric {} {} {}", i + 1, expected.attribute, expected.value);
                arms_same(&actual.arms, &expected.arms, &place);
            }
        }
        assert_eq!(actual.metrics.len(), expected.metrics.len());
    }
    assert_eq!(
        (actual.telemetry_position, actual.as_of, actual.iteration),
        (expected.telemetry_position, expected.as_of, expected.iteration)
    );
}

#[track_caller]
fn arms_same(actual: &[ArmFigures], expected: &[ArmFigures], place: &str) {
    assert_eq!(actual.len(), expected.len(), "{place}");
    for (actual, expected) in actual.iter().zip(expected) {
        if let (ArmFigures::Quantile(a), ArmFigures::Quantile(e)) = (actual, expected) {
            let close = |a: Option<f64>, e: Option<f64>| match (a, e) {
                (Some(a), Some(e)) => (a - e).abs() <= 1e-9 * (a.abs() + e.abs()),
                (a, e) => a.is_none() && e.is_none(),
            };
            assert!(close(Some(a.value), Some(e.value)), "{place}: {a:?} {e:?}");
            assert!(close(a.lower, e.lower) && close(a.upper, e.upper), "{place}: {a:?} {e:?}");
            let e = QuantileFigures { value: a.value, lower: a.lower, upper: a.upper, ..e.clone() };
            assert_eq!(*a, e, "{place}");
        } else {
            assert_eq!(actual, expected, "{place}");
        }
    }
}
