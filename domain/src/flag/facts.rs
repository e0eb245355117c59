//! What a flag's decisions depend on that the flag itself does not know.

use std::collections::{BTreeMap, BTreeSet};

use super::{Flag, FlagCommand, mentions_in};
use crate::{EnvironmentKey, FlagKey, SegmentKey, VariationKey};

/// Other things a command speaks of. Whoever executes it looks them up, and passes [`FlagFacts`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mentions {
    /// Environments of the project.
    pub environments: BTreeSet<EnvironmentKey>,
    /// Flags of the project, with the variations that are waited for.
    pub flags: BTreeMap<FlagKey, BTreeSet<VariationKey>>,
    /// Segments of the project.
    pub segments: BTreeSet<SegmentKey>,
}

/// What is known of the things a command mentions. What is not in here does not exist, or is archived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagFacts {
    /// Live environments.
    pub environments: BTreeSet<EnvironmentKey>,
    /// Live flags and their variations.
    pub flags: BTreeMap<FlagKey, BTreeSet<VariationKey>>,
    /// Live segments.
    pub segments: BTreeSet<SegmentKey>,
}

impl Flag {
    /// What must be looked up before this command can be decided.
    pub fn mentions(&self, command: &FlagCommand) -> Mentions {
        match (self, command) {
            (_, FlagCommand::TurnOn { environment } | FlagCommand::TurnOff { environment }) => {
                Mentions {
                    environments: BTreeSet::from([environment.clone()]),
                    ..Mentions::default()
                }
            }
            (Self::Live(state), FlagCommand::ReplaceTargeting { environment, targeting }) => {
                Mentions {
                    environments: BTreeSet::from([environment.clone()]),
                    ..state.mentions_of((**targeting).clone())
                }
            }
            (Self::Live(_), FlagCommand::ServeExperiment { environment, definition }) => {
                let audience = definition.condition.as_ref();
                let found = audience.map(ff_evaluator::condition_references).unwrap_or_default();
                let environments = BTreeSet::from([environment.clone()]);
                Mentions { environments, ..mentions_in(found) }
            }
            (
                Self::Live(state),
                FlagCommand::ShipVariation { environment, experiment, variation, audience },
            ) => {
                let targeting =
                    state.shipped(environment, experiment, variation, audience.as_ref());
                Mentions {
                    environments: BTreeSet::from([environment.clone()]),
                    ..state.mentions_of(targeting)
                }
            }
            (Self::Archived(state), FlagCommand::Restore) => {
                let references = state.references();
                let mut mentions =
                    Mentions { segments: references.segments, ..Mentions::default() };
                for (flag, variations) in references.flags.into_values().flatten() {
                    mentions.flags.entry(flag).or_default().extend(variations);
                }
                mentions
            }
            _ => Mentions::default(),
        }
    }
}
