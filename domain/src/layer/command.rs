//! What can be asked of a layer, what happens to it, and why it is refused.

use std::collections::BTreeMap;

use cqrs_es::DomainEvent;
use ff_evaluator::Weight;
use serde::{Deserialize, Serialize};

use super::{LayerState, Range};
use crate::{EnvironmentKey, ExperimentKey, LayerKey, Problem, ProjectId, problem};

/// What can be asked of a layer.
#[derive(Debug, Clone, PartialEq)]
pub enum LayerCommand {
    /// Make it.
    Create(CreateLayer),
    /// Change name or description.
    ChangeDetails(LayerDetails),
    /// Put it away; refused while an experiment has a part of it.
    Archive,
    /// Take it back, as it was.
    Restore,
    /// Give an experiment these buckets, instead of what it had. Part of an experiment's own command.
    Allocate {
        /// Where.
        environment: EnvironmentKey,
        /// To whom.
        experiment: ExperimentKey,
        /// Which, in order.
        ranges: Vec<Range>,
    },
    /// Take from an experiment what it has. Part of an experiment's own command.
    Release {
        /// Where.
        environment: EnvironmentKey,
        /// From whom.
        experiment: ExperimentKey,
    },
}

/// A new layer; also what the event of its creation holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreateLayer {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its key.
    pub key: LayerKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// The share of users that no experiment gets.
    #[serde(default = "nothing")]
    pub holdout: Weight,
    /// The attribute that is hashed; absent means the targeting key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_by: Option<String>,
}

fn nothing() -> Weight {
    Weight::from_thousandths(0).expect("nothing is a share")
}

impl CreateLayer {
    /// The layer that comes of it.
    pub(super) fn into_state(self) -> LayerState {
        let Self { project, key, name, description, holdout, bucket_by } = self;
        let allocations = BTreeMap::new();
        LayerState { project, key, name, description, holdout, bucket_by, allocations }
    }
}

/// Changes of what people read; what is absent stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LayerDetails {
    /// What people call it.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

/// What happened to a layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum LayerEvent {
    /// It was made.
    #[serde(rename = "layer.created")]
    Created(CreateLayer),
    /// It has another name.
    #[serde(rename = "layer.renamed")]
    Renamed {
        /// The new one.
        name: String,
    },
    /// It has another description.
    #[serde(rename = "layer.described")]
    Described {
        /// The new one.
        description: String,
    },
    /// An experiment has these buckets.
    #[serde(rename = "layer.allocated")]
    Allocated {
        /// Where.
        environment: EnvironmentKey,
        /// Which experiment.
        experiment: ExperimentKey,
        /// All it has there, in order.
        ranges: Vec<Range>,
    },
    /// An experiment has none any more.
    #[serde(rename = "layer.released")]
    Released {
        /// Where.
        environment: EnvironmentKey,
        /// Which experiment.
        experiment: ExperimentKey,
    },
    /// It was put away.
    #[serde(rename = "layer.archived")]
    Archived {},
    /// It was taken back.
    #[serde(rename = "layer.restored")]
    Restored {},
}

impl DomainEvent for LayerEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created(_) => "layer.created",
            Self::Renamed { .. } => "layer.renamed",
            Self::Described { .. } => "layer.described",
            Self::Allocated { .. } => "layer.allocated",
            Self::Released { .. } => "layer.released",
            Self::Archived {} => "layer.archived",
            Self::Restored {} => "layer.restored",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why a layer's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LayerError {
    /// There is no such layer.
    #[error("there is no such layer")]
    NotFound,
    /// The key is taken, perhaps by an archived layer.
    #[error("the project already has a layer `{0}`, perhaps in the archive")]
    AlreadyExists(LayerKey),
    /// It is archived.
    #[error("layer `{0}` is archived; restore it first")]
    Archived(LayerKey),
    /// It cannot be restored, it is not archived.
    #[error("layer `{0}` is not archived")]
    NotArchived(LayerKey),
    /// Something in the command is wrong.
    #[error("{}", problem::summary(.0))]
    Invalid(Vec<Problem>),
    /// It cannot be archived, experiments have parts of it.
    #[error("layer `{layer}` is used by {}; stop them first", list(by))]
    InUse {
        /// Which.
        layer: LayerKey,
        /// By whom, and where.
        by: Vec<(EnvironmentKey, ExperimentKey)>,
    },
    /// The buckets belong to another experiment, or are held out.
    #[error("these buckets of layer `{layer}` are not free in environment `{environment}`")]
    Taken {
        /// Whose.
        layer: LayerKey,
        /// Where.
        environment: EnvironmentKey,
    },
}

impl LayerError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1800",
            Self::AlreadyExists(_) => "FF-1801",
            Self::Archived(_) => "FF-1802",
            Self::NotArchived(_) => "FF-1803",
            Self::Invalid(_) => "FF-1804",
            Self::InUse { .. } => "FF-1805",
            Self::Taken { .. } => "FF-1806",
        }
    }
}

fn list(by: &[(EnvironmentKey, ExperimentKey)]) -> String {
    let all = by
        .iter()
        .map(|(environment, key)| format!("experiment `{key}` in environment `{environment}`"));
    all.collect::<Vec<_>>().join(", ")
}
