//! Whether a mean is normal enough for a t test.
//!
//! With a skewed metric and unequal arms Welch's test rejects up to 15 % at 5 %. A verdict on such data must be
//! downgraded, or the data winsorized.

use serde::Serialize;

use super::NoAnswer;
use super::moments::Moments;

/// A single user with more of the sum than this decides the result.
pub const MAX_SHARE: f64 = 0.05;

/// What the check found in one arm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Skew {
    /// Skewness of the values.
    pub skewness: f64,
    /// Users needed, `355 skewness²`.
    pub needed: f64,
    /// The largest value's share of the sum.
    pub largest_share: f64,
    /// Whether the t test can be trusted.
    pub sound: bool,
}

/// The rule `n > 355 skewness²` (Kohavi, Deng, Longbotham and Xu 2014, KDD, "Seven rules of thumb", rule 7), and the
/// share of the largest user.
///
/// # Errors
/// [`NoAnswer::TooFew`] below three users, [`NoAnswer::NoVariance`] when the values do not vary.
#[allow(clippy::cast_precision_loss, reason = "no experiment has 2^53 users")]
pub fn check(arm: &Moments) -> Result<Skew, NoAnswer> {
    let skewness = arm.skewness()?;
    let needed = 355.0 * skewness * skewness;
    let largest_share = arm.largest_share();
    let sound = arm.n() as f64 > needed && largest_share <= MAX_SHARE;
    Ok(Skew { skewness, needed, largest_share, sound })
}
