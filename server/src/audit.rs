//! `ff audit`: proves that the audit log is whole, and writes it out.

use std::{os::fd::AsFd as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use ff_eventlog::Position;
use ff_projections::audit::{self, VerifyOptions};

use crate::{
    connect, say,
    settings::{Noted, Settings},
    telemetry,
};

/// How `ff audit` is called.
#[derive(Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Walk the hash chain, and compare every row with the log
    Verify {
        /// Walk the chain only, without NATS
        #[arg(long)]
        without_log: bool,
    },
    /// Write rows and signed heads as JSON lines
    Export {
        /// Where to; standard output if absent
        #[arg(long)]
        to: Option<PathBuf>,
        /// Only what came after this position
        #[arg(long, default_value = "0")]
        after: Position,
    },
}

/// The command.
pub async fn run(args: AuditArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(Noted::Use)?;
    telemetry::log_as_tool(&settings.log)?;
    match args.command {
        AuditCommand::Verify { without_log } => verify(&settings, without_log).await,
        AuditCommand::Export { to, after } => export(&settings, to, after).await,
    }
}

async fn verify(settings: &Settings, without_log: bool) -> anyhow::Result<ExitCode> {
    let pool = connect::database(settings).await?;
    let log = if without_log { None } else { Some(connect::log(settings).await?) };
    // The key that this installation signs with, once it has one.
    let path = &settings.projector.signing_key;
    let trusted = match path.exists() {
        true => Some(
            audit::load_or_create_key(path).context("FF_PROJECTOR_SIGNING_KEY")?.verifying_key(),
        ),
        false => None,
    };
    let options = VerifyOptions { trusted, heads: Vec::new() };
    let mut shown = telemetry::Progress::begin();
    let report = audit::verify(&pool, log.as_ref(), &options, |progress| {
        shown.show(format_args!("{} rows", progress.rows), progress.position, progress.end);
    })
    .await?;
    for finding in &report.findings {
        say!("{finding}");
    }
    say!(
        "{} rows up to position {}, {} signed heads, {}: {}",
        report.rows,
        report.position,
        report.heads,
        if report.with_log { "compared with the log" } else { "not compared with the log" },
        if report.is_sound() {
            "sound".to_owned()
        } else {
            format!("{} findings", report.findings.len())
        },
    );
    say!("hash of the last row: {}", report.row_hash);
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn export(
    settings: &Settings,
    to: Option<PathBuf>,
    after: Position,
) -> anyhow::Result<ExitCode> {
    let pool = connect::database(settings).await?;
    let report = match to {
        Some(path) => {
            let file =
                tokio::fs::File::create(&path).await.with_context(|| path.display().to_string())?;
            let report = audit::export(&pool, after, file).await?;
            say!("{} rows and {} signed heads in {}", report.rows, report.heads, path.display());
            report
        }
        None => {
            let standard_output = std::io::stdout().as_fd().try_clone_to_owned()?;
            let file = tokio::fs::File::from_std(standard_output.into());
            audit::export(&pool, after, file).await?
        }
    };
    tracing::debug!(audit.rows = report.rows, "exported the audit log");
    Ok(ExitCode::SUCCESS)
}
