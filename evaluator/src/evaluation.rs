//! What an evaluation answers.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// The answer for one flag and one context. It borrows from the config, so making one costs nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation<'c> {
    /// What the application gets; `None` with an error: the caller's default.
    pub value: Option<&'c Value>,
    /// The key of the variation.
    pub variation: Option<&'c str>,
    /// The variation's place in the flag's list.
    pub variation_index: Option<usize>,
    /// Why.
    pub reason: Reason,
    /// What is wrong, if the reason is [`Reason::Error`].
    pub error: Option<ErrorCode>,
    /// The id of the rule that decided; with an experiment, that of its iteration.
    pub rule: Option<&'c str>,
    /// The key of the experiment that the context takes part in.
    pub experiment: Option<&'c str>,
    /// The config's position, a decimal string.
    pub position: &'c str,
}

/// Why a variation was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Everyone always gets it: the flag has no rules, targets, prerequisites or rollout.
    Static,
    /// No rule held.
    Default,
    /// A target or a rule named it.
    TargetingMatch,
    /// A rollout, or an experiment, decided by bucket.
    Split,
    /// The flag is off.
    Disabled,
    /// Another flag does not serve what this one requires.
    PrerequisiteFailed,
    /// There is no answer; see the error code.
    Error,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// No such flag.
    FlagNotFound,
    /// A rollout was reached, and the context has no value to bucket by.
    TargetingKeyMissing,
    /// The definition of the flag, or of one that it refers to, has a problem.
    ParseError,
    /// The flag is of another type than the caller asked for.
    TypeMismatch,
    /// The context is none.
    InvalidContext,
    /// The flag refers to something that does not exist, or refers too deep or in a circle.
    General,
}

impl Reason {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::Default => "DEFAULT",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Disabled => "DISABLED",
            Self::PrerequisiteFailed => "PREREQUISITE_FAILED",
            Self::Error => "ERROR",
        }
    }

    /// Its name for clients that know only the reasons of OpenFeature.
    pub fn openfeature(self) -> &'static str {
        match self {
            Self::PrerequisiteFailed => Self::Default.as_str(),
            other => other.as_str(),
        }
    }
}

impl ErrorCode {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::TargetingKeyMissing => "TARGETING_KEY_MISSING",
            Self::ParseError => "PARSE_ERROR",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::InvalidContext => "INVALID_CONTEXT",
            Self::General => "GENERAL",
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
