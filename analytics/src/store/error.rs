//! What can go wrong with ClickHouse.

use clickhouse::error::Error;

/// A question to ClickHouse has no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A statement failed.
    #[error("clickhouse could not {action}")]
    Query {
        /// What was to be done.
        action: &'static str,
        /// Why not.
        #[source]
        source: Box<Error>,
    },
    /// There is nothing to compute before an experiment is started.
    #[error("the experiment was not started yet: start it, and results follow")]
    NotStarted,
    /// Rows of ours that we cannot have written.
    #[error(
        "the kept figures cannot be read: remove the experiment's rows from {table}, they are made again"
    )]
    Malformed {
        /// Where.
        table: &'static str,
    },
}

impl StoreError {
    /// Names this kind of error for good.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Query { .. } => "FF-5030",
            Self::NotStarted => "FF-5031",
            Self::Malformed { .. } => "FF-5032",
        }
    }

    /// Whether ClickHouse cannot be reached, so that the same may succeed later.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Query { source, .. } => matches!(**source, Error::Network(_) | Error::TimedOut),
            Self::NotStarted | Self::Malformed { .. } => false,
        }
    }
}
