//! When an experiment is looked at, and what each look says about one variation.
//!
//! Planned looks are the first closed steps at or after the start plus `k × look_every_hours`, the first state with
//! all planned users, and the newest state once the iteration has ended. None of them depends on effects, so that
//! alpha spending allows them, and they follow from the figures alone: whoever computes them again gets the same
//! looks. A state between them decides nothing.
//!
//! Without planned users there is no horizon to spend alpha over; then every state is a look of the always-valid band.

use std::sync::Arc;

use jiff::Timestamp;

use super::answer::Missing;
use super::band;
use super::boundaries::{Boundaries, z_of};
use super::effect::Effect;
use crate::figures::Point;
use crate::plan::{Analysis, Iteration, Method};
use crate::stats::sequential::always_valid::Tuning;
use crate::stats::sequential::spending::Spending;
use crate::stats::special::normal_upper;
use crate::stats::{Alpha, NoAnswer, Tail};

/// A planned look must bring this share of the planned users, so that there are at most about fifty.
pub const SMALLEST_STEP: f64 = 0.02;

/// How a comparison is decided.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// Planned looks that share alpha.
    Spending(Looks, Arc<Boundaries>),
    /// One look, when the planned users are there.
    Single(Looks),
    /// The always-valid band, at every state.
    AlwaysValid(Tuning),
}

/// The states that are planned looks, with the information each of them has.
#[derive(Debug, Clone, Default)]
pub(super) struct Looks {
    pub(super) points: Vec<usize>,
    pub(super) information: Vec<f64>,
}

/// What a look says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// Which look, counted from 0.
    pub(super) look: usize,
    /// Which state.
    pub(super) point: usize,
    /// The level whose boundary is just reached.
    pub(super) p: Tail,
}

impl Rule {
    /// The rule for a metric; `users` are those who count for it, by state.
    pub(super) fn of(
        analysis: &Analysis,
        iteration: &Iteration,
        points: &[Point],
        users: &[u64],
        (alpha, tuning): (Alpha, Tuning),
    ) -> Result<Self, NoAnswer> {
        let (method, planned) =
            (analysis.method, analysis.planned_users.filter(|users| *users > 0));
        let (Some(planned), false) = (planned, method == Method::AlwaysValid) else {
            return Ok(Self::AlwaysValid(tuning));
        };
        let looks = Looks::of(analysis, iteration, points, users, planned);
        if method == Method::Fixed {
            return Ok(Self::Single(looks));
        }
        let spending = match method {
            Method::Pocock => Spending::Pocock,
            _ => Spending::OBrienFleming,
        };
        let boundaries = Boundaries::of(spending, alpha, &looks.information)?;
        Ok(Self::Spending(looks, boundaries))
    }

    /// What the looks say so far, oldest first; those with too little data say nothing.
    pub(super) fn readings(&self, effects: &[Result<Effect, Missing>]) -> Vec<Reading> {
        let sound = |point: usize| {
            effects.get(point)?.as_ref().ok().filter(|effect| effect.burn_in.is_ok())
        };
        let reading = |look, point, p| Some(Reading { look, point, p });
        match self {
            Self::Spending(looks, boundaries) => looks
                .points
                .iter()
                .enumerate()
                .filter_map(|(look, &point)| {
                    reading(look, point, boundaries.p(look, z(sound(point)?)))
                })
                .collect(),
            Self::Single(looks) => looks
                .points
                .iter()
                .enumerate()
                .filter_map(|(look, &point)| reading(look, point, sound(point)?.difference.p))
                .collect(),
            Self::AlwaysValid(tuning) => (0..effects.len())
                .filter_map(|point| {
                    let effect = sound(point)?;
                    let p = band::point(effect, *tuning).ok()?.p;
                    reading(point, point, p)
                })
                .collect(),
        }
    }

    /// How many standard errors an interval of a look takes at a level; none when the look spends nothing of it.
    pub(super) fn critical(&self, reading: &Reading, effect: &Effect, level: Alpha) -> Option<f64> {
        match self {
            Self::Spending(_, boundaries) => {
                let bound = boundaries.bound(reading.look, level)?;
                let nominal = Alpha::new(2.0 * normal_upper(bound)).ok()?;
                Some(nominal.t(effect.difference.df))
            }
            Self::Single(_) => Some(level.t(effect.difference.df)),
            Self::AlwaysValid(tuning) => Some(band::critical(effect.users(), *tuning, level)),
        }
    }
}

impl Looks {
    /// `users` are those who count for the metric, by state.
    fn of(
        analysis: &Analysis,
        iteration: &Iteration,
        points: &[Point],
        users: &[u64],
        planned: u64,
    ) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 users")]
        let information = |point: usize| (users[point] as f64 / planned as f64).clamp(0.0, 1.0);
        let mut looks = Self::default();
        for (point, regular) in calendar(analysis, iteration, points, planned) {
            let before = looks.information.last().copied().unwrap_or(0.0);
            let now = information(point);
            let step = if regular && now < 1.0 { SMALLEST_STEP } else { f64::EPSILON };
            if now - before >= step && (analysis.method != Method::Fixed || now >= 1.0) {
                looks.points.push(point);
                looks.information.push(now);
            }
        }
        looks
    }
}

