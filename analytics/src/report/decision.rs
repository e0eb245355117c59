//! What is decided about one variation and one metric, and the looks it was decided at.
//!
//! P-value, interval, interval of the lift and verdict are of one look and one statistic: the first look that reached
//! the boundary, or else the latest one. The interval is at the corrected level, so that it leaves zero out exactly
//! when the corrected p-value is at most alpha.

use jiff::Timestamp;
use serde::Serialize;

use super::answer::{Answer, Missing, P};
use super::effect::Effect;
use super::family::Corrected;
use super::looks::{Reading, Rule, z};
use crate::figures::Point;
use crate::plan::{Better, Method};
use crate::stats::lift::LiftSet;
use crate::stats::{Alpha, Interval};

/// What the data say about a variation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Verdict {
    /// Better than the control, in the metric's own direction.
    Better,
    /// Worse than the control.
    Worse,
    /// Not told apart from the control, which does not show that they are the same.
    NoDifferenceYet,
    /// The data allow no verdict.
    NotEstimable {
        /// Why.
        reason: Missing,
    },
}

/// The look that decides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decision {
    /// By which rule: the experiment's method, or `always_valid` for guardrails and without planned users.
    pub by: Method,
    /// When the look was.
    pub at: Timestamp,
    /// The telemetry position it was at, a decimal string.
    pub telemetry_position: String,
    /// Its number among the planned looks, counted from 1; absent for the always-valid band.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look: Option<usize>,
    /// Users of both arms that count.
    pub users: u64,
    /// The p-value of the look: the level whose boundary it just reaches (Jennison and Turnbull 1984), or that of the
    /// always-valid band. What is corrected over the family is the smallest of all looks.
    pub p: P,
    /// The same times what the correction multiplies it by. The verdict is whether it is at most alpha.
    pub corrected_p: P,
    /// What `p` is compared with: alpha over what the correction multiplies it by. The intervals are at 1 minus this.
    pub level: f64,
    /// Whether the corrected p-value is at most alpha.
    pub significant: bool,
    /// Treatment minus control; under CUPED, adjusted.
    pub difference: f64,
    /// Its standard error.
    pub se: f64,
    /// Difference over standard error.
    pub statistic: f64,
    /// Half of the interval in standard errors; a look that spends nothing of the level has none, nor an interval.
    pub critical: Answer<f64>,
    /// The repeated interval `difference ± critical × se` (Jennison and Turnbull 1989), or the always-valid band.
    pub interval: Answer<Interval>,
    /// The relative change.
    pub lift: Answer<Lift>,
}

/// A difference over the absolute value of the control's mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lift {
    /// The lift as a share: 0.03 is three percent.
    pub estimate: f64,
    /// Fieller's set (Fieller 1954) with the same critical value as the interval of the difference, so that both leave
    /// zero out or neither does.
    pub fieller: Answer<LiftSet>,
    /// The interval of the delta method with the same critical value, to compare with other tools.
    pub delta: Answer<Interval>,
}

/// A planned look.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Look {
    /// Counted from 1.
    pub number: usize,
    /// When.
    pub at: Timestamp,
    /// Users of all arms that count for the metric.
    pub users: u64,
    /// Their share of the planned users, at most 1.
    pub information: f64,
    /// How much of the level is spent up to here (Lan and DeMets 1983).
    pub alpha_spent: f64,
    /// The boundary of the statistic; of a look so early that it spends nothing there is none.
    pub boundary: Answer<f64>,
    /// Difference over standard error, as the normal quantile of its p-value.
    pub statistic: Answer<f64>,
    /// Whether the boundary was reached here.
    pub crossed: bool,
    /// The repeated interval.
    pub interval: Answer<Interval>,
    /// The repeated p-value, before correction.
    pub p: Answer<P>,
}

/// Everything the looks of one comparison are judged by.
pub(super) struct Judge<'a> {
    pub(super) rule: &'a Rule,
    pub(super) effects: &'a [Result<Effect, Missing>],
    pub(super) points: &'a [Point],
    /// Users who count for the metric, by state.
    pub(super) users: &'a [u64],
    pub(super) readings: &'a [Reading],
    pub(super) method: Method,
    pub(super) corrected: Corrected,
}

