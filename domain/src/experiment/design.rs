//! How an experiment is run and what it is measured by.

use std::collections::BTreeSet;

use ff_evaluator::{Condition, Weight, WeightedVariation};
use serde::{Deserialize, Serialize};

use crate::{LayerKey, MetricKey, VariationKey};

/// How an experiment is run and what it is measured by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// The variations that are compared, each with its share of those who take part; at least two.
    pub arms: Vec<WeightedVariation>,
    /// The one that the others are compared with.
    pub control: VariationKey,
    /// The share of users that takes part; in a layer, the share of the layer.
    #[serde(default = "whole")]
    pub traffic: Weight,
    /// For whom it is; absent means everyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Condition>,
    /// The attribute whose value is hashed; absent means the targeting key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_by: Option<String>,
    /// The layer it shares with experiments that must not share its users.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<LayerKey>,
    /// Layers whose held out users it leaves alone.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holdouts: BTreeSet<LayerKey>,
    /// What it is measured by.
    pub metrics: Measures,
    /// How it is analysed.
    #[serde(default)]
    pub analysis: Analysis,
}

/// The metrics of an experiment, by what they are for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Measures {
    /// Those that decide; at least one.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 100))]
    pub primary: Vec<MetricKey>,
    /// Those that explain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secondary: Vec<MetricKey>,
    /// Those that must not get worse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guardrails: Vec<Guardrail>,
}

/// A metric that must not get worse than by a margin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Guardrail {
    /// Which.
    pub metric: MetricKey,
    /// The relative loss that is accepted, in percent.
    pub margin: Weight,
    /// What is done when it is lost for certain.
    #[serde(default)]
    pub on_breach: Breach,
}

/// What is done when a guardrail is breached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Breach {
    /// The experiment is paused.
    #[default]
    Pause,
    /// The flag is turned off in the environment.
    TurnOff,
    /// It is only shown.
    Report,
}

/// How an experiment is analysed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Analysis {
    /// In percent; what is missing to 100 is the two-sided false positive rate.
    pub confidence: Weight,
    /// The power it is planned with, in percent.
    pub power: Weight,
    /// How looking more than once is paid for.
    pub method: Method,
    /// How many users are planned in all; absent means no horizon.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000_000_000_u64))]
    pub planned_users: Option<u64>,
    /// How many hours lie between two planned looks.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 2_160))]
    pub look_every_hours: u32,
    /// The smallest relative effect worth finding, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_effect: Option<Weight>,
    /// How the p-values of several metrics and variations are corrected.
    pub correction: Correction,
    /// Attributes of exposures to break results down by; at most five.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub breakdowns: Vec<String>,
}

impl Default for Analysis {
    fn default() -> Self {
        Self {
            confidence: percent(95),
            power: percent(80),
            method: Method::default(),
            planned_users: None,
            look_every_hours: 24,
            minimum_effect: None,
            correction: Correction::default(),
            breakdowns: Vec::new(),
        }
    }
}

/// How looking more than once is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Strict early, nearly free at the end.
    #[default]
    ObrienFleming,
    /// Stops earlier, needs more users.
    Pocock,
    /// Look whenever you like.
    AlwaysValid,
    /// One look, when the planned users are there.
    Fixed,
}

/// How several p-values are corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Not at all.
    None,
    /// Bonferroni.
    Bonferroni,
    /// Holm.
    #[default]
    Holm,
    /// Hochberg.
    Hochberg,
    /// Benjamini–Hochberg: the false discovery rate.
    BenjaminiHochberg,
}

impl Design {
    /// Whether users are shared out as in another design: if not, an iteration ends between the two.
    pub fn shares_as(&self, other: &Self) -> bool {
        self.splits_as(other)
            && self.traffic == other.traffic
            && self.audience == other.audience
            && self.holdouts == other.holdouts
    }

    /// Whether whoever takes part in both designs may stay where they are.
    pub(super) fn splits_as(&self, other: &Self) -> bool {
        self.arms == other.arms
            && self.control == other.control
            && self.bucket_by == other.bucket_by
            && self.layer == other.layer
    }
}

impl Measures {
    /// All of them, whatever they are for; each with where it stands.
    pub(super) fn all(&self) -> impl Iterator<Item = (String, &MetricKey)> {
        let primary =
            self.primary.iter().enumerate().map(|(n, key)| (format!("/primary/{n}"), key));
        let secondary =
            self.secondary.iter().enumerate().map(|(n, key)| (format!("/secondary/{n}"), key));
        let guardrails = self
            .guardrails
            .iter()
            .enumerate()
            .map(|(n, guardrail)| (format!("/guardrails/{n}/metric"), &guardrail.metric));
        primary.chain(secondary).chain(guardrails)
    }

    /// The keys of all of them.
    pub fn keys(&self) -> BTreeSet<MetricKey> {
        self.all().map(|(_, key)| key.clone()).collect()
    }
}

fn percent(percent: u32) -> Weight {
    Weight::from_thousandths(percent * 1000).unwrap_or(Weight::WHOLE)
}

fn whole() -> Weight {
    Weight::WHOLE
}
