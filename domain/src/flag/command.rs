//! What can be asked of a flag.

use std::collections::BTreeSet;

use ff_evaluator::{Condition, ExperimentDefinition, ValueType, Variation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{FlagState, Initial, Lifetime, Targeting};
use crate::{EnvironmentKey, ExperimentKey, FlagKey, ProjectId, UserId, VariationKey};

/// What can be asked of a flag.
#[derive(Debug, Clone, PartialEq)]
pub enum FlagCommand {
    /// Make it.
    Create(Box<CreateFlag>),
    /// Change name, description, tags, owner, lifetime or client-side exposure.
    ChangeDetails(FlagDetails),
    /// Let it serve one more value.
    AddVariation(Variation),
    /// Give a variation another name or value; what is absent stays.
    ChangeVariation {
        /// Its key.
        key: String,
        /// The new name.
        name: Option<String>,
        /// The new value.
        value: Option<Value>,
    },
    /// Serve a value no longer; refused while a rule still does.
    RemoveVariation {
        /// Its key.
        key: String,
    },
    /// Let targeting decide in an environment.
    TurnOn {
        /// Where.
        environment: EnvironmentKey,
    },
    /// Serve the off variation to everyone in an environment.
    TurnOff {
        /// Where.
        environment: EnvironmentKey,
    },
    /// Say anew who gets what in an environment.
    ReplaceTargeting {
        /// Where.
        environment: EnvironmentKey,
        /// Who gets what.
        targeting: Box<Targeting>,
    },
    /// Serve an experiment in an environment. Part of the experiment's own command.
    ServeExperiment {
        /// Where.
        environment: EnvironmentKey,
        /// What is served.
        definition: Box<ExperimentDefinition>,
    },
    /// Serve an experiment no longer, if it still is. Part of the experiment's own command.
    EndExperiment {
        /// Where.
        environment: EnvironmentKey,
        /// Which.
        experiment: ExperimentKey,
    },
    /// Serve the winner of an experiment where that stood: to its audience in front of the rules, or to everyone by
    /// default if there is neither audience nor rule. Part of the experiment's own command.
    ShipVariation {
        /// Where.
        environment: EnvironmentKey,
        /// Whose winner.
        experiment: ExperimentKey,
        /// The winner.
        variation: VariationKey,
        /// For whom it was.
        audience: Option<Condition>,
    },
    /// Put it away: SDKs are answered as if it did not exist.
    Archive,
    /// Take it back, as it was.
    Restore,
}

/// A new flag; also what the event of its creation holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateFlag {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its key.
    pub key: FlagKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// What the values of its variations are.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// Whether it is meant to be removed one day.
    #[serde(default)]
    pub lifetime: Lifetime,
    /// Who looks after it.
    #[serde(default)]
    pub owner: Option<UserId>,
    /// Words to find it by.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Whether client-side keys may see it.
    #[serde(default)]
    pub client_side: bool,
    /// The values it can have.
    pub variations: Vec<Variation>,
    /// What is served in every environment until someone says otherwise there.
    pub initial: Initial,
}

impl CreateFlag {
    /// The flag that comes of it.
    pub(super) fn into_state(self) -> FlagState {
        FlagState {
            project: self.project,
            key: self.key,
            name: self.name,
            description: self.description,
            kind: self.kind,
            lifetime: self.lifetime,
            owner: self.owner,
            tags: self.tags,
            client_side: self.client_side,
            variations: self.variations,
            initial: self.initial,
            environments: std::collections::BTreeMap::new(),
        }
    }
}

/// Changes of what is not targeting; what is absent stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FlagDetails {
    /// What people call it.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// All its tags.
    pub tags: Option<BTreeSet<String>>,
    /// Who looks after it; `Some(None)` is nobody.
    pub owner: Option<Option<UserId>>,
    /// Whether it is meant to be removed one day.
    pub lifetime: Option<Lifetime>,
    /// Whether client-side keys may see it.
    pub client_side: Option<bool>,
}