/// The states that may be looks, and whether they are so by the calendar alone.
fn calendar(
    analysis: &Analysis,
    iteration: &Iteration,
    points: &[Point],
    planned: u64,
) -> Vec<(usize, bool)> {
    let every = i64::from(analysis.look_every_hours.max(1)) * 3600;
    let start = iteration.started_at.as_second();
    let period = |at: Timestamp| at.as_second().saturating_sub(start) / every;
    let (mut seen, mut reached) = (0, false);
    let mut looks = Vec::new();
    for (index, point) in points.iter().enumerate() {
        let due = !point.last && period(point.at) > seen;
        if due {
            seen = period(point.at);
        }
        let horizon = !reached && exposed(point) >= planned;
        reached |= horizon;
        let end = point.last && iteration.ended_at.is_some();
        if due || horizon || end {
            looks.push((index, due && !horizon));
        }
    }
    looks
}

/// Users of a state, in all arms.
pub(super) fn exposed(point: &Point) -> u64 {
    point.users.iter().fold(0, |sum, users| users.saturating_add(sum))
}

/// The statistic on the scale of the boundaries: the normal quantile of its p-value.
pub(super) fn z(effect: &Effect) -> f64 {
    let one_sided = Tail::from_ln(effect.difference.p.ln() - std::f64::consts::LN_2);
    z_of(one_sided).copysign(effect.difference.estimate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iteration(ended: bool) -> Iteration {
        let started_at: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        Iteration {
            number: 1,
            rule: "checkout:1".to_owned(),
            started_at,
            ended_at: ended.then_some(started_at),
            arms: Vec::new(),
        }
    }

    fn analysis(method: Method) -> Analysis {
        Analysis {
            alpha: 0.05,
            power: 0.8,
            method,
            planned_users: Some(1000),
            look_every_hours: 24,
            minimum_effect: None,
            correction: crate::plan::Correction::Holm,
            breakdowns: Vec::new(),
        }
    }

    /// States at these hours with so many users; the last one is the newest.
    fn states(states: &[(i64, u64)]) -> Vec<Point> {
        let start = iteration(false).started_at.as_second();
        let last = states.len() - 1;
        let point = |(index, &(hour, users)): (usize, &(i64, u64))| Point {
            at: Timestamp::from_second(start + hour * 3600).unwrap(),
            telemetry_position: 1,
            last: index == last,
            users: vec![users / 2, users - users / 2],
            metrics: Vec::new(),
        };
        states.iter().enumerate().map(point).collect()
    }

    fn of(method: Method, ended: bool, given: &[(i64, u64)]) -> Looks {
        let points = states(given);
        let users: Vec<u64> = points.iter().map(exposed).collect();
        Looks::of(&analysis(method), &iteration(ended), &points, &users, 1000)
    }

    #[test]
    fn looks_are_the_first_steps_after_each_day() {
        let given = [
            (6, 20),
            (23, 90),
            (25, 100),
            (30, 120),
            (49, 200),
            (100, 400),
            (120, 500),
            (121, 505),
        ];
        let looks = of(Method::ObrienFleming, false, &given);
        assert_eq!(looks.points, [2, 4, 5, 6]);
        assert_eq!(looks.information, [0.1, 0.2, 0.4, 0.5]);
    }

    #[test]
    fn more_data_do_not_change_past_looks() {
        let given: Vec<(i64, u64)> =
            (1_u32..=60).map(|k| (i64::from(k) * 11, u64::from(17 * k))).collect();
        let whole = of(Method::Pocock, false, &given);
        for end in 2..given.len() {
            let part = of(Method::Pocock, false, &given[..end]);
            assert_eq!(part.points, whole.points[..part.points.len()], "{end}");
        }
    }

    #[test]
    fn the_planned_users_and_the_end_are_looks() {
        let given = [(24, 500), (30, 1000), (31, 1100), (48, 1500), (50, 1600)];
        assert_eq!(of(Method::ObrienFleming, false, &given).points, [0, 1]);
        assert_eq!(of(Method::Fixed, false, &given).points, [1]);
        let short = [(24, 500), (26, 510)];
        assert_eq!(of(Method::ObrienFleming, true, &short).points, [0, 1]);
        assert!(of(Method::Fixed, true, &short).points.is_empty());
    }

    #[test]
    fn looks_without_new_users_spend_nothing() {
        let given = [(24, 0), (48, 300), (72, 300), (96, 310), (120, 400), (121, 400)];
        assert_eq!(of(Method::ObrienFleming, false, &given).points, [1, 4]);
    }
}
