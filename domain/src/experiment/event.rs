//! What happens to an experiment, and how each event changes its state.

use std::collections::BTreeSet;

use cqrs_es::DomainEvent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CreateExperiment, Decided, Design, ExperimentState, Iteration, Status, Verdict};
use crate::{UserId, VariationKey};

/// What happened to an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ExperimentEvent {
    /// It was drafted.
    #[serde(rename = "experiment.created")]
    Created(Box<CreateExperiment>),
    /// It has another name.
    #[serde(rename = "experiment.renamed")]
    Renamed {
        /// The new one.
        name: String,
    },
    /// Something else is expected.
    #[serde(rename = "experiment.hypothesis_changed")]
    HypothesisChanged {
        /// What, and why.
        hypothesis: String,
    },
    /// It has other tags.
    #[serde(rename = "experiment.tags_replaced")]
    TagsReplaced {
        /// All of them.
        tags: BTreeSet<String>,
    },
    /// Someone else looks after it, or nobody.
    #[serde(rename = "experiment.owner_changed")]
    OwnerChanged {
        /// Who.
        owner: Option<UserId>,
    },
    /// It is run or measured in another way.
    #[serde(rename = "experiment.design_replaced")]
    DesignReplaced {
        /// How.
        design: Box<Design>,
    },
    /// It was started. An iteration opens with it.
    #[serde(rename = "experiment.started")]
    Started {
        /// When.
        at: Timestamp,
    },
    /// Users are shared out in a new way from now on; the iteration before has ended.
    #[serde(rename = "experiment.iteration_started")]
    IterationStarted {
        /// How.
        iteration: Box<Iteration>,
    },
    /// It is not served for a while.
    #[serde(rename = "experiment.paused")]
    Paused {
        /// When.
        at: Timestamp,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It is served again.
    #[serde(rename = "experiment.resumed")]
    Resumed {
        /// When.
        at: Timestamp,
    },
    /// It was ended, and its iteration with it.
    #[serde(rename = "experiment.stopped")]
    Stopped {
        /// When.
        at: Timestamp,
    },
    /// Someone said what follows.
    #[serde(rename = "experiment.decided")]
    Decided {
        /// What.
        outcome: Verdict,
        /// Why.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// The winner is served to everyone of the audience.
    #[serde(rename = "experiment.shipped")]
    Shipped {
        /// Which.
        variation: VariationKey,
        /// When.
        at: Timestamp,
    },
    /// It was put away.
    #[serde(rename = "experiment.archived")]
    Archived {},
    /// It was taken back.
    #[serde(rename = "experiment.restored")]
    Restored {},
}

impl DomainEvent for ExperimentEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created(_) => "experiment.created",
            Self::Renamed { .. } => "experiment.renamed",
            Self::HypothesisChanged { .. } => "experiment.hypothesis_changed",
            Self::TagsReplaced { .. } => "experiment.tags_replaced",
            Self::OwnerChanged { .. } => "experiment.owner_changed",
            Self::DesignReplaced { .. } => "experiment.design_replaced",
            Self::Started { .. } => "experiment.started",
            Self::IterationStarted { .. } => "experiment.iteration_started",
            Self::Paused { .. } => "experiment.paused",
            Self::Resumed { .. } => "experiment.resumed",
            Self::Stopped { .. } => "experiment.stopped",
            Self::Decided { .. } => "experiment.decided",
            Self::Shipped { .. } => "experiment.shipped",
            Self::Archived {} => "experiment.archived",
            Self::Restored {} => "experiment.restored",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl ExperimentState {
    /// Applies an event of a live experiment; those that change its state enum are not for here.
    pub(super) fn apply(&mut self, event: ExperimentEvent) {
        use ExperimentEvent as Event;
        match event {
            Event::Created(_) | Event::Archived {} | Event::Restored {} => {}
            Event::Renamed { name } => self.name = name,
            Event::HypothesisChanged { hypothesis } => self.hypothesis = hypothesis,
            Event::TagsReplaced { tags } => self.tags = tags,
            Event::OwnerChanged { owner } => self.owner = owner,
            Event::DesignReplaced { design } => self.design = *design,
            Event::Started { .. } | Event::Resumed { .. } => self.status = Status::Running,
            Event::IterationStarted { iteration } => {
                self.end_iteration(iteration.started_at);
                self.iterations.push(*iteration);
            }
            Event::Paused { .. } => self.status = Status::Paused,
            Event::Stopped { at } => {
                self.end_iteration(at);
                self.status = Status::Stopped;
            }
            Event::Decided { outcome, reason, at } => {
                self.decision = Some(Decided { outcome, reason, at });
                self.status = Status::Decided;
            }
            Event::Shipped { variation, .. } => self.shipped = Some(variation),
        }
    }

    fn end_iteration(&mut self, at: Timestamp) {
        if let Some(last) = self.iterations.last_mut() {
            last.ended_at.get_or_insert(at);
        }
    }
}
