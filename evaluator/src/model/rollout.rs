//! Percentage rollouts: shares in thousandths of a percent, and how a user's bucket is computed.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Shares of variations. The bucket of a user decides which share they fall into; shares take consecutive ranges
/// of buckets in their listed order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    /// The shares; their weights sum to 100 percent.
    pub variations: Vec<WeightedVariation>,
    /// The attribute whose value is hashed; absent means the targeting key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_by: Option<String>,
    /// How the bucket is computed.
    #[serde(default)]
    pub hash: HashKind,
}

/// A variation and its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WeightedVariation {
    /// Key of the variation.
    pub key: String,
    /// Its share.
    pub weight: Weight,
}

/// How a bucketing value becomes a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum HashKind {
    /// `SHA256(salt + flag_key + value) % 10000`, the digest read whole as one big-endian integer.
    #[default]
    #[serde(rename = "sha256-10000")]
    Sha256,
}

/// A share in thousandths of a percent: 100 percent is 100,000.
///
/// In JSON it is a number of percent with up to three decimals; inside it is never a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = f64, minimum = 0, maximum = 100, multiple_of = 0.001, example = 33.333))]
pub struct Weight(u32);

/// Why a number is no share.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WeightError {
    /// Below 0 or above 100 percent, or not a number.
    #[error("a weight is between 0 and 100 percent, this is {0}")]
    OutOfRange(f64),
    /// More than three decimals.
    #[error("a weight has up to three decimals, this is {0}")]
    TooPrecise(f64),
}

impl Weight {
    /// All of it.
    pub const WHOLE: Self = Self(100_000);

    /// A share in thousandths of a percent, at most [`Weight::WHOLE`].
    pub fn from_thousandths(thousandths: u32) -> Option<Self> {
        (thousandths <= Self::WHOLE.0).then_some(Self(thousandths))
    }

    /// The share in thousandths of a percent.
    pub fn thousandths(self) -> u32 {
        self.0
    }

    /// Reads percent.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie in 0..=100000"
    )]
    pub fn from_percent(percent: f64) -> Result<Self, WeightError> {
        if !(0.0..=100.0).contains(&percent) {
            return Err(WeightError::OutOfRange(percent));
        }
        let scaled = percent * 1000.0;
        let rounded = scaled.round();
        // The nearest double to a decimal like 33.333 is off by far less than this.
        if (scaled - rounded).abs() > 1e-6 {
            return Err(WeightError::TooPrecise(percent));
        }
        Ok(Self(rounded as u32))
    }
}

impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0 / 1000, self.0 % 1000) {
            (percent, 0) => serializer.serialize_u32(percent),
            _ => serializer.serialize_f64(f64::from(self.0) / 1000.0),
        }
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_percent(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
