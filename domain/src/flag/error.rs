//! Why a flag's command was refused.

use crate::{EnvironmentKey, FlagKey, Problem, problem};

/// Why a flag's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FlagError {
    /// There is no such flag.
    #[error("there is no such flag")]
    NotFound,
    /// The key is taken, perhaps by an archived flag.
    #[error("the project already has a flag `{0}`, perhaps in the archive")]
    AlreadyExists(FlagKey),
    /// It is archived.
    #[error("flag `{0}` is archived; restore it first")]
    Archived(FlagKey),
    /// It cannot be restored, it is not archived.
    #[error("flag `{0}` is not archived")]
    NotArchived(FlagKey),
    /// The project has no such environment.
    #[error("the project has no environment `{0}`")]
    UnknownEnvironment(EnvironmentKey),
    /// It has no such variation.
    #[error("flag `{flag}` has no variation `{variation}`")]
    UnknownVariation {
        /// Whose.
        flag: FlagKey,
        /// Which.
        variation: String,
    },
    /// A variation cannot be removed, the flag's own targeting serves it.
    #[error("variation `{variation}` is served {}; change that first", places.join(" and "))]
    VariationServed {
        /// Which.
        variation: String,
        /// Where.
        places: Vec<String>,
    },
    /// A running experiment stands on it.
    #[error(
        "{what} while experiment `{experiment}` is running in environment `{environment}`; stop or pause it first"
    )]
    LockedByExperiment {
        /// What cannot be done, as the beginning of a sentence.
        what: &'static str,
        /// Key of the experiment.
        experiment: String,
        /// Where it runs.
        environment: EnvironmentKey,
    },
    /// Another experiment is served there.
    #[error(
        "experiment `{experiment}` is running in environment `{environment}`; stop or pause it first"
    )]
    OtherExperiment {
        /// Key of the experiment.
        experiment: String,
        /// Where it runs.
        environment: EnvironmentKey,
    },
    /// Something in the command is wrong.
    #[error("{}", problem::summary(.0))]
    Invalid(Vec<Problem>),
}

impl FlagError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1200",
            Self::AlreadyExists(_) => "FF-1201",
            Self::Archived(_) => "FF-1202",
            Self::NotArchived(_) => "FF-1203",
            Self::UnknownEnvironment(_) => "FF-1204",
            Self::UnknownVariation { .. } => "FF-1205",
            Self::VariationServed { .. } => "FF-1206",
            Self::Invalid(_) => "FF-1207",
            Self::LockedByExperiment { .. } => "FF-1208",
            Self::OtherExperiment { .. } => "FF-1209",
        }
    }
}
