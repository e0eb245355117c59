//! `ff security`: the security log, for the operator of an installation.

use std::{os::fd::AsFd as _, path::PathBuf, pin::pin, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand, ValueEnum};
use ff_domain::{OrganizationId, OrganizationKey};
use ff_projections::Queries;
use ff_security::{Format, Log, Scope};
use futures::TryStreamExt as _;
use jiff::Timestamp;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::{
    connect, rights,
    settings::{Noted, Settings},
    telemetry,
};

/// How `ff security` is called.
#[derive(Subcommand)]
pub enum SecurityCommand {
    /// Write out what happened at the doors, the oldest first
    Export(ExportArgs),
}

/// Which records, and how.
#[derive(Args)]
pub struct ExportArgs {
    #[command(flatten)]
    whose: Whose,
    /// Only what happened then or later, such as 2026-11-22T00:00:00Z
    #[arg(long)]
    from: Option<Timestamp>,
    /// Only what happened before
    #[arg(long)]
    to: Option<Timestamp>,
    /// An object a line, or a table
    #[arg(long, value_enum, default_value_t = Shape::Jsonl)]
    format: Shape,
    /// Where to; standard output if absent
    #[arg(long)]
    output: Option<PathBuf>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Whose {
    /// Records of the organization with this key, and of what its people did while they belonged to it
    #[arg(long, value_name = "KEY")]
    org: Option<String>,
    /// Records of no organization, such as sign-ins with a password and keys that nobody knows
    #[arg(long)]
    installation: bool,
}

/// What the file looks like.
#[derive(Clone, Copy, ValueEnum)]
enum Shape {
    Jsonl,
    Csv,
}

/// The command.
pub async fn run(command: SecurityCommand) -> anyhow::Result<ExitCode> {
    let SecurityCommand::Export(args) = command;
    let settings = Settings::load(Noted::Use)?;
    telemetry::log_as_tool(&settings.log)?;
    let pool = connect::database(&settings).await?;
    let scope = match &args.whose.org {
        None => Scope::Installation,
        Some(key) => {
            let key = OrganizationKey::parse(key).context("--org")?;
            let id = OrganizationId::of(&key);
            // A key that is mistyped would be an empty file otherwise, which looks like good news.
            let found = Queries::new(pool.clone()).organization(id).await?;
            ensure!(found.is_some(), "--org: there is no organization `{key}`");
            let (rights, _reading) = rights::read(connect::log(&settings).await?).await?;
            rights.security_scope(id)
        }
    };
    let log = Log::new(pool);
    match &args.output {
        None => {
            let standard_output = std::io::stdout().as_fd().try_clone_to_owned()?;
            let file = tokio::fs::File::from_std(standard_output.into());
            export(&log, scope, &args, file).await?;
        }
        Some(path) => {
            let file = tokio::fs::File::create(path).await;
            let file = file.with_context(|| path.display().to_string())?;
            export(&log, scope, &args, file).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(
    log: &Log,
    scope: Scope,
    args: &ExportArgs,
    mut to: impl AsyncWrite + Unpin,
) -> anyhow::Result<()> {
    let format = match args.format {
        Shape::Jsonl => Format::JsonLines,
        Shape::Csv => Format::Csv,
    };
    let mut parts = pin!(log.export_as(format, scope, args.from, args.to));
    while let Some(part) = parts.try_next().await? {
        to.write_all(&part).await?;
    }
    to.flush().await?;
    Ok(())
}
