//! Why publishing ends for good.

use ff_eventlog::LogError;

/// Publishing cannot go on without a person.
#[derive(Debug, thiserror::Error)]
pub enum PublisherError {
    /// The stream exists, configured differently than it must be.
    #[error("the stream {stream} is configured differently: {}", list(.differences))]
    StreamDiffers {
        /// The stream.
        stream: &'static str,
        /// Each setting that differs.
        differences: Vec<StreamDifference>,
    },
    /// The log refuses to be followed.
    #[error("the event log cannot be followed")]
    Log(#[source] LogError),
}

/// A setting of the stream that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} must be {expected}, is {found}")]
pub struct StreamDifference {
    /// The name of the setting.
    pub setting: &'static str,
    /// What is needed.
    pub expected: String,
    /// What the server has.
    pub found: String,
}

impl PublisherError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::StreamDiffers { .. } => "FF-4030",
            Self::Log(_) => "FF-4031",
        }
    }
}

fn list(differences: &[StreamDifference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
