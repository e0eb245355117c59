//! A flag, with its targeting in every environment of its project.

mod command;
mod decide;
mod error;
mod event;
mod experiment;
mod facts;
mod validate;

use std::collections::{BTreeMap, BTreeSet};

use cqrs_es::{Aggregate, event_sink::EventSink};
use ff_evaluator::{
    ExperimentDefinition, FlagDefinition, Outcome, Prerequisite, Rule, Target, ValueType, Variation,
};
use serde::{Deserialize, Serialize};

use crate::{
    EnvironmentKey, FlagId, FlagKey, Item, ProjectCommand, ProjectId, References, SegmentKey,
    UserId, VariationKey, aggregate,
};
pub use command::{CreateFlag, FlagCommand, FlagDetails};
pub use error::FlagError;
pub use event::FlagEvent;
pub use facts::{FlagFacts, Mentions};
pub use validate::{RULES_MAX, TARGET_KEYS_MAX, VALUE_MAX, VARIATIONS_MAX};

/// A flag's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Flag {
    /// Not created yet.
    #[default]
    Absent,
    /// In use.
    Live(FlagState),
    /// Kept, but answered as not found, until it is restored.
    Archived(FlagState),
}

/// What a flag is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlagState {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its key, unique in the project.
    pub key: FlagKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What the values of its variations are.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// Whether it is meant to be removed one day.
    pub lifetime: Lifetime,
    /// Who looks after it.
    pub owner: Option<UserId>,
    /// Words to find it by.
    pub tags: BTreeSet<String>,
    /// Whether client-side keys may see it.
    pub client_side: bool,
    /// The values it can have, in their listed order.
    pub variations: Vec<Variation>,
    /// What is served in environments nobody has touched yet.
    pub initial: Initial,
    /// What is served in the other environments.
    pub environments: BTreeMap<EnvironmentKey, FlagEnvironment>,
}

/// Whether a flag is meant to be removed one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// Removed from the code once it has done its work.
    #[default]
    Temporary,
    /// Stays, such as a kill switch or a setting.
    Permanent,
}

/// What a flag serves in environments nobody has touched yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Initial {
    /// Key of the variation served when off, as it is at first.
    pub off_variation: String,
    /// Key of the variation served when turned on.
    pub default_variation: String,
}

impl Initial {
    fn targeting(&self) -> Targeting {
        Targeting {
            off_variation: self.off_variation.clone(),
            prerequisites: Vec::new(),
            targets: Vec::new(),
            rules: Vec::new(),
            default: Outcome::Variation(self.default_variation.clone()),
            salt: None,
        }
    }
}

/// A flag in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlagEnvironment {
    /// Whether targeting is on; if not, the off variation is served.
    pub enabled: bool,
    /// Who gets what while it is on.
    pub targeting: Targeting,
    /// The experiment on it. While there is one, what it stands on is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<ExperimentDefinition>,
    /// Whether there ever was one: users of the first need not be shuffled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub experimented: bool,
}

/// Who gets which variation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Targeting {
    /// Key of the variation served when off, or when a prerequisite is not met.
    pub off_variation: String,
    /// Flags that must serve given variations before this one is looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<Prerequisite>,
    /// Single users pinned to a variation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// Targeting rules; the first that holds decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// What is served when no rule holds.
    pub default: Outcome,
    /// Replaces the environment's salt in the bucketing input, to reshuffle users on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
}

impl Flag {
    /// What it is, archived or not.
    pub fn state(&self) -> Option<&FlagState> {
        match self {
            Self::Absent => None,
            Self::Live(state) | Self::Archived(state) => Some(state),
        }
    }

    /// What the project must agree to for this flag to become `after`. Committed with the flag's own events, in one
    /// batch.
    pub fn project_command(&self, after: &Self) -> Option<ProjectCommand> {
        match (self, after) {
            (Self::Live(before), Self::Archived(_)) => {
                Some(ProjectCommand::Retire { item: before.item() })
            }
            (Self::Archived(_), Self::Live(after)) => Some(ProjectCommand::Reinstate {
                item: after.item(),
                references: after.references(),
            }),
            (Self::Live(before), Self::Live(after)) => {
                let gone: BTreeSet<VariationKey> =
                    before.variation_keys().difference(&after.variation_keys()).cloned().collect();
                if !gone.is_empty() {
                    return Some(ProjectCommand::RetireVariations {
                        flag: after.key.clone(),
                        variations: gone,
                    });
                }
                let references = after.references();
                (before.references() != references)
                    .then(|| ProjectCommand::SetReferences { item: after.item(), references })
            }
            _ => None,
        }
    }
}

