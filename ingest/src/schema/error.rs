//! Why the schema could not be changed.

/// Why the schema in ClickHouse could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The table of applied versions could not be used.
    #[error(
        "the applied versions of the schema cannot be read or written: see whether ClickHouse can be reached, and \
         whether its user may make tables"
    )]
    Versions {
        /// What ClickHouse or the connection said.
        #[source]
        source: clickhouse::error::Error,
    },
    /// A statement was refused.
    #[error(
        "statement {statement} of version {version} ({description}) failed: the versions before it are applied, run \
         the migration again when the cause is gone"
    )]
    Statement {
        /// The version.
        version: u32,
        /// What the version brings.
        description: &'static str,
        /// Which of its statements, from 1.
        statement: usize,
        /// What ClickHouse or the connection said.
        #[source]
        source: clickhouse::error::Error,
    },
    /// A newer program made the newest version.
    #[error(
        "version {version} is applied but not known to this program: take it back with the program that applied it"
    )]
    UnknownVersion {
        /// The version.
        version: u32,
    },
}

impl SchemaError {
    /// The stable code; `docs/errors/` has a page for each.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Versions { .. } => "FF-5300",
            Self::Statement { .. } => "FF-5301",
            Self::UnknownVersion { .. } => "FF-5302",
        }
    }
}
