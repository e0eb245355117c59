//! `ff replay`: rebuilds a projection from the log, beside the one that is read.

use std::process::ExitCode;

use clap::Args;
use ff_projections::{ProjectionName, replay};
use sqlx::PgPool;

use crate::{
    connect, say,
    settings::{Noted, Settings},
    telemetry,
};

/// How `ff replay` is called.
#[derive(Args)]
pub struct ReplayArgs {
    /// catalog, audit, archive, or all
    #[arg(long)]
    projection: String,
    /// Compare the new tables with the old ones, row by row, and fail on a difference
    #[arg(long)]
    compare: bool,
}

/// The command.
pub async fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let names = match args.projection.as_str() {
        "all" => ProjectionName::ALL.to_vec(),
        name => vec![name.parse::<ProjectionName>()?],
    };
    let settings = Settings::load(Noted::Use)?;
    telemetry::log_as_tool(&settings.log)?;
    let pool = connect::database(&settings).await?;
    let log = connect::log(&settings).await?;
    let mut outcome = ExitCode::SUCCESS;
    for name in names {
        let mut shown = telemetry::Progress::begin();
        let report = replay(&log, &pool, name, |progress| {
            shown.show(
                format_args!("{}: {} commits", progress.projection.as_str(), progress.commits),
                progress.position,
                progress.head,
            );
        })
        .await?;
        let rate = report.commits as f64 / report.took.as_secs_f64().max(0.001);
        say!(
            "{}: generation {} is live after {} commits up to position {} in {:.1} s ({rate:.0}/s), {} parked",
            report.projection.as_str(),
            report.generation,
            report.commits,
            report.position,
            report.took.as_secs_f64(),
            report.parked,
        );
        match report.replaced {
            Some(replaced) if args.compare => {
                let differing = compare(&pool, name, replaced, report.generation).await?;
                if differing.is_empty() {
                    say!(
                        "{}: generations {replaced} and {} are identical",
                        name.as_str(),
                        report.generation
                    );
                } else {
                    say!("{}: these tables differ: {}", name.as_str(), differing.join(", "));
                    outcome = ExitCode::FAILURE;
                }
            }
            _ => {}
        }
    }
    Ok(outcome)
}

/// Tables whose rows differ between two generations.
async fn compare(
    pool: &PgPool,
    name: ProjectionName,
    old: i32,
    new: i32,
) -> anyhow::Result<Vec<String>> {
    let schema = |generation: i32| format!("read_{}_{generation}", name.as_str());
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = ANY($1) \
         GROUP BY table_name ORDER BY table_name",
    )
    .bind(vec![schema(old), schema(new)])
    .fetch_all(pool)
    .await?;
    anyhow::ensure!(!tables.is_empty(), "no tables in {} and {}", schema(old), schema(new));
    let mut differing = Vec::new();
    for table in tables {
        let sum = async |generation: i32| {
            // Names come from this program and from the catalogue of the database, not from people.
            let statement = format!(
                "SELECT count(*) || '/' || coalesce(md5(string_agg(md5(r::text), '' ORDER BY md5(r::text))), '') \
                 FROM \"{}\".\"{table}\" r",
                schema(generation)
            );
            sqlx::query_scalar::<_, String>(&statement).fetch_one(pool).await
        };
        if sum(old).await? != sum(new).await? {
            differing.push(table);
        }
    }
    Ok(differing)
}
