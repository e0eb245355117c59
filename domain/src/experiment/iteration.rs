//! Iterations: how users are shared out for a time, and what the flag serves for it.

use std::collections::BTreeMap;

use ff_evaluator::{ExperimentDefinition, HashKind, Rollout, Slice, Weight, WeightedVariation};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Design, ExperimentState};
use crate::{
    EnvironmentKey, ExperimentId, ExperimentKey, FlagState, LayerKey, LayerState, VariationKey,
    layer::{BUCKETS, Range, of_weight},
};

/// A time in which users are shared out in one way. Its event holds all of it, so that a replay needs nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Iteration {
    /// Counted from 1.
    pub number: u32,
    /// When it began.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub started_at: Timestamp,
    /// When it ended; absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub ended_at: Option<Timestamp>,
    /// Who gets what, of those who take part.
    pub arms: Vec<WeightedVariation>,
    /// The arm that the others are compared with.
    pub control: VariationKey,
    /// The share of users that takes part.
    pub traffic: Weight,
    /// What the flag serves for it.
    pub definition: ExperimentDefinition,
    /// A fingerprint of what it stands on in the flag. Where that has changed during a pause, a new iteration opens.
    pub basis: String,
}

impl Iteration {
    /// The buckets of a layer that it needs.
    pub(super) fn ranges_of(&self, layer: &LayerKey) -> Option<&[Range]> {
        let seed = seed_of(layer);
        let slice = self.definition.slices.iter().find(|slice| slice.seed == seed)?;
        Some(&slice.ranges)
    }
}

fn seed_of(layer: &LayerKey) -> String {
    format!("layer:{layer}")
}

/// What a flag serves for an iteration: the design, the buckets that the experiment has of its layer, and the layers
/// whose held out users it leaves alone.
pub fn definition(
    key: &ExperimentKey,
    number: u32,
    design: &Design,
    salt: Option<String>,
    own_ranges: Option<Vec<Range>>,
    layers: &BTreeMap<LayerKey, LayerState>,
) -> ExperimentDefinition {
    let mut slices: Vec<Slice> = design
        .holdouts
        .iter()
        // What its own layer holds out is never among what it gives out.
        .filter(|holdout| design.layer.as_ref() != Some(holdout))
        .filter_map(|holdout| layers.get(holdout))
        .map(|layer| Slice { seed: layer.seed(), ranges: vec![[layer.holdout_end(), BUCKETS]] })
        .collect();
    match (&design.layer, own_ranges) {
        (Some(layer), Some(ranges)) => slices.push(Slice { seed: seed_of(layer), ranges }),
        _ if design.traffic == Weight::WHOLE => {}
        _ => slices.push(Slice {
            seed: format!("traffic:{key}"),
            ranges: vec![[0, of_weight(design.traffic)]],
        }),
    }
    ExperimentDefinition {
        key: key.to_string(),
        rule: format!("{key}:{number}"),
        condition: design.audience.clone(),
        slices,
        split: Rollout {
            variations: design.arms.clone(),
            bucket_by: design.bucket_by.clone(),
            hash: HashKind::default(),
        },
        salt,
    }
}

/// The salt of an iteration that shuffles its users: 32 hex characters that follow from what it is.
pub fn derived_salt(experiment: ExperimentId, number: u32) -> String {
    let digest = Sha256::new()
        .chain_update(experiment.0.as_bytes())
        .chain_update("iteration")
        .chain_update(number.to_be_bytes())
        .finalize();
    hex::encode(&digest[..16])
}

/// The fingerprint of what an iteration stands on in a flag: what its arms serve, who is kept away by prerequisites,
/// and the salt if it has none of its own.
pub(super) fn basis(
    flag: &FlagState,
    environment: &EnvironmentKey,
    definition: &ExperimentDefinition,
) -> String {
    let targeting = flag.environment(environment).targeting;
    let values: Vec<_> = definition
        .split
        .variations
        .iter()
        .map(|arm| flag.variations.iter().find(|variation| variation.key == arm.key))
        .map(|variation| variation.map(|variation| (&variation.key, &variation.value)))
        .collect();
    let salt = definition.salt.is_none().then_some(&targeting.salt);
    let text = serde_json::to_vec(&(values, &targeting.prerequisites, salt))
        .expect("keys and JSON values are JSON");
    hex::encode(&Sha256::digest(text)[..16])
}

impl ExperimentState {
    /// The number of the next iteration.
    pub(super) fn next_number(&self) -> u32 {
        self.iteration().map_or(1, |last| last.number + 1)
    }
}
