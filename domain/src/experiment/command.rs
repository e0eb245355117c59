//! What can be asked of an experiment.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Design, ExperimentState, Status, Verdict};
use crate::{EnvironmentKey, ExperimentKey, FlagKey, ProjectId, UserId};

/// What can be asked of an experiment.
#[derive(Debug, Clone, PartialEq)]
pub enum ExperimentCommand {
    /// Make it, as a draft.
    Create(Box<CreateExperiment>),
    /// Change name, hypothesis, tags or owner.
    ChangeDetails(ExperimentDetails),
    /// Say anew how it is run and measured. While it runs, a change of who gets what opens a new iteration.
    ReplaceDesign {
        /// How.
        design: Box<Design>,
        /// Whether users are shuffled anew in the new iteration. Absent: unless only traffic, audience or holdouts
        /// change. `Some(true)` opens a new iteration in any case.
        reshuffle: Option<bool>,
    },
    /// Let the flag serve it.
    Start,
    /// Let the flag not serve it for a while. Its users are kept for it.
    Pause {
        /// Why.
        reason: Option<String>,
    },
    /// Serve it again after a pause.
    Resume,
    /// End it.
    Stop,
    /// Say what follows from it.
    Decide {
        /// What.
        outcome: Verdict,
        /// Why.
        reason: String,
    },
    /// Serve the winner where the experiment stood.
    Ship,
    /// Put it away; refused while it is running or paused.
    Archive,
    /// Take it back, as it was.
    Restore,
}

/// A new experiment; also what the event of its creation holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateExperiment {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its key.
    pub key: ExperimentKey,
    /// What people call it.
    pub name: String,
    /// What is expected, and why.
    #[serde(default)]
    pub hypothesis: String,
    /// Words to find it by.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Who looks after it.
    #[serde(default)]
    pub owner: Option<UserId>,
    /// Where it runs.
    pub environment: EnvironmentKey,
    /// The flag whose variations are compared.
    pub flag: FlagKey,
    /// How it is run and measured.
    pub design: Design,
}

impl CreateExperiment {
    /// The experiment that comes of it.
    pub(super) fn into_state(self) -> ExperimentState {
        ExperimentState {
            project: self.project,
            key: self.key,
            name: self.name,
            hypothesis: self.hypothesis,
            tags: self.tags,
            owner: self.owner,
            environment: self.environment,
            flag: self.flag,
            design: self.design,
            status: Status::Draft,
            iterations: Vec::new(),
            decision: None,
            shipped: None,
        }
    }
}

/// Changes of what people read; what is absent stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExperimentDetails {
    /// What people call it.
    pub name: Option<String>,
    /// What is expected, and why.
    pub hypothesis: Option<String>,
    /// All its tags.
    pub tags: Option<BTreeSet<String>>,
    /// Who looks after it; `Some(None)` is nobody.
    pub owner: Option<Option<UserId>>,
}
