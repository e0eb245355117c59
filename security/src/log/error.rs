//! Why the log cannot be read.

/// Why the log cannot be read, or somebody cannot be erased from it.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database did not do it.
    #[error("could not {action} in the security log; try again when PostgreSQL answers")]
    Sql {
        /// What was tried.
        action: &'static str,
        /// What came back.
        #[source]
        source: sqlx::Error,
    },
    /// A row cannot be read.
    #[error("a row of the security log cannot be read")]
    Unreadable {
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The cursor was not made by this list.
    #[error("this is no cursor of this list; take `next` of the page before")]
    BadCursor,
    /// So many cannot be asked for at once.
    #[error("a page has 1 to {max} records, not {limit}")]
    BadLimit {
        /// What was asked for.
        limit: u32,
        /// The most that can be.
        max: u32,
    },
}

impl LogError {
    pub(super) fn sql(action: &'static str) -> impl Fn(sqlx::Error) -> Self {
        move |source| Self::Sql { action, source }
    }
}
