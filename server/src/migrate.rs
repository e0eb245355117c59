//! `ff migrate`: the schema of the database.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use ff_projections::migrate::{Migration, migrate_down, migrate_up, pending};
use sqlx::PgPool;

use crate::{
    connect, say,
    settings::{Noted, Settings},
};

/// How `ff migrate` is called.
#[derive(Args)]
pub struct MigrateArgs {
    #[command(subcommand)]
    direction: Direction,
}

#[derive(Subcommand)]
enum Direction {
    /// Apply every migration that is missing
    Up,
    /// Take the newest migration back
    Down,
    /// Show what `up` would apply
    Status,
}

/// The command.
pub async fn run(args: MigrateArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(Noted::Use)?;
    let pool = connect::database(&settings.database).await?;
    match args.direction {
        Direction::Up => report("applied", &migrate_up(&pool).await?),
        Direction::Down => report("took back", migrate_down(&pool).await?.as_slice()),
        Direction::Status => report("missing", &pending(&pool).await?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Applies every migration that is missing.
pub async fn up(pool: &PgPool) -> anyhow::Result<()> {
    for migration in migrate_up(pool).await? {
        tracing::info!(migration.version, migration.description, "applied a migration");
    }
    Ok(())
}

fn report(what: &str, migrations: &[Migration]) {
    if migrations.is_empty() {
        say!("{what}: nothing");
    }
    for migration in migrations {
        say!("{what}: {} {}", migration.version, migration.description);
    }
}
