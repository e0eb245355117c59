//! What can go wrong, apart by what the caller can do about it.

use std::time::Duration;

use ff_eventlog::{LogError, Position};
use uuid::Uuid;

use crate::{ProjectionName, database::Failure};

/// A query was not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The read model has not come as far as was asked for.
    #[error(
        "{projection} is at position {found} and did not reach {wanted} within {} ms, try again",
        waited.as_millis()
    )]
    Behind {
        /// Which read model.
        projection: ProjectionName,
        /// The position that was asked for.
        wanted: Position,
        /// How far it is.
        found: Position,
        /// How long the query waited.
        waited: Duration,
    },
    /// The cursor was not made by this list.
    #[error("this cursor is not of this list, begin without one")]
    BadCursor,
    /// The page would be too small or too large.
    #[error("a page has 1 to {max} items, not {limit}")]
    BadLimit {
        /// What was asked for.
        limit: u32,
        /// The most there can be.
        max: u16,
    },
    /// Postgres cannot be reached.
    #[error("the read models cannot be reached, try again when Postgres is back")]
    Unavailable(#[source] sqlx::Error),
    /// The read model was never built.
    #[error("{projection} has not been built yet, start the projector")]
    NotBuilt {
        /// Which read model.
        projection: ProjectionName,
    },
    /// A row does not hold what this program expects.
    #[error("{what} {id} cannot be read, rebuild the projection with this version")]
    Unreadable {
        /// What it is.
        what: &'static str,
        /// Which.
        id: Uuid,
        /// What does not fit.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Postgres refused the query.
    #[error("Postgres refused a query of {projection}")]
    Refused {
        /// Which read model.
        projection: ProjectionName,
        /// What Postgres said.
        #[source]
        source: sqlx::Error,
    },
}

impl QueryError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Behind { .. } => "FF-2200",
            Self::BadCursor => "FF-2201",
            Self::BadLimit { .. } => "FF-2202",
            Self::Unavailable(_) => "FF-2203",
            Self::NotBuilt { .. } => "FF-2204",
            Self::Unreadable { .. } => "FF-2205",
            Self::Refused { .. } => "FF-2206",
        }
    }

    pub(crate) fn from_sql(projection: ProjectionName, source: sqlx::Error) -> Self {
        match Failure::of(&source) {
            Failure::Unavailable => Self::Unavailable(source),
            _ => Self::Refused { projection, source },
        }
    }

    pub(crate) fn unreadable(
        what: &'static str,
        id: Uuid,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Unreadable { what, id, source: source.into() }
    }
}

/// A projection, a rebuild or a check could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// Postgres cannot be reached.
    #[error("Postgres cannot be reached")]
    Unavailable(#[source] sqlx::Error),
    /// Postgres refused a statement.
    #[error("Postgres refused to {operation}")]
    Refused {
        /// What was being done.
        operation: &'static str,
        /// What Postgres said.
        #[source]
        source: sqlx::Error,
    },
    /// The log cannot be read.
    #[error("the event log cannot be read")]
    Log(#[from] LogError),
    /// A commit cannot be applied, and none may be left out.
    #[error("{projection} cannot apply the commit at position {position} and leaves none out")]
    Poisoned {
        /// Which projection.
        projection: ProjectionName,
        /// The commit.
        position: Position,
        /// Why it cannot be applied.
        #[source]
        source: PoisonError,
    },
    /// Another rebuild of the same projection is going on.
    #[error("{projection} is being rebuilt by someone else, wait for that to end")]
    ReplayRunning {
        /// Which projection.
        projection: ProjectionName,
    },
    /// The projection was built by a newer version of this program.
    #[error(
        "{projection} has tables of format {found} and this version writes {written}, run the newer \
         version, or rebuild the projection with this one"
    )]
    Newer {
        /// Which projection.
        projection: ProjectionName,
        /// What its tables are.
        found: i32,
        /// What this version writes.
        written: i32,
    },
    /// The log ended its tail, which never ends by itself.
    #[error("the event log stopped sending commits")]
    TailEnded,
    /// The key that signs heads of the audit log cannot be read or made.
    #[error("the signing key in {} cannot be used, it must be 64 hexadecimal characters", path.display())]
    SigningKey {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        #[source]
        source: std::io::Error,
    },
    /// The export cannot be written.
    #[error("the audit log cannot be exported")]
    Export(#[source] std::io::Error),
    /// The database's schema cannot be brought to where it was asked to be.
    #[error("the database cannot be migrated")]
    Migration(#[source] sqlx::migrate::MigrateError),
}

impl ProjectionError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "FF-2210",
            Self::Refused { .. } => "FF-2211",
            Self::Log(_) => "FF-2212",
            Self::Poisoned { .. } => "FF-2213",
            Self::ReplayRunning { .. } => "FF-2214",
            Self::TailEnded => "FF-2215",
            Self::SigningKey { .. } => "FF-2216",
            Self::Export(_) => "FF-2217",
            Self::Migration(_) => "FF-2218",
            Self::Newer { .. } => "FF-2219",
        }
    }

    pub(crate) fn sql(operation: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| match Failure::of(&source) {
            Failure::Unavailable => Self::Unavailable(source),
            _ => Self::Refused { operation, source },
        }
    }
}

/// Why a commit cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum PoisonError {
    /// The message in the log is no commit, or not the right one.
    #[error("the log is damaged")]
    Damaged(#[source] ff_eventlog::Defect),
    /// An event is unknown or does not fit its type.
    #[error("event {event} cannot be decoded")]
    Undecodable {
        /// Its index in the commit, from 0.
        event: usize,
        /// What is wrong with it.
        #[source]
        source: ff_eventlog::DecodeError,
    },
    /// Commits of the aggregate are missing.
    #[error("version {expected} should come, version {found} came")]
    Gap {
        /// The version that should have come.
        expected: u64,
        /// The version that came.
        found: u64,
    },
    /// What was stored of the aggregate before cannot be read.
    #[error("the stored state before it cannot be read")]
    Stored(#[source] serde_json::Error),
    /// The events say nothing of a thing that was never made.
    #[error("the aggregate does not exist after its events")]
    Absent,
    /// Postgres refuses the values.
    #[error("Postgres refuses what the commit says")]
    Refused(#[source] sqlx::Error),
}
