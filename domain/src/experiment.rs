//! An experiment: variations of a flag compared by metrics, in one environment.
//!
//! It is drafted, started, perhaps paused and resumed, stopped and decided, and the winner shipped. The time in which
//! users are shared out in one way is an iteration: whatever changes the sharing ends one and opens the next, so that
//! nothing is ever computed over two ways at once. What an iteration serves is decided when it opens and stands in its
//! event; the flag carries it, the layer keeps its buckets, the project knows what it mentions, and all of that is
//! committed in one batch.

mod command;
mod decide;
mod design;
mod effects;
mod error;
mod event;
mod facts;
mod iteration;
mod validate;

use std::collections::BTreeSet;

use cqrs_es::{Aggregate, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    EnvironmentKey, ExperimentId, ExperimentKey, FlagKey, Item, ProjectId, UserId, VariationKey,
    aggregate,
};
pub use command::{CreateExperiment, ExperimentCommand, ExperimentDetails};
pub use design::{Analysis, Breach, Correction, Design, Guardrail, Measures, Method};
pub use error::ExperimentError;
pub use event::ExperimentEvent;
pub use facts::{ExperimentFacts, ExperimentMentions};
pub use iteration::{Iteration, definition, derived_salt};
pub use validate::{
    ARMS_MAX, BREAKDOWNS_MAX, HOLDOUTS_MAX, LOOK_EVERY_HOURS_MAX, METRICS_MAX, PLANNED_USERS_MAX,
    REASON_MAX,
};

/// An experiment's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Experiment {
    /// Not created yet.
    #[default]
    Absent,
    /// In use.
    Live(Box<ExperimentState>),
    /// Kept, but out of the way, until it is restored.
    Archived(Box<ExperimentState>),
}

/// What an experiment is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExperimentState {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its key, unique in the project.
    pub key: ExperimentKey,
    /// What people call it.
    pub name: String,
    /// What is expected, and why.
    pub hypothesis: String,
    /// Words to find it by.
    pub tags: BTreeSet<String>,
    /// Who looks after it.
    pub owner: Option<UserId>,
    /// Where it runs.
    pub environment: EnvironmentKey,
    /// The flag whose variations are compared.
    pub flag: FlagKey,
    /// How it is run and measured.
    pub design: Design,
    /// Where it is in its life.
    pub status: Status,
    /// Its iterations, oldest first; none before it is started.
    pub iterations: Vec<Iteration>,
    /// What follows from it.
    pub decision: Option<Decided>,
    /// The variation that everyone gets since.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub shipped: Option<VariationKey>,
}

/// Where an experiment is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not started.
    Draft,
    /// Serving.
    Running,
    /// Not serving for a while.
    Paused,
    /// Not serving any more.
    Stopped,
    /// Stopped, and someone has said what follows.
    Decided,
}

/// What someone said follows from an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Decided {
    /// What.
    pub outcome: Verdict,
    /// Why.
    pub reason: String,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
}

/// What can follow from an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// One variation is to be served to everyone of the audience.
    Ship {
        /// Which.
        variation: VariationKey,
    },
    /// Everything stays as it was.
    KeepControl,
    /// Nothing was found out.
    Inconclusive,
}

impl Status {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Decided => "decided",
        }
    }

    /// Whether it has been started and not stopped: its users are kept for it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }
}

impl Experiment {
    /// What it is, archived or not.
    pub fn state(&self) -> Option<&ExperimentState> {
        match self {
            Self::Absent => None,
            Self::Live(state) | Self::Archived(state) => Some(state),
        }
    }

    fn live(&self) -> Option<&ExperimentState> {
        match self {
            Self::Live(state) => Some(state),
            Self::Absent | Self::Archived(_) => None,
        }
    }
}

impl ExperimentState {
    /// Its id.
    pub fn id(&self) -> ExperimentId {
        ExperimentId::of(self.project, &self.key)
    }

    /// How references name it.
    pub fn item(&self) -> Item {
        Item::Experiment(self.key.clone())
    }

    /// The iteration that goes on, or was the last.
    pub fn iteration(&self) -> Option<&Iteration> {
        self.iterations.last()
    }
}

impl Aggregate for Experiment {
    const TYPE: &'static str = "experiment";
    type Command = ExperimentCommand;
    type Event = ExperimentEvent;
    type Error = ExperimentError;
    type Services = ExperimentFacts;

    async fn handle(
        &mut self,
        command: ExperimentCommand,
        facts: &ExperimentFacts,
        sink: &EventSink<Self>,
    ) -> Result<(), ExperimentError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: ExperimentEvent) {
        *self = match (std::mem::take(self), event) {
            (Self::Absent, ExperimentEvent::Created(new)) => Self::Live(Box::new(new.into_state())),
            (Self::Live(state), ExperimentEvent::Archived {}) => Self::Archived(state),
            (Self::Archived(state), ExperimentEvent::Restored {}) => Self::Live(state),
            (Self::Live(mut state), event) => {
                state.apply(event);
                Self::Live(state)
            }
            (unchanged, _) => unchanged,
        };
    }
}
