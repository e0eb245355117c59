//! Experiments as a flag serves them: who takes part, and how the participants are shared out among the arms.
//!
//! A definition carries everything that decides about a user, so that whoever evaluates it needs to know nothing of
//! layers, holdouts or iterations: they are slices and the name of the rule here.

use serde::{Deserialize, Serialize};

use super::{Condition, Rollout};

/// An experiment on a flag in one environment. It stands behind the targets and before the rules: whom it does not
/// take is served as if it were not there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ExperimentDefinition {
    /// The experiment's key, unique in its project; named in answers and exposures.
    pub key: String,
    /// What stands for a rule's id in answers and exposures: `<experiment key>:<iteration>`.
    pub rule: String,
    /// The audience; absent means everyone.
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// Parts of the users that take part: traffic, a share of a layer, what holdouts leave. All must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Slice>,
    /// The arms. The unit of its `bucket_by` is that of the slices too.
    pub split: Rollout,
    /// Replaces the flag's salt, which replaces the environment's, in the bucketing of the arms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
}

/// Users by their bucket: `SHA256(environment salt + seed + unit) % 10000` in one of the ranges. Neither the flag's
/// salt nor the experiment's plays a part, so experiments with one seed cut the same users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// What is hashed between salt and unit: `traffic:<experiment key>` or `layer:<layer key>`.
    pub seed: String,
    /// Buckets from the first on and before the second, 0 to 10,000. None at all holds for nobody.
    pub ranges: Vec<[u16; 2]>,
}

impl Slice {
    /// How many slices one experiment may have: each costs whoever evaluates it a hash.
    pub const MAX: usize = 32;
}
