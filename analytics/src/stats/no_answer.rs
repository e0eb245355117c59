//! Why a question has no answer. Typed, so that nobody has to guess what a NaN, a p-value of 1 or an interval
//! from 0 to 0 was meant to say.

use serde::Serialize;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum NoAnswer {
    /// Every unit has the same value, so nothing says how much the estimate would vary.
    #[error("the values do not vary, so there is nothing to compare them against")]
    NoVariance,
    /// Fewer units than the method needs.
    #[error("too few units: collect more data")]
    TooFew,
    /// The method does not apply to these numbers, or they leave the range of floating point.
    #[error("the quantity cannot be estimated from these numbers")]
    NotEstimable,
    /// The baseline is zero, so that a relative change has no meaning.
    #[error("the baseline is zero: look at the absolute difference")]
    UndefinedRelative,
    /// Users were seen in an arm that gets no traffic, which is an alarm of its own.
    #[error("users were assigned to an arm of weight zero: check the assignment")]
    LeakIntoZeroWeightArm,
    /// The input is no valid question.
    #[error("invalid input: {what}")]
    InvalidInput {
        /// What must hold.
        what: &'static str,
    },
}

impl NoAnswer {
    /// The stable code of the outcome.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoVariance => "no_variance",
            Self::TooFew => "too_few",
            Self::NotEstimable => "not_estimable",
            Self::UndefinedRelative => "undefined_relative",
            Self::LeakIntoZeroWeightArm => "leak_into_zero_weight_arm",
            Self::InvalidInput { .. } => "invalid_input",
        }
    }
}

/// `value` if it is finite: how NaN and infinity are kept from leaving a function.
pub(crate) fn finite(value: f64) -> Result<f64, NoAnswer> {
    if value.is_finite() { Ok(value) } else { Err(NoAnswer::NotEstimable) }
}

/// An error unless `holds`.
pub(crate) fn require(holds: bool, what: &'static str) -> Result<(), NoAnswer> {
    if holds { Ok(()) } else { Err(NoAnswer::InvalidInput { what }) }
}
