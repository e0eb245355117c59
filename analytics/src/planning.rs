//! How long an experiment must run, from what is known of its metric already: users a day, mean, variance, and how
//! well the time before predicts it.
//!
//! [`power()`] is what `POST /v1/power` answers: the sample for the smallest effect worth finding, and what could be found
//! after one to eight weeks. Formulas are those of [`crate::stats::power`]; under CUPED the variance shrinks by
//! `1 - rho²`, looking more than once multiplies the sample ([`PowerOutput::inflation`]), and several comparisons share alpha
//! after Bonferroni.

mod input;
mod question;

use serde::Serialize;

pub use input::{Baseline, Invalid, PowerInput};

use crate::report::Answer;
use crate::stats::NoAnswer;
use question::Question;

/// Durations are said for one to this many weeks.
pub const WEEKS: u32 = 8;

/// What an experiment needs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerOutput {
    /// The two-sided level of one comparison: alpha over the number of comparisons.
    pub alpha_per_comparison: f64,
    /// Over how many comparisons alpha is shared.
    pub comparisons: u32,
    /// By how much looking more than once multiplies the sample; 1 for a single look. For the always-valid band this is
    /// the power of the last look alone, an upper bound.
    pub inflation: f64,
    /// What CUPED leaves of the variance, `1 - rho²`.
    pub variance_left: f64,
    /// The users needed for the smallest effect worth finding; absent when none was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Answer<Sample>>,
    /// What can be found after so many weeks.
    pub durations: Vec<Duration>,
}

/// Users needed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// By arm, the control first.
    pub per_arm: Vec<u64>,
    /// In all arms.
    pub total: u64,
    /// Days until they are there, rounded up.
    pub days: u64,
}

/// What a number of weeks gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Duration {
    /// How many weeks.
    pub weeks: u32,
    /// Users in all arms.
    pub users: u64,
    /// Users by arm, the control first.
    pub per_arm: Vec<u64>,
    /// The smallest effect that is found with the power asked for.
    pub detectable: Answer<Detectable>,
    /// The power for the smallest effect worth finding; absent when none was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<Answer<f64>>,
}

/// An effect.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Detectable {
    /// In the metric's unit.
    pub absolute: f64,
    /// As a share of the baseline; absent with a baseline of zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative: Option<f64>,
}

/// Plans an experiment. Every comparison is with the control; the treatment with the smallest weight sets the size.
///
/// # Errors
/// Everything that is wrong with the input, each with the field it is in.
pub fn power(input: &PowerInput) -> Result<PowerOutput, Vec<Invalid>> {
    let question = Question::of(input)?;
    let effect = input.minimum_effect;
    Ok(PowerOutput {
        alpha_per_comparison: question.alpha.get(),
        comparisons: question.comparisons,
        inflation: question.inflation,
        variance_left: question.variance_left,
        sample: effect.map(|effect| sample(&question, input.users_per_day, effect).into()),
        durations: (1..=WEEKS)
            .map(|weeks| {
                let users = (input.users_per_day * 7.0 * f64::from(weeks)).floor();
                Duration {
                    weeks,
                    users: whole(users),
                    per_arm: question.arms(users).map(|arm| whole(arm.floor())).collect(),
                    detectable: question.detectable(users).into(),
                    power: effect.map(|effect| question.power(users, effect).into()),
                }
            })
            .collect(),
    })
}

fn sample(question: &Question, users_per_day: f64, effect: f64) -> Result<Sample, NoAnswer> {
    let total = question.users(effect)?;
    let per_arm: Vec<f64> = question.arms(total).map(f64::ceil).collect();
    let total: f64 = per_arm.iter().sum();
    if total > MOST_USERS {
        return Err(NoAnswer::NotEstimable);
    }
    Ok(Sample {
        per_arm: per_arm.into_iter().map(whole).collect(),
        total: whole(total),
        days: whole((total / users_per_day).ceil()),
    })
}

/// Counts are exact as `f64` up to here, and nobody has more users.
const MOST_USERS: f64 = 9e15;

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to the range")]
fn whole(users: f64) -> u64 {
    users.clamp(0.0, MOST_USERS) as u64
}
