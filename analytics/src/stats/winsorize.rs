//! Winsorization: extreme values are cut to percentiles of all arms together, never of one arm, which would bias the
//! comparison.

use super::NoAnswer;
use super::no_answer::require;
use super::quantile::of_sorted;

/// Where values are cut.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Caps {
    /// Values below become this.
    pub lower: f64,
    /// Values above become this.
    pub upper: f64,
}

impl Caps {
    /// The percentiles `lower` and `upper` of the values of all arms (or of a time before the experiment), by linear
    /// interpolation (Hyndman and Fan 1996, The American Statistician 50:361, definition 7).
    ///
    /// # Errors
    /// [`NoAnswer::TooFew`] without values; invalid unless `0 <= lower <= upper <= 1` and all values are finite.
    pub fn of_pooled(values: &[f64], lower: f64, upper: f64) -> Result<Self, NoAnswer> {
        require(
            (0.0..=1.0).contains(&lower) && (lower..=1.0).contains(&upper),
            "percentiles must lie between 0 and 1, the lower one first",
        )?;
        require(values.iter().all(|value| value.is_finite()), "the values must be finite")?;
        if values.is_empty() {
            return Err(NoAnswer::TooFew);
        }
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        Ok(Self { lower: of_sorted(&sorted, lower), upper: of_sorted(&sorted, upper) })
    }

    /// A value, cut.
    #[must_use]
    pub const fn apply(&self, value: f64) -> f64 {
        value.max(self.lower).min(self.upper)
    }
}
