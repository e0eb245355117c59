//! A comparison as of the newest state, and its way there. The bands here are always-valid and may be read at any time;
//! what a single test would say is shown for comparison and decides nothing.

use jiff::Timestamp;
use serde::Serialize;

use super::answer::{Answer, Missing, P};
use super::band;
use super::decision::{Lift, lift};
use super::effect::Effect;
use crate::figures::Point;
use crate::stats::lift::LiftSet;
use crate::stats::sequential::always_valid::Tuning;
use crate::stats::{Alpha, Interval, Tail};

/// The newest state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Now {
    /// Treatment minus control; under CUPED, adjusted.
    pub difference: f64,
    /// Its standard error.
    pub se: f64,
    /// Difference over standard error.
    pub statistic: f64,
    /// Degrees of freedom (Satterthwaite 1946).
    pub df: f64,
    /// What CUPED did.
    pub cuped: CupedUse,
    /// The always-valid band, at 1 minus the comparison's level.
    pub always_valid: Answer<AlwaysValid>,
    /// What one test would say if nobody had looked before and nobody would again. It decides nothing.
    pub single_look: SingleLook,
}

/// The always-valid band of the newest state (Waudby-Smith et al. 2021, arXiv 2103.06476).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlwaysValid {
    /// The smallest p-value of all states so far.
    pub p: P,
    /// The band of the difference.
    pub interval: Interval,
    /// The band of the lift.
    pub lift: Answer<Lift>,
}

/// A test of a fixed sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SingleLook {
    /// Two-sided p-value of Welch's t, without any correction.
    pub p: P,
    /// Its interval at 1 - alpha.
    pub interval: Interval,
    /// The lift with the same critical value.
    pub lift: Answer<Lift>,
}

/// Whether CUPED was used: not without a covariate that varies, nor for quantiles.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CupedUse {
    /// Whether it was.
    pub used: bool,
    /// What it did.
    #[serde(flatten)]
    pub adjustment: Option<Adjustment>,
}

/// What CUPED did (Deng, Xu, Kohavi and Walker 2013).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Adjustment {
    /// The slope of the metric on the covariate, within arms.
    pub theta: f64,
    /// By how much the variance of the difference shrank: 0.3 is 30 % less.
    pub variance_reduction: f64,
    /// The adjusted means, control first.
    pub adjusted: [f64; 2],
    /// The difference without it.
    pub unadjusted: f64,
    /// The standard error without it.
    pub unadjusted_se: f64,
}

/// A state on the way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesPoint {
    /// When.
    pub at: Timestamp,
    /// Users of both arms.
    pub users: u64,
    /// The effect and its band.
    pub effect: Answer<SeriesEffect>,
}

/// The effect at a state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeriesEffect {
    /// Treatment minus control.
    pub difference: f64,
    /// Its always-valid band.
    pub band: Interval,
    /// The lift.
    pub lift: Answer<f64>,
    /// Its always-valid band.
    pub lift_band: Answer<LiftSet>,
}

/// The newest state of a comparison.
pub(super) fn now(
    effects: &[Result<Effect, Missing>],
    tuning: Tuning,
    level: Alpha,
    alpha: Alpha,
) -> Result<Now, Missing> {
    let effect = effects.last().ok_or(Missing::NoData)?.as_ref().map_err(|missing| *missing)?;
    let difference = &effect.difference;
    Ok(Now {
        difference: difference.estimate,
        se: difference.se,
        statistic: difference.statistic,
        df: difference.df,
        cuped: CupedUse::of(effect),
        always_valid: always_valid(effects, effect, tuning, level).into(),
        single_look: SingleLook {
            p: difference.p.into(),
            interval: difference.interval,
            lift: lift(effect, Some(alpha.t(difference.df))),
        },
    })
}

fn always_valid(
    effects: &[Result<Effect, Missing>],
    effect: &Effect,
    tuning: Tuning,
    level: Alpha,
) -> Result<AlwaysValid, Missing> {
    effect.burn_in?;
    let sound = effects.iter().flatten().filter(|effect| effect.burn_in.is_ok());
    let p = sound.filter_map(|effect| Some(band::point(effect, tuning).ok()?.p));
    let smallest = p.fold(Tail::CERTAIN, |smallest, p| if p < smallest { p } else { smallest });
    let critical = band::critical(effect.users(), tuning, level);
    Ok(AlwaysValid {
        p: smallest.into(),
        interval: Interval::around(effect.difference.estimate, critical * effect.difference.se),
        lift: lift(effect, Some(critical)),
    })
}

/// The states of a comparison, oldest first.
pub(super) fn series(
    effects: &[Result<Effect, Missing>],
    points: &[Point],
    tuning: Tuning,
    level: Alpha,
) -> Vec<SeriesPoint> {
    let one = |(effect, point): (&Result<Effect, Missing>, &Point)| SeriesPoint {
        at: point.at,
        users: effect.as_ref().map_or(0, |effect| {
            effect.arms.iter().fold(0, |sum: u64, arm| sum.saturating_add(arm.n()))
        }),
        effect: effect
            .as_ref()
            .map_err(|missing| *missing)
            .and_then(|effect| {
                effect.burn_in?;
                Ok(at(effect, tuning, level))
            })
            .into(),
    };
    effects.iter().zip(points).map(one).collect()
}

/// An effect with its always-valid band.
pub(super) fn at(effect: &Effect, tuning: Tuning, level: Alpha) -> SeriesEffect {
    let critical = band::critical(effect.users(), tuning, level);
    let relative = lift(effect, Some(critical));
    let missing = relative.missing().unwrap_or(Missing::Unbounded);
    let difference = &effect.difference;
    SeriesEffect {
        difference: difference.estimate,
        band: Interval::around(difference.estimate, critical * difference.se),
        lift_band: relative.known().map_or(Answer::Unknown(missing), |lift| lift.fieller),
        lift: relative.map(|lift| lift.estimate),
    }
}

impl CupedUse {
    fn of(effect: &Effect) -> Self {
        let adjustment = effect.cuped.as_ref().map(|cuped| Adjustment {
            theta: cuped.theta[0],
            variance_reduction: 1.0 - cuped.variance_ratio,
            adjusted: cuped.mean,
            unadjusted: cuped.unadjusted.estimate,
            unadjusted_se: cuped.unadjusted.se,
        });
        Self { used: adjustment.is_some(), adjustment }
    }
}
