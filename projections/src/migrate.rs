//! The schema of the Postgres database, brought forward and back.

use std::collections::BTreeSet;

use sqlx::{
    PgPool,
    migrate::{MigrateError, Migrator},
};

use crate::ProjectionError;

static MIGRATIONS: Migrator = sqlx::migrate!("../migrations/postgres");

/// A migration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number.
    pub version: i64,
    /// What it is about.
    pub description: String,
}

/// Applies all that are pending, in order. Several programs may do so at once.
pub async fn migrate_up(pool: &PgPool) -> Result<Vec<Migration>, ProjectionError> {
    let todo = pending(pool).await?;
    MIGRATIONS.run(pool).await.map_err(ProjectionError::Migration)?;
    Ok(todo)
}

/// Takes back the one applied last, if any. What was in its tables is gone.
pub async fn migrate_down(pool: &PgPool) -> Result<Option<Migration>, ProjectionError> {
    let applied = applied(pool).await.map_err(ProjectionError::Migration)?;
    let mut latest_first = applied.iter().rev();
    let Some(&last) = latest_first.next() else { return Ok(None) };
    let target = latest_first.next().copied().unwrap_or(0);
    MIGRATIONS.undo(pool, target).await.map_err(ProjectionError::Migration)?;
    Ok(forward().find(|migration| migration.version == last))
}

/// Those that are not applied yet, in order.
pub async fn pending(pool: &PgPool) -> Result<Vec<Migration>, ProjectionError> {
    let applied = applied(pool).await.map_err(ProjectionError::Migration)?;
    Ok(forward().filter(|migration| !applied.contains(&migration.version)).collect())
}

fn forward() -> impl Iterator<Item = Migration> {
    MIGRATIONS.iter().filter(|migration| migration.migration_type.is_up_migration()).map(
        |migration| Migration {
            version: migration.version,
            description: migration.description.clone().into_owned(),
        },
    )
}

/// Reads what is applied, and makes nothing: a database that was never migrated has no such table.
async fn applied(pool: &PgPool) -> Result<BTreeSet<i64>, MigrateError> {
    let known: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(pool)
        .await?;
    if !known {
        return Ok(BTreeSet::new());
    }
    let applied: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success")
            .fetch_all(pool)
            .await?;
    Ok(applied.into_iter().collect())
}
