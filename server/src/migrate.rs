//! `ff migrate`: the schema of both databases, PostgreSQL and ClickHouse.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use ff_ingest::schema;
use ff_projections::migrate::{migrate_down, migrate_up, pending};

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
    /// Apply every migration that is missing, in both databases
    Up,
    /// Take the newest migration of one database back
    Down {
        /// Which
        #[arg(long, value_enum, default_value_t = Database::Postgres)]
        database: Database,
    },
    /// Show what `up` would apply
    Status,
}

/// A database with a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Database {
    Postgres,
    Clickhouse,
}

/// A migration of either database: its number and what it is about.
type Line = (i64, String);

/// The command.
pub async fn run(args: MigrateArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(Noted::Use)?;
    match args.direction {
        Direction::Up => {
            let applied = apply(&settings).await?;
            report("applied", Database::Postgres, &applied.0);
            report("applied", Database::Clickhouse, &applied.1);
        }
        Direction::Down { database: Database::Postgres } => {
            let pool = connect::database(&settings).await?;
            let taken = migrate_down(&pool).await?.map(|m| (m.version, m.description));
            report("took back", Database::Postgres, taken.as_slice());
        }
        Direction::Down { database: Database::Clickhouse } => {
            let client = connect::clickhouse(&settings)?;
            let taken = schema::migrate_down(&client).await?.map(of_clickhouse);
            report("took back", Database::Clickhouse, taken.as_slice());
        }
        Direction::Status => {
            let pool = connect::database(&settings).await?;
            let client = connect::clickhouse(&settings)?;
            let missing: Vec<Line> =
                pending(&pool).await?.into_iter().map(|m| (m.version, m.description)).collect();
            report("missing", Database::Postgres, &missing);
            let missing: Vec<Line> =
                schema::pending(&client).await?.into_iter().map(of_clickhouse).collect();
            report("missing", Database::Clickhouse, &missing);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Applies every migration that is missing.
pub async fn up(settings: &Settings) -> anyhow::Result<()> {
    let (postgres, clickhouse) = apply(settings).await?;
    for (version, description) in postgres.into_iter().chain(clickhouse) {
        tracing::info!(migration.version = version, migration.description = description, "applied");
    }
    Ok(())
}

async fn apply(settings: &Settings) -> anyhow::Result<(Vec<Line>, Vec<Line>)> {
    let pool = connect::database(settings).await?;
    let client = connect::clickhouse(settings)?;
    let postgres = migrate_up(&pool).await?;
    let clickhouse = schema::migrate_up(&client).await?;
    Ok((
        postgres.into_iter().map(|m| (m.version, m.description)).collect(),
        clickhouse.into_iter().map(of_clickhouse).collect(),
    ))
}

fn of_clickhouse(migration: schema::Migration) -> Line {
    (i64::from(migration.version), migration.description.to_owned())
}

fn report(what: &str, database: Database, migrations: &[Line]) {
    let database = match database {
        Database::Postgres => "PostgreSQL",
        Database::Clickhouse => "ClickHouse",
    };
    if migrations.is_empty() {
        say!("{what}: nothing of {database}");
    }
    for (version, description) in migrations {
        say!("{what}: {database} {version} {description}");
    }
}
