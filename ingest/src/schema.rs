//! The tables in ClickHouse: the files of `migrations/clickhouse/`, embedded, and what of them is applied.
//!
//! ClickHouse has no transactions over schema changes. Every statement of a migration may therefore run twice
//! (`IF NOT EXISTS`, `IF EXISTS`; a test looks), and a version is written down after its last statement: a program that
//! dies half-way leaves a migration to be repeated, and two programs that migrate at once do the same thing twice.

mod error;
mod statements;

use clickhouse::{Client, Row};
use serde::Deserialize;

pub use error::SchemaError;
use statements::statements;

/// A version of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its number; they are applied in this order.
    pub version: u32,
    /// What it brings, of the file's name.
    pub description: &'static str,
}

/// A migration with its statements.
struct Script {
    version: u32,
    description: &'static str,
    up: &'static str,
    down: &'static str,
}

const SCRIPTS: &[Script] = include!(concat!(env!("OUT_DIR"), "/clickhouse_migrations.rs"));

/// Which versions are applied. A row per change; the newest of a version counts.
const APPLIED_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version UInt32, description String, applied Bool, at DateTime64(6, 'UTC') DEFAULT now64(6)
) ENGINE = ReplacingMergeTree(at) ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";

/// Applies what is not applied yet, in order, and tells what it was.
///
/// # Errors
/// When ClickHouse cannot be reached or refuses a statement. What was applied before stays; calling again goes on there.
pub async fn migrate_up(client: &Client) -> Result<Vec<Migration>, SchemaError> {
    let mut done = Vec::new();
    for script in missing(client).await? {
        script.run(client, script.up).await?;
        script.note(client, true).await?;
        done.push(script.migration());
    }
    Ok(done)
}

/// Takes the newest applied version back, with all its data, and tells which it was; none when none is applied.
///
/// # Errors
/// When ClickHouse cannot be reached or refuses a statement, or the newest version is of a newer program.
pub async fn migrate_down(client: &Client) -> Result<Option<Migration>, SchemaError> {
    let Some(version) = applied(client).await?.into_iter().max() else { return Ok(None) };
    let script = SCRIPTS.iter().find(|script| script.version == version);
    let script = script.ok_or(SchemaError::UnknownVersion { version })?;
    script.run(client, script.down).await?;
    script.note(client, false).await?;
    Ok(Some(script.migration()))
}

/// What is not applied yet, in order.
///
/// # Errors
/// When ClickHouse cannot be reached.
pub async fn pending(client: &Client) -> Result<Vec<Migration>, SchemaError> {
    Ok(missing(client).await?.into_iter().map(Script::migration).collect())
}

async fn missing(client: &Client) -> Result<Vec<&'static Script>, SchemaError> {
    let applied = applied(client).await?;
    Ok(SCRIPTS.iter().filter(|script| !applied.contains(&script.version)).collect())
}

async fn applied(client: &Client) -> Result<Vec<u32>, SchemaError> {
    #[derive(Row, Deserialize)]
    struct Applied {
        version: u32,
    }
    let failed = |source| SchemaError::Versions { source };
    client.query(APPLIED_TABLE).execute().await.map_err(failed)?;
    let query = "SELECT version FROM schema_migrations FINAL WHERE applied ORDER BY version";
    let rows = client.query(query).fetch_all::<Applied>().await.map_err(failed)?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

impl Script {
    fn migration(&self) -> Migration {
        Migration { version: self.version, description: self.description }
    }

    async fn run(&self, client: &Client, sql: &str) -> Result<(), SchemaError> {
        for (index, statement) in statements(sql).into_iter().enumerate() {
            // Sent as it is: the client would take a question mark for a value to bind.
            client.query_raw(&statement).execute().await.map_err(|source| {
                let Migration { version, description } = self.migration();
                SchemaError::Statement { version, description, statement: index + 1, source }
            })?;
        }
        Ok(())
    }

    async fn note(&self, client: &Client, applied: bool) -> Result<(), SchemaError> {
        let insert =
            "INSERT INTO schema_migrations (version, description, applied) VALUES (?, ?, ?)";
        let query = client.query(insert).bind(self.version).bind(self.description).bind(applied);
        query.execute().await.map_err(|source| SchemaError::Versions { source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_up_from_one_and_every_statement_may_run_twice() {
        let versions: Vec<_> = SCRIPTS.iter().map(|script| script.version).collect();
        let expected: Vec<_> = (1..).take(SCRIPTS.len()).collect();
        assert_eq!(versions, expected);
        for script in SCRIPTS {
            for (sql, guard) in [(script.up, "IF NOT EXISTS"), (script.down, "IF EXISTS")] {
                let statements = statements(sql);
                assert!(!statements.is_empty(), "version {} is empty", script.version);
                for statement in statements {
                    assert!(statement.contains(guard), "{guard} is missing in: {statement}");
                }
            }
        }
    }
}
