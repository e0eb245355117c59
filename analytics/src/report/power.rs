//! How much the data could find so far.

use serde::Serialize;

use super::answer::{Answer, Missing};
use super::effect::Effect;
use crate::plan::Analysis;
use crate::stats::power::{self, Power};
use crate::stats::special::normal_isf;
use crate::stats::{Alpha, NoAnswer};

/// Power of the newest state, as if it were the only look, at the comparison's level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerSoFar {
    /// The relative effect that power is said for; absent when none was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_effect: Option<f64>,
    /// The probability of finding it with the users there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<Answer<f64>>,
    /// The effect that is found with the power the experiment was planned with, in the metric's unit.
    pub detectable: Answer<f64>,
    /// The same as a share of the control's mean.
    pub detectable_lift: Answer<f64>,
}

pub(super) fn so_far(analysis: &Analysis, effect: &Effect, level: Alpha) -> PowerSoFar {
    let (se, baseline) = (effect.difference.se, effect.relative.baseline.abs());
    let relative = |absolute: f64| {
        let share = absolute / baseline;
        if share.is_finite() { Ok(share) } else { Err(NoAnswer::UndefinedRelative) }
    };
    let detectable =
        Power::new(analysis.power).map(|power| (level.z() + normal_isf(1.0 - power.get())) * se);
    let wanted = analysis.minimum_effect;
    PowerSoFar {
        minimum_effect: wanted,
        power: wanted.map(|wanted| power::power(wanted.abs() * baseline, se, level).into()),
        detectable: detectable.into(),
        detectable_lift: detectable.and_then(relative).into(),
    }
}

/// Users of all arms until the smallest effect worth finding is found with the power asked for, by a rule that takes
/// `critical` standard errors: the error shrinks with the square root of the users.
pub(super) fn users_needed(
    analysis: &Analysis,
    effect: &Effect,
    critical: f64,
    users: u64,
) -> Result<u64, Missing> {
    let wanted = analysis.minimum_effect.ok_or(Missing::NoData)?;
    let power = Power::new(analysis.power)?;
    let drift = critical + normal_isf(1.0 - power.get());
    let growth = (drift * effect.difference.se / (wanted * effect.relative.baseline)).powi(2);
    #[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 users")]
    let needed = (growth * users as f64).ceil();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, at most 9e15"
    )]
    if needed.is_finite() && needed < 9e15 { Ok(needed as u64) } else { Err(Missing::Unbounded) }
}
