//! Probabilities as logarithms: a p-value of 1e-400 is a fine number, only not as an `f64`.

use std::f64::consts::{LN_2, LN_10};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::special::ln_one_minus_exp;

/// A probability, kept as its natural logarithm.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Tail {
    ln: f64,
}

impl Tail {
    /// Probability one.
    pub const CERTAIN: Self = Self { ln: 0.0 };

    /// From the natural logarithm; rounding above one is cut off.
    #[must_use]
    pub const fn from_ln(ln: f64) -> Self {
        Self { ln: ln.min(0.0) }
    }

    /// From the probability itself.
    #[must_use]
    pub fn from_p(p: f64) -> Self {
        Self::from_ln(p.max(0.0).ln())
    }

    /// The probability; zero below 5e-324.
    #[must_use]
    pub fn p(self) -> f64 {
        self.ln.exp()
    }

    /// The natural logarithm.
    #[must_use]
    pub const fn ln(self) -> f64 {
        self.ln
    }

    /// The decimal logarithm.
    #[must_use]
    pub fn log10(self) -> f64 {
        self.ln / LN_10
    }

    /// Twice the probability of one side: the two-sided p-value of a symmetric statistic.
    #[must_use]
    pub fn two_sided(self) -> Self {
        Self::from_ln(self.ln + LN_2)
    }

    /// The other side.
    #[must_use]
    pub fn complement(self) -> Self {
        Self::from_ln(ln_one_minus_exp(self.ln))
    }
}

impl Serialize for Tail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Tail", 2)?;
        fields.serialize_field("p_value", &self.p())?;
        fields.serialize_field("log10_p", &self.log10())?;
        fields.end()
    }
}
