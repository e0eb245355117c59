//! What happened to a flag, and how each event changes its state.

use std::collections::BTreeSet;

use cqrs_es::DomainEvent;
use ff_evaluator::{ExperimentDefinition, Variation};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CreateFlag, FlagEnvironment, FlagState, Lifetime, Targeting};
use crate::{EnvironmentKey, ExperimentKey, UserId};

/// What happened to a flag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum FlagEvent {
    /// It was made.
    #[serde(rename = "flag.created")]
    Created(Box<CreateFlag>),
    /// It has another name.
    #[serde(rename = "flag.renamed")]
    Renamed {
        /// The new one.
        name: String,
    },
    /// It has another description.
    #[serde(rename = "flag.described")]
    Described {
        /// The new one.
        description: String,
    },
    /// It has other tags.
    #[serde(rename = "flag.tags_replaced")]
    TagsReplaced {
        /// All of them.
        tags: BTreeSet<String>,
    },
    /// Someone else looks after it, or nobody.
    #[serde(rename = "flag.owner_changed")]
    OwnerChanged {
        /// Who.
        owner: Option<UserId>,
    },
    /// It is now permanent, or temporary.
    #[serde(rename = "flag.lifetime_changed")]
    LifetimeChanged {
        /// Which.
        lifetime: Lifetime,
    },
    /// Client-side keys may see it, or may no longer.
    #[serde(rename = "flag.client_side_changed")]
    ClientSideChanged {
        /// Whether they may.
        client_side: bool,
    },
    /// It can serve one more value.
    #[serde(rename = "flag.variation_added")]
    VariationAdded {
        /// Which.
        variation: Variation,
    },
    /// A variation has another name.
    #[serde(rename = "flag.variation_renamed")]
    VariationRenamed {
        /// Its key.
        key: String,
        /// The new name.
        name: String,
    },
    /// A variation has another value.
    #[serde(rename = "flag.variation_value_changed")]
    VariationValueChanged {
        /// Its key.
        key: String,
        /// The new value.
        value: Value,
    },
    /// It serves a value no longer.
    #[serde(rename = "flag.variation_removed")]
    VariationRemoved {
        /// Its key.
        key: String,
    },
    /// Targeting decides in an environment.
    #[serde(rename = "flag.turned_on")]
    TurnedOn {
        /// Where.
        environment: EnvironmentKey,
    },
    /// The off variation is served in an environment.
    #[serde(rename = "flag.turned_off")]
    TurnedOff {
        /// Where.
        environment: EnvironmentKey,
    },
    /// Who gets what in an environment has changed.
    #[serde(rename = "flag.targeting_replaced")]
    TargetingReplaced {
        /// Where.
        environment: EnvironmentKey,
        /// Who gets what.
        targeting: Box<Targeting>,
    },
    /// An experiment is served in an environment.
    #[serde(rename = "flag.experiment_served")]
    ExperimentServed {
        /// Where.
        environment: EnvironmentKey,
        /// What is served.
        definition: Box<ExperimentDefinition>,
    },
    /// An experiment is served no longer.
    #[serde(rename = "flag.experiment_ended")]
    ExperimentEnded {
        /// Where.
        environment: EnvironmentKey,
        /// Which.
        experiment: ExperimentKey,
    },
    /// It was put away.
    #[serde(rename = "flag.archived")]
    Archived {},
    /// It was taken back.
    #[serde(rename = "flag.restored")]
    Restored {},
}

impl DomainEvent for FlagEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created(_) => "flag.created",
            Self::Renamed { .. } => "flag.renamed",
            Self::Described { .. } => "flag.described",
            Self::TagsReplaced { .. } => "flag.tags_replaced",
            Self::OwnerChanged { .. } => "flag.owner_changed",
            Self::LifetimeChanged { .. } => "flag.lifetime_changed",
            Self::ClientSideChanged { .. } => "flag.client_side_changed",
            Self::VariationAdded { .. } => "flag.variation_added",
            Self::VariationRenamed { .. } => "flag.variation_renamed",
            Self::VariationValueChanged { .. } => "flag.variation_value_changed",
            Self::VariationRemoved { .. } => "flag.variation_removed",
            Self::TurnedOn { .. } => "flag.turned_on",
            Self::TurnedOff { .. } => "flag.turned_off",
            Self::TargetingReplaced { .. } => "flag.targeting_replaced",
            Self::ExperimentServed { .. } => "flag.experiment_served",
            Self::ExperimentEnded { .. } => "flag.experiment_ended",
            Self::Archived {} => "flag.archived",
            Self::Restored {} => "flag.restored",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl FlagState {
    /// Applies an event of a live flag; those that change its state enum are not for here.
    pub(super) fn apply(&mut self, event: FlagEvent) {
        match event {
            FlagEvent::Created(_) | FlagEvent::Archived {} | FlagEvent::Restored {} => {}
            FlagEvent::Renamed { name } => self.name = name,
            FlagEvent::Described { description } => self.description = description,
            FlagEvent::TagsReplaced { tags } => self.tags = tags,
            FlagEvent::OwnerChanged { owner } => self.owner = owner,
            FlagEvent::LifetimeChanged { lifetime } => self.lifetime = lifetime,
            FlagEvent::ClientSideChanged { client_side } => self.client_side = client_side,
            FlagEvent::VariationAdded { variation } => self.variations.push(variation),
            FlagEvent::VariationRenamed { key, name } => {
                self.with_variation(&key, |variation| variation.name = Some(name));
            }
            FlagEvent::VariationValueChanged { key, value } => {
                self.with_variation(&key, |variation| variation.value = value);
            }
            FlagEvent::VariationRemoved { key } => {
                self.variations.retain(|variation| variation.key != key);
            }
            FlagEvent::TurnedOn { environment } => self.environment_mut(environment).enabled = true,
            FlagEvent::TurnedOff { environment } => {
                self.environment_mut(environment).enabled = false;
            }
            FlagEvent::TargetingReplaced { environment, targeting } => {
                self.environment_mut(environment).targeting = *targeting;
            }
            FlagEvent::ExperimentServed { environment, definition } => {
                let here = self.environment_mut(environment);
                here.experiment = Some(*definition);
                here.experimented = true;
            }
            FlagEvent::ExperimentEnded { environment, .. } => {
                self.environment_mut(environment).experiment = None;
            }
        }
    }

    fn environment_mut(&mut self, environment: EnvironmentKey) -> &mut FlagEnvironment {
        let initial = self.environment(&environment);
        self.environments.entry(environment).or_insert(initial)
    }

    fn with_variation(&mut self, key: &str, change: impl FnOnce(&mut Variation)) {
        if let Some(variation) = self.variations.iter_mut().find(|variation| variation.key == key) {
            change(variation);
        }
    }
}
