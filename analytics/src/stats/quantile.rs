//! Quantiles and their variance, for values that are independent and for several values of one user.

use serde::Serialize;

use super::moments::CoMoments;
use super::no_answer::{NoAnswer, finite, require};
use super::ratio::ratio;
use super::{Alpha, Arm, Comparison};

/// A quantile with its variance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Quantile {
    /// The quantile of the values.
    pub estimate: f64,
    /// The quantile at `q - z √(q(1-q)/n)`.
    pub lower: f64,
    /// The quantile at `q + z √(q(1-q)/n)`.
    pub upper: f64,
    /// Variance of the estimate.
    pub variance: f64,
}

impl Quantile {
    /// As an arm of `users` users, so that two quantiles can be compared as two means.
    ///
    /// # Errors
    /// [`NoAnswer::NotEstimable`] when it leaves the range of `f64`.
    #[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 users")]
    pub fn as_arm(&self, users: u64) -> Result<Arm, NoAnswer> {
        Arm::new(users, self.estimate, finite(self.variance * users as f64)?)
    }
}

/// A quantile of independent values by the outer interval (Deng, Knoblich and Lu 2018, KDD, section 4):
/// `se = (Q(q + z s) - Q(q - z s)) / 2z` with `s = √(q(1-q)/n)`; quantiles after Hyndman and Fan's definition 7.
///
/// # Errors
/// [`NoAnswer::TooFew`] when the outer levels leave 0 to 1; invalid unless `0 < q < 1` and the values are finite.
pub fn independent(values: &[f64], q: f64, alpha: Alpha) -> Result<Quantile, NoAnswer> {
    require(q > 0.0 && q < 1.0, "the quantile must lie between 0 and 1")?;
    require(values.iter().all(|value| value.is_finite()), "the values must be finite")?;
    if values.len() < 2 {
        return Err(NoAnswer::TooFew);
    }
    #[allow(clippy::cast_precision_loss, reason = "values that fit in memory")]
    let n = values.len() as f64;
    let outer = alpha.z() * (q * (1.0 - q) / n).sqrt();
    if q - outer < 0.0 || q + outer > 1.0 {
        return Err(NoAnswer::TooFew);
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let (lower, upper) = (of_sorted(&sorted, q - outer), of_sorted(&sorted, q + outer));
    Ok(Quantile {
        estimate: of_sorted(&sorted, q),
        lower,
        upper,
        variance: finite(((upper - lower) / (2.0 * alpha.z())).powi(2))?,
    })
}

/// The share of a user's values at or below the quantile, summed over users: first quantity the number of values at
/// or below, second the number of values.
pub type Indicator = CoMoments<2>;

/// What is known of a quantile over users with several values each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clustered {
    /// The level.
    pub q: f64,
    /// How many values there are.
    pub values: u64,
    /// How many values the outer quantiles were computed for, which may be a sample.
    pub sampled: u64,
    /// The quantile.
    pub estimate: f64,
    /// The quantile at `q - z √(q(1-q)/sampled)`.
    pub lower: f64,
    /// The quantile at `q + z √(q(1-q)/sampled)`.
    pub upper: f64,
}

/// A cluster-robust quantile: the independent variance, times the variance of the indicator over users by what it
/// would be if values were independent, `q(1-q)/(n-1)` (Deng, Knoblich and Lu 2018). Also returns the former.
///
/// # Errors
/// [`NoAnswer::TooFew`] below two users or two values, [`NoAnswer::NotEstimable`] when users have no values.
#[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 values")]
pub fn clustered(
    known: &Clustered,
    indicator: &Indicator,
    alpha: Alpha,
) -> Result<(Quantile, f64), NoAnswer> {
    let Clustered { q, values, sampled, estimate, lower, upper } = *known;
    require(q > 0.0 && q < 1.0, "the quantile must lie between 0 and 1")?;
    require(lower <= estimate && estimate <= upper, "quantiles must be given in their order")?;
    if values < 2 || sampled < 2 {
        return Err(NoAnswer::TooFew);
    }
    let over_users = finite(ratio(indicator)?.unit_variance / indicator.users())?;
    let independent = q * (1.0 - q) / (values as f64 - 1.0);
    let iid = ((upper - lower) / (2.0 * alpha.z())).powi(2);
    let variance = finite(iid * sampled as f64 * (over_users / independent) / values as f64)?;
    Ok((Quantile { estimate, lower, upper, variance }, over_users))
}

/// The variance per value in the scale of `sampled`, which other engines carry: the independent variance of one
/// sampled value times the design effect.
///
/// # Errors
/// Those of [`clustered`].
#[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 values")]
pub fn clustered_unit_variance(
    known: &Clustered,
    indicator: &Indicator,
    alpha: Alpha,
) -> Result<f64, NoAnswer> {
    let (quantile, _) = clustered(known, indicator, alpha)?;
    finite(quantile.variance * known.values as f64)
}

/// Compares two quantiles as means of `users` users each, by Welch's test on their variances.
///
/// # Errors
/// [`NoAnswer::TooFew`] below two users an arm, [`NoAnswer::NoVariance`] when neither quantile varies.
#[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 users")]
pub fn compare(
    control: (&Quantile, u64),
    treatment: (&Quantile, u64),
    alpha: Alpha,
) -> Result<Comparison, NoAnswer> {
    if control.1 < 2 || treatment.1 < 2 {
        return Err(NoAnswer::TooFew);
    }
    Comparison::from_parts(
        treatment.0.estimate - control.0.estimate,
        (control.0.variance, control.1 as f64 - 1.0),
        (treatment.0.variance, treatment.1 as f64 - 1.0),
        alpha,
    )
}

/// Definition 7 of Hyndman and Fan, of values that are sorted and not empty.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a position among values that fit in memory"
)]
pub(crate) fn of_sorted(sorted: &[f64], q: f64) -> f64 {
    let last = sorted.len() - 1;
    let position = last as f64 * q;
    let below = (position.floor() as usize).min(last);
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    let share = position - below as f64;
    // From the nearer side, as NumPy does, so that a share of 1 gives the upper value itself.
    if share < 0.5 { low + (high - low) * share } else { high - (high - low) * (1.0 - share) }
}
