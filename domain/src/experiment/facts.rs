//! What an experiment's decisions depend on that the experiment itself does not know.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Design, Experiment, ExperimentCommand, ExperimentState, Status};
use crate::{
    EnvironmentKey, FlagKey, FlagState, LayerKey, LayerState, MetricKey, SegmentKey, VariationKey,
};

/// Other things of the project that a command speaks of. Whoever executes it looks them up, and passes
/// [`ExperimentFacts`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExperimentMentions {
    /// Where it runs.
    pub environment: Option<EnvironmentKey>,
    /// Whose variations are compared.
    pub flag: Option<FlagKey>,
    /// What it is measured by.
    pub metrics: BTreeSet<MetricKey>,
    /// Its layer, and those it leaves the held out users of.
    pub layers: BTreeSet<LayerKey>,
    /// Segments that its audience mentions.
    pub segments: BTreeSet<SegmentKey>,
    /// Other flags that its audience asks for.
    pub flags: BTreeSet<FlagKey>,
}

/// What is known of the things a command mentions, and when it is decided. What is not in here does not exist, or is
/// archived.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExperimentFacts {
    /// When the command is decided.
    pub at: Timestamp,
    /// Whether the environment is live.
    pub environment: bool,
    /// The flag, if it is live.
    pub flag: Option<FlagState>,
    /// Live metrics.
    pub metrics: BTreeSet<MetricKey>,
    /// Live layers.
    pub layers: BTreeMap<LayerKey, LayerState>,
    /// Live segments.
    pub segments: BTreeSet<SegmentKey>,
    /// Other live flags and their variations.
    pub flags: BTreeMap<FlagKey, BTreeSet<VariationKey>>,
}

impl Experiment {
    /// What must be looked up before this command can be decided.
    pub fn mentions(&self, command: &ExperimentCommand) -> ExperimentMentions {
        use ExperimentCommand as Command;
        match (self, command) {
            (Self::Absent, Command::Create(new)) => {
                mentions(&new.environment, &new.flag, &new.design)
            }
            (Self::Live(state), Command::ReplaceDesign { design, .. }) => state.mentions(design),
            (Self::Live(state), Command::Start | Command::Resume) => state.mentions(&state.design),
            (Self::Archived(state), Command::Restore) if state.status == Status::Draft => {
                state.mentions(&state.design)
            }
            _ => ExperimentMentions::default(),
        }
    }
}

impl ExperimentState {
    fn mentions(&self, design: &Design) -> ExperimentMentions {
        mentions(&self.environment, &self.flag, design)
    }
}

fn mentions(environment: &EnvironmentKey, flag: &FlagKey, design: &Design) -> ExperimentMentions {
    let audience = design.audience.as_ref().map(ff_evaluator::condition_references);
    let audience = audience.unwrap_or_default();
    ExperimentMentions {
        environment: Some(environment.clone()),
        flag: Some(flag.clone()),
        metrics: design.metrics.keys(),
        layers: design.layer.iter().chain(&design.holdouts).cloned().collect(),
        segments: audience.segments.iter().filter_map(|key| SegmentKey::parse(key).ok()).collect(),
        flags: audience.flags.keys().filter_map(|key| FlagKey::parse(key).ok()).collect(),
    }
}
