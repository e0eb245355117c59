//! Answers that may be missing: a number, or the reason why there is none. No NaN, no infinity, no `null` that
//! somebody would have to guess about.

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::stats::{NoAnswer, Tail};

/// A value, or why there is none. In JSON the value itself, or `{"outcome": "no_variance", "detail": "…"}`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer<T> {
    /// The value.
    Known(T),
    /// There is none.
    Unknown(Missing),
}

impl<T> Answer<T> {
    /// The value, if there is one.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// Why there is none.
    pub const fn missing(&self) -> Option<Missing> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(missing) => Some(*missing),
        }
    }

    /// The same answer about something that follows from the value.
    pub(crate) fn map<U>(self, follow: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Known(value) => Answer::Known(follow(value)),
            Self::Unknown(missing) => Answer::Unknown(missing),
        }
    }
}

impl<T> From<Result<T, NoAnswer>> for Answer<T> {
    fn from(result: Result<T, NoAnswer>) -> Self {
        result.map_err(Missing::NoAnswer).into()
    }
}

impl<T> From<Result<T, Missing>> for Answer<T> {
    fn from(result: Result<T, Missing>) -> Self {
        match result {
            Ok(value) => Self::Known(value),
            Err(missing) => Self::Unknown(missing),
        }
    }
}

/// Why something is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// The statistics have no answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// Fewer users or conversions than the normal approximation wants.
    #[error(
        "too little data: an arm needs {users} users and, for a share, {conversions} expected conversions"
    )]
    BurnIn {
        /// Users an arm must have.
        users: u64,
        /// Expected conversions, and expected users without one, an arm must have.
        conversions: u64,
    },
    /// No planned look has been reached.
    #[error("no planned look has been reached yet: the always-valid band can be read at any time")]
    NoLookYet,
    /// A look so early that it spends nothing of alpha.
    #[error("this look is so early that it spends nothing of alpha")]
    SpendsNothing,
    /// The arms do not have the users their weights promise, or an arm without weight has users.
    #[error(
        "the arms do not have the users their weights promise: find out why before reading results"
    )]
    SampleRatioMismatch,
    /// The data have no such numbers: another kind of metric, or an arm without data.
    #[error("there are no data of this metric in this arm")]
    NoData,
    /// The baseline may be zero, so that no lift is ruled out.
    #[error("the baseline is too close to zero for a relative change: look at the difference")]
    Unbounded,
}

impl Missing {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoAnswer(reason) => reason.code(),
            Self::BurnIn { .. } => "too_few",
            Self::NoLookYet => "no_look_yet",
            Self::SpendsNothing => "spends_nothing",
            Self::SampleRatioMismatch => "sample_ratio_mismatch",
            Self::NoData => "no_data",
            Self::Unbounded => "unbounded",
        }
    }
}

impl Serialize for Missing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Missing", 2)?;
        fields.serialize_field("outcome", self.code())?;
        fields.serialize_field("detail", &self.to_string())?;
        fields.end()
    }
}

/// A probability; where it is tiny its decimal logarithm stands beside it, as 1e-400 is a fine p-value but no `f64`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct P(Tail);

impl P {
    /// Below this the logarithm is said too.
    pub const TINY: f64 = 1e-6;
    /// The smallest logarithm that is told apart.
    const FLOOR: f64 = -1e300;

    /// The natural logarithm.
    #[must_use]
    pub const fn ln(self) -> f64 {
        self.0.ln()
    }

    /// The probability.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0.p()
    }
}

impl From<Tail> for P {
    fn from(tail: Tail) -> Self {
        Self(Tail::from_ln(tail.ln().max(Self::FLOOR)))
    }
}

impl Serialize for P {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tiny = self.get() < Self::TINY;
        let mut fields = serializer.serialize_struct("P", if tiny { 2 } else { 1 })?;
        fields.serialize_field("p", &self.get())?;
        if tiny {
            fields.serialize_field("log10", &self.0.log10())?;
        }
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_itself_and_a_missing_one_says_why() {
        let found: Answer<f64> = Ok::<_, NoAnswer>(1.5).into();
        assert_eq!(json!(found), json!(1.5));
        let missing: Answer<f64> = Err(NoAnswer::NoVariance).into();
        assert_eq!(json!(missing)["outcome"], "no_variance");
        assert!(json!(missing)["detail"].is_string());
    }

    #[test]
    fn tiny_probabilities_keep_their_logarithm() {
        assert_eq!(json!(P::from(Tail::from_p(0.25))), json!({ "p": 0.25 }));
        let tiny = json!(P::from(Tail::from_ln(-2000.0)));
        assert_eq!(tiny["p"], 0.0);
        assert!((tiny["log10"].as_f64().unwrap() + 2000.0 / std::f64::consts::LN_10).abs() < 1e-9);
        assert!(json!(P::from(Tail::from_ln(f64::NEG_INFINITY)))["log10"].is_number());
    }
}