impl FlagState {
    /// Its id.
    pub fn id(&self) -> FlagId {
        FlagId::of(self.project, &self.key)
    }

    /// How references name it.
    pub fn item(&self) -> Item {
        Item::Flag(self.key.clone())
    }

    /// It in one environment; the initial state, off, where nobody has touched it.
    pub fn environment(&self, environment: &EnvironmentKey) -> FlagEnvironment {
        self.environments.get(environment).cloned().unwrap_or_else(|| FlagEnvironment {
            enabled: false,
            targeting: self.initial.targeting(),
            experiment: None,
            experimented: false,
        })
    }

    /// What edges and SDKs get of it for one environment.
    pub fn definition(&self, environment: &EnvironmentKey) -> FlagDefinition {
        let FlagEnvironment { enabled, targeting, experiment, .. } = self.environment(environment);
        FlagDefinition { experiment, ..self.definition_with(enabled, targeting) }
    }

    fn definition_with(&self, enabled: bool, targeting: Targeting) -> FlagDefinition {
        FlagDefinition {
            key: self.key.to_string(),
            kind: self.kind,
            variations: self
                .variations
                .iter()
                .map(|v| Variation { name: None, ..v.clone() })
                .collect(),
            enabled,
            off_variation: targeting.off_variation,
            prerequisites: targeting.prerequisites,
            targets: targeting.targets,
            experiment: None,
            rules: targeting.rules,
            default: targeting.default,
            salt: targeting.salt,
            client_side: self.client_side,
        }
    }

    /// All flags and segments it mentions, in any environment.
    pub fn references(&self) -> References {
        let mut all = References::default();
        for (environment, state) in &self.environments {
            let mentions = self.mentions_of(state.targeting.clone());
            if !mentions.flags.is_empty() {
                all.flags.insert(environment.clone(), mentions.flags);
            }
            all.segments.extend(mentions.segments);
            let audience = state.experiment.as_ref().and_then(|served| served.condition.as_ref());
            let Some(audience) = audience else { continue };
            let mentions = mentions_in(ff_evaluator::condition_references(audience));
            for (flag, variations) in mentions.flags {
                let here = all.flags.entry(environment.clone()).or_default();
                here.entry(flag).or_default().extend(variations);
            }
            all.segments.extend(mentions.segments);
        }
        all
    }

    /// What a targeting mentions.
    fn mentions_of(&self, targeting: Targeting) -> Mentions {
        mentions_in(ff_evaluator::references(&self.definition_with(false, targeting)))
    }

    fn variation_keys(&self) -> BTreeSet<VariationKey> {
        self.variations
            .iter()
            .filter_map(|variation| VariationKey::parse(&*variation.key).ok())
            .collect()
    }
}

/// Mentions by their keys. Names that are no keys are left out: validation has refused them.
fn mentions_in(found: ff_evaluator::References) -> Mentions {
    let mut mentions = Mentions::default();
    for (flag, variations) in found.flags {
        if let Ok(flag) = FlagKey::parse(flag) {
            let variations =
                variations.into_iter().filter_map(|key| VariationKey::parse(key).ok()).collect();
            mentions.flags.insert(flag, variations);
        }
    }
    mentions.segments =
        found.segments.into_iter().filter_map(|key| SegmentKey::parse(key).ok()).collect();
    mentions
}

impl Aggregate for Flag {
    const TYPE: &'static str = "flag";
    type Command = FlagCommand;
    type Event = FlagEvent;
    type Error = FlagError;
    type Services = FlagFacts;

    async fn handle(
        &mut self,
        command: FlagCommand,
        facts: &FlagFacts,
        sink: &EventSink<Self>,
    ) -> Result<(), FlagError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: FlagEvent) {
        *self = match (std::mem::take(self), event) {
            (Self::Absent, FlagEvent::Created(created)) => Self::Live(created.into_state()),
            (Self::Live(state), FlagEvent::Archived {}) => Self::Archived(state),
            (Self::Archived(state), FlagEvent::Restored {}) => Self::Live(state),
            (Self::Live(mut state), event) => {
                state.apply(event);
                Self::Live(state)
            }
            (unchanged, _) => unchanged,
        };
    }
}
