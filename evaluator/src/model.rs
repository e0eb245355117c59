//! The definitions an environment is made of, as people write them and as they travel: in commands, events and
//! the edge config alike. Nothing here is compiled or indexed; see `compile` for that.
//!
//! Keys are plain strings here. Whoever takes input from people checks them; a definition with a reference that
//! leads nowhere is reported by the compiler and answered with an error.

mod condition;
mod condition_json;
mod experiment;
mod rollout;
mod value;

use serde::{Deserialize, Serialize};

pub use condition::{Condition, Operator, Test};
pub use experiment::{ExperimentDefinition, Slice};
pub use rollout::{HashKind, Rollout, Weight, WeightError, WeightedVariation};
pub use value::{ValueType, Variation};

/// Everything an evaluator needs to know of one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentDefinition {
    /// The environment's id.
    pub id: String,
    /// 32 hex characters, made with the environment and never changed: the first part of every bucketing input.
    pub salt: String,
    /// The commit this state corresponds to, as a decimal string.
    pub position: String,
    /// The flags, archived ones left out.
    pub flags: Vec<FlagDefinition>,
    /// The segments, archived ones left out.
    pub segments: Vec<SegmentDefinition>,
}

/// A flag as one environment serves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlagDefinition {
    /// The flag's key, unique in its project.
    pub key: String,
    /// What the values of its variations are.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// The variations in their listed order; at least one.
    pub variations: Vec<Variation>,
    /// Whether targeting is on; if not, `off_variation` is served.
    pub enabled: bool,
    /// Key of the variation served when off, or when a prerequisite is not met.
    pub off_variation: String,
    /// Flags that must serve given variations before this one is looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<Prerequisite>,
    /// Single users pinned to a variation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// The experiment on it; whom it does not take goes on to the rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<ExperimentDefinition>,
    /// Targeting rules; the first that holds decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// What is served when no rule holds.
    pub default: Outcome,
    /// Replaces the environment's salt in the bucketing input, to reshuffle this flag on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// Whether client-side keys may see it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub client_side: bool,
}

/// A flag that must serve one of some variations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Prerequisite {
    /// Key of the other flag.
    pub flag: String,
    /// Keys of its variations that count as met; at least one.
    pub variations: Vec<String>,
}

/// Users pinned to one variation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Key of the variation they get.
    pub variation: String,
    /// Their targeting keys.
    pub keys: Vec<String>,
}

/// A targeting rule: if the condition holds, then the outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stays the same when the rule is moved or edited; names it in answers and exposures.
    #[serde(default)]
    pub id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Absent means always.
    #[serde(rename = "if", default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// What is served to whom the condition holds for.
    pub then: Outcome,
}

/// One variation, or a share for each of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// Everyone gets this variation, named by its key.
    Variation(String),
    /// Everyone gets a variation by their bucket.
    Rollout(Rollout),
}

/// A named group of users, for use in conditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentDefinition {
    /// The segment's key, unique in its project.
    pub key: String,
    /// Targeting keys that are always in, whatever the rules say. `excluded` goes before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub included: Vec<String>,
    /// Targeting keys that are never in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<String>,
    /// Who else is in: those for whom any of these holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Condition>,
}
