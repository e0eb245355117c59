//! What can be asked of a metric, what happens to it, and why it is refused.

use std::collections::BTreeSet;

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use super::{MetricDefinition, MetricState};
use crate::{MetricKey, Problem, ProjectId, UserId, problem};

/// What can be asked of a metric.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricCommand {
    /// Make it.
    Create(CreateMetric),
    /// Change name, description, tags or owner.
    ChangeDetails(MetricDetails),
    /// Compute something else: a new version of it.
    Redefine(MetricDefinition),
    /// Put it away; refused while an experiment uses it.
    Archive,
    /// Take it back, as it was.
    Restore,
}

/// A new metric; also what the event of its creation holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateMetric {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its key.
    pub key: MetricKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Words to find it by.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Who looks after it.
    #[serde(default)]
    pub owner: Option<UserId>,
    /// What is computed.
    pub definition: MetricDefinition,
}

impl CreateMetric {
    /// The metric that comes of it.
    pub(super) fn into_state(self) -> MetricState {
        let Self { project, key, name, description, tags, owner, definition } = self;
        MetricState { project, key, name, description, tags, owner, definition, version: 1 }
    }
}

/// Changes of what is not computed; what is absent stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricDetails {
    /// What people call it.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// All its tags.
    pub tags: Option<BTreeSet<String>>,
    /// Who looks after it; `Some(None)` is nobody.
    pub owner: Option<Option<UserId>>,
}

/// What happened to a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum MetricEvent {
    /// It was made.
    #[serde(rename = "metric.created")]
    Created(CreateMetric),
    /// It has another name.
    #[serde(rename = "metric.renamed")]
    Renamed {
        /// The new one.
        name: String,
    },
    /// It has another description.
    #[serde(rename = "metric.described")]
    Described {
        /// The new one.
        description: String,
    },
    /// It has other tags.
    #[serde(rename = "metric.tags_replaced")]
    TagsReplaced {
        /// All of them.
        tags: BTreeSet<String>,
    },
    /// Someone else looks after it, or nobody.
    #[serde(rename = "metric.owner_changed")]
    OwnerChanged {
        /// Who.
        owner: Option<UserId>,
    },
    /// Something else is computed.
    #[serde(rename = "metric.redefined")]
    Redefined {
        /// What.
        definition: MetricDefinition,
        /// Which version this is.
        version: u32,
    },
    /// It was put away.
    #[serde(rename = "metric.archived")]
    Archived {},
    /// It was taken back.
    #[serde(rename = "metric.restored")]
    Restored {},
}

impl DomainEvent for MetricEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created(_) => "metric.created",
            Self::Renamed { .. } => "metric.renamed",
            Self::Described { .. } => "metric.described",
            Self::TagsReplaced { .. } => "metric.tags_replaced",
            Self::OwnerChanged { .. } => "metric.owner_changed",
            Self::Redefined { .. } => "metric.redefined",
            Self::Archived {} => "metric.archived",
            Self::Restored {} => "metric.restored",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why a metric's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// There is no such metric.
    #[error("there is no such metric")]
    NotFound,
    /// The key is taken, perhaps by an archived metric.
    #[error("the project already has a metric `{0}`, perhaps in the archive")]
    AlreadyExists(MetricKey),
    /// It is archived.
    #[error("metric `{0}` is archived; restore it first")]
    Archived(MetricKey),
    /// It cannot be restored, it is not archived.
    #[error("metric `{0}` is not archived")]
    NotArchived(MetricKey),
    /// Something in the command is wrong.
    #[error("{}", problem::summary(.0))]
    Invalid(Vec<Problem>),
}

impl MetricError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1700",
            Self::AlreadyExists(_) => "FF-1701",
            Self::Archived(_) => "FF-1702",
            Self::NotArchived(_) => "FF-1703",
            Self::Invalid(_) => "FF-1704",
        }
    }
}