impl Judge<'_> {
    /// The deciding look, and whether it decides.
    pub(super) fn decision(&self) -> Result<Decision, Missing> {
        let level = self.corrected.level;
        let crossed = |reading: &&Reading| reading.p.ln() <= level.get().ln();
        let first = self.readings.iter().find(crossed);
        let reading = first.or(self.readings.last()).ok_or_else(|| self.nothing_yet())?;
        let effect = self.effect(reading)?;
        let critical = self.settled(reading, effect, level);
        let difference = &effect.difference;
        let point = &self.points[reading.point];
        let planned = !matches!(self.rule, Rule::AlwaysValid(_));
        let critical: Answer<f64> = critical.ok_or(Missing::SpendsNothing).into();
        Ok(Decision {
            by: if planned { self.method } else { Method::AlwaysValid },
            at: point.at,
            telemetry_position: point.telemetry_position.to_string(),
            look: planned.then_some(reading.look + 1),
            users: effect.arms[0].n().saturating_add(effect.arms[1].n()),
            p: reading.p.into(),
            corrected_p: self.corrected.times(reading.p).into(),
            level: level.get(),
            significant: first.is_some(),
            difference: difference.estimate,
            se: difference.se,
            statistic: difference.statistic,
            interval: critical
                .map(|critical| Interval::around(difference.estimate, critical * difference.se)),
            lift: lift(effect, critical.known().copied()),
            critical,
        })
    }

    /// The verdict: the direction of a significant difference, turned to what is better.
    pub(super) fn verdict(&self, decision: &Result<Decision, Missing>, better: Better) -> Verdict {
        let newest = self.effects.last();
        match decision {
            Ok(decision) if decision.significant => {
                if (decision.difference > 0.0) == (better == Better::Higher) {
                    Verdict::Better
                } else {
                    Verdict::Worse
                }
            }
            _ => match newest.map(|effect| effect.as_ref().map(|effect| effect.burn_in)) {
                Some(Ok(Ok(()))) => Verdict::NoDifferenceYet,
                Some(Ok(Err(reason))) => Verdict::NotEstimable { reason },
                Some(Err(reason)) => Verdict::NotEstimable { reason: *reason },
                None => Verdict::NotEstimable { reason: Missing::NoData },
            },
        }
    }

    /// Every planned look.
    pub(super) fn looks(&self) -> Vec<Look> {
        let (looks, boundaries) = match self.rule {
            Rule::Spending(looks, boundaries) => (looks, Some(boundaries)),
            Rule::Single(looks) => (looks, None),
            Rule::AlwaysValid(_) => return Vec::new(),
        };
        let level = self.corrected.level;
        let one = |(look, (&point, &information)): (usize, (&usize, &f64))| {
            let boundary = boundaries.map_or(Some(level.z()), |all| all.bound(look, level));
            let reading = self.readings.iter().find(|reading| reading.look == look);
            let effect = match (reading, &self.effects[point]) {
                (Some(_), Ok(effect)) => Ok(effect),
                (None, Ok(effect)) => Err(effect.burn_in.err().unwrap_or(Missing::NoData)),
                (_, Err(missing)) => Err(*missing),
            };
            Look {
                number: look + 1,
                at: self.points[point].at,
                users: self.users[point],
                information,
                alpha_spent: boundaries.map_or(level.get(), |all| all.spent(look, level)),
                boundary: boundary.ok_or(Missing::SpendsNothing).into(),
                statistic: effect.map(z).into(),
                crossed: reading.is_some_and(|reading| reading.p.ln() <= level.get().ln()),
                interval: effect
                    .and_then(|effect| {
                        let reading = reading.ok_or(Missing::NoData)?;
                        let critical = self.settled(reading, effect, level);
                        let half = critical.ok_or(Missing::SpendsNothing)? * effect.difference.se;
                        Ok(Interval::around(effect.difference.estimate, half))
                    })
                    .into(),
                p: effect
                    .and_then(|_| reading.map(|reading| reading.p.into()).ok_or(Missing::NoData))
                    .into(),
            }
        };
        looks.points.iter().zip(&looks.information).enumerate().map(one).collect()
    }

    fn effect(&self, reading: &Reading) -> Result<&Effect, Missing> {
        self.effects[reading.point].as_ref().map_err(|missing| *missing)
    }

    /// The critical value; where rounding would put it on the other side of the statistic than the p-value is of the
    /// level, the p-value is right.
    fn settled(&self, reading: &Reading, effect: &Effect, level: Alpha) -> Option<f64> {
        const HAIR: f64 = 1e-12;
        let critical = self.rule.critical(reading, effect, level)?;
        let statistic = effect.difference.statistic.abs();
        Some(if reading.p.ln() <= level.get().ln() {
            critical.min(statistic * (1.0 - HAIR))
        } else {
            critical.max(statistic * (1.0 + HAIR))
        })
    }

    /// Why no look has said anything.
    fn nothing_yet(&self) -> Missing {
        match self.effects.last() {
            Some(Err(missing)) => *missing,
            Some(Ok(Effect { burn_in: Err(missing), .. })) => *missing,
            Some(Ok(_)) => Missing::NoLookYet,
            None => Missing::NoData,
        }
    }
}

/// The lift with its intervals, as wide as that of the difference.
pub(super) fn lift(effect: &Effect, critical: Option<f64>) -> Answer<Lift> {
    effect
        .lift()
        .map(|estimate| {
            let critical = critical.ok_or(Missing::SpendsNothing);
            let out = |critical: f64| effect.difference.statistic.abs() > critical;
            let fieller = critical.and_then(|critical| {
                let set = effect.relative.fieller(critical)?;
                // Numbers at the end of the range of floating point; the difference is what can be trusted.
                if set.contains(0.0) == out(critical) { Err(Missing::Unbounded) } else { Ok(set) }
            });
            let delta = critical.and_then(|critical| {
                let half = critical * effect.relative.delta_se()?;
                if half.is_finite() {
                    Ok(Interval::around(estimate, half))
                } else {
                    Err(Missing::Unbounded)
                }
            });
            Lift { estimate, fieller: fieller.into(), delta: delta.into() }
        })
        .into()
}
