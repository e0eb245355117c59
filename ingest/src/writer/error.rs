//! Why writing or replaying ends.

/// The error below ours, of a client or a server.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the writer cannot go on by itself.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The address of NATS is none, or the credentials for it cannot be used.
    #[error(transparent)]
    Nats(#[from] ff_nats::ConnectError),
    /// The stream ends before what is already written: it is another stream.
    #[error(
        "FF_TELEMETRY ends at {end}, but everything up to {written} is written: the stream was made anew, let it \
         begin behind {written}"
    )]
    AnotherStream {
        /// The position up to which everything is written.
        written: u64,
        /// The last sequence of the stream.
        end: u64,
    },
}

impl WriterError {
    /// The stable code; `docs/errors/` has a page for each.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Nats(_) => "FF-5310",
            Self::AnotherStream { .. } => "FF-5311",
        }
    }
}

/// Why parked messages were not, or not all, replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// NATS cannot be reached, or refused.
    #[error(
        "could not {action}: the messages before it are replayed, run it again when NATS is back"
    )]
    Nats {
        /// What was tried.
        action: &'static str,
        /// What came back.
        #[source]
        source: Cause,
    },
}

impl ReplayError {
    /// The stable code; `docs/errors/` has a page for each.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Nats { .. } => "FF-5312",
        }
    }
}
