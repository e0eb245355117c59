//! Why a command was not executed.

use ff_domain::{ApiKeyError, FlagError, LayerError, OrganizationError, ProjectError};
use ff_eventlog::{AppendError, Cause, EncodeError, LogError};

use crate::{Executable, Parent};

/// Why a command was not executed. Unless it says otherwise nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<A: Executable> {
    /// The aggregate refused.
    #[error(transparent)]
    Rejected(A::Error),
    /// The project refused, because of what flags, segments and experiments mention.
    #[error(transparent)]
    ProjectRejected(ProjectError),
    /// The flag refused what the command means for it.
    #[error(transparent)]
    FlagRejected(FlagError),
    /// The layer refused what the command means for it.
    #[error(transparent)]
    LayerRejected(LayerError),
    /// The key that was to be replaced refused.
    #[error(transparent)]
    ApiKeyRejected(ApiKeyError),
    /// The organization refused what the command means for it.
    #[error(transparent)]
    OrganizationRejected(OrganizationError),
    /// What it would be created in does not exist.
    #[error("there is no such {}", parent.name())]
    ParentNotFound {
        /// What does not exist.
        parent: Parent,
    },
    /// The grant is for something else than this command does, or was given to someone else.
    #[error("the grant is for something else: authorise this command, in its place, for its actor")]
    NotGranted,
    /// It gives or takes other rights than the grant is good for: they were changed meanwhile.
    #[error("the rights that this is about were changed meanwhile, try again")]
    GivesOther,
    /// The id is not the one that follows from the keys in the command.
    #[error("the id does not follow from the keys in the command: derive it from them")]
    Misaddressed,
    /// The aggregate is not at the version that the caller has seen.
    #[error(
        "this was changed meanwhile: expected version {expected}, it has {actual}; load it again"
    )]
    VersionMismatch {
        /// The version that the caller has seen.
        expected: u64,
        /// The version it has.
        actual: u64,
    },
    /// The id was used for another command before.
    #[error("this idempotency key was used for another request, use a new one")]
    IdempotencyMismatch,
    /// Others were faster each time, or too many wait in front.
    #[error("this is being changed by others at the moment, try again")]
    Busy,
    /// The event log cannot be reached, or did not answer in time.
    #[error("{}", if *maybe_written {
        "the event log did not answer in time; the change may have been made: repeat it with the same \
         idempotency key"
    } else {
        "the event log cannot be reached and nothing was changed, try again later"
    })]
    Unavailable {
        /// Whether the command may have been executed all the same.
        maybe_written: bool,
        /// What went wrong.
        #[source]
        source: Cause,
    },
    /// The change does not fit in a commit.
    #[error("the change has {bytes} bytes, at most {limit} fit: split it")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest size that is accepted.
        limit: usize,
    },
    /// The event log cannot be read.
    #[error("the event log cannot be read")]
    Log(#[source] LogError),
    /// The event log did not take the commit.
    #[error("the event log did not take the commit")]
    Append(#[source] AppendError),
    /// An event cannot be written.
    #[error("an event cannot be written")]
    Encode(#[source] EncodeError),
}

/// A command took longer than it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the time for a command ran out")]
pub struct DeadlinePassed;

impl<A: Executable> CommandError<A> {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(error) => A::code(error),
            Self::ProjectRejected(error) => error.code(),
            Self::FlagRejected(error) => error.code(),
            Self::LayerRejected(error) => error.code(),
            Self::ApiKeyRejected(error) => error.code(),
            Self::OrganizationRejected(error) => error.code(),
            Self::ParentNotFound { parent } => parent.code(),
            Self::NotGranted => "FF-2001",
            Self::VersionMismatch { .. } => "FF-2002",
            Self::IdempotencyMismatch => "FF-2003",
            Self::Busy => "FF-2004",
            Self::Unavailable { maybe_written: false, .. } => "FF-2005",
            Self::Unavailable { maybe_written: true, .. } => "FF-2006",
            Self::TooLarge { .. } => "FF-2007",
            Self::Log(_) => "FF-2008",
            Self::Append(_) | Self::Encode(_) => "FF-2009",
            Self::Misaddressed => "FF-2010",
            Self::GivesOther => "FF-2011",
        }
    }

    /// A few words for a metric.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Rejected(_)
            | Self::ProjectRejected(_)
            | Self::FlagRejected(_)
            | Self::LayerRejected(_)
            | Self::ApiKeyRejected(_)
            | Self::OrganizationRejected(_)
            | Self::ParentNotFound { .. } => "rejected",
            Self::TooLarge { .. } | Self::Misaddressed => "invalid",
            Self::NotGranted | Self::GivesOther => "not_granted",
            Self::VersionMismatch { .. } => "version_mismatch",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::Busy => "busy",
            Self::Unavailable { maybe_written: false, .. } => "unavailable",
            Self::Unavailable { maybe_written: true, .. } => "unknown",
            Self::Log(_) | Self::Append(_) | Self::Encode(_) => "failed",
        }
    }
}
