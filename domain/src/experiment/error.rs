//! Why an experiment's command was refused.

use ff_evaluator::Weight;

use super::Status;
use crate::{EnvironmentKey, ExperimentKey, FlagKey, LayerKey, Problem, problem};

/// Why an experiment's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExperimentError {
    /// There is no such experiment.
    #[error("there is no such experiment")]
    NotFound,
    /// The key is taken, perhaps by an archived experiment.
    #[error("the project already has an experiment `{0}`, perhaps in the archive")]
    AlreadyExists(ExperimentKey),
    /// It is archived.
    #[error("experiment `{0}` is archived; restore it first")]
    Archived(ExperimentKey),
    /// It cannot be restored, it is not archived.
    #[error("experiment `{0}` is not archived")]
    NotArchived(ExperimentKey),
    /// Something in the command is wrong.
    #[error("{}", problem::summary(.0))]
    Invalid(Vec<Problem>),
    /// The project has no such environment.
    #[error("the project has no environment `{0}`, or it is archived")]
    UnknownEnvironment(EnvironmentKey),
    /// The project has no such flag.
    #[error("the project has no flag `{0}`, or it is archived")]
    UnknownFlag(FlagKey),
    /// It is in another part of its life.
    #[error("experiment `{key}` is {}; {remedy}", status.as_str())]
    WrongStatus {
        /// Which.
        key: ExperimentKey,
        /// Where it is in its life.
        status: Status,
        /// What can be done.
        remedy: &'static str,
    },
    /// The flag serves another experiment there.
    #[error(
        "flag `{flag}` serves experiment `{by}` in environment `{environment}`; stop or pause that first"
    )]
    FlagTaken {
        /// The flag.
        flag: FlagKey,
        /// Where.
        environment: EnvironmentKey,
        /// Key of the other experiment.
        by: String,
    },
    /// The layer has not enough users left.
    #[error(
        "layer `{layer}` has {} percent free in environment `{environment}`, {} are wanted; lower the traffic or \
         stop another experiment of the layer",
        percent(*free), percent(*wanted)
    )]
    LayerFull {
        /// Which.
        layer: LayerKey,
        /// Where.
        environment: EnvironmentKey,
        /// How much the experiment wants of it.
        wanted: Weight,
        /// How much it could get.
        free: Weight,
    },
    /// It was not decided to ship anything.
    #[error("experiment `{0}` was decided without a winner to ship")]
    NothingToShip(ExperimentKey),
}

impl ExperimentError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1600",
            Self::AlreadyExists(_) => "FF-1601",
            Self::Archived(_) => "FF-1602",
            Self::NotArchived(_) => "FF-1603",
            Self::Invalid(_) => "FF-1604",
            Self::UnknownEnvironment(_) => "FF-1605",
            Self::UnknownFlag(_) => "FF-1606",
            Self::WrongStatus { .. } => "FF-1607",
            Self::FlagTaken { .. } => "FF-1608",
            Self::LayerFull { .. } => "FF-1609",
            Self::NothingToShip(_) => "FF-1610",
        }
    }
}

fn percent(share: Weight) -> String {
    let (whole, rest) = (share.thousandths() / 1000, share.thousandths() % 1000);
    if rest == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{rest:03}").trim_end_matches('0').to_owned()
    }
}
