//! `ff import`: takes flag definitions of other systems over.
//!
//! What cannot be kept exactly is refused, never approximated: after an import every user gets what they got before.
//! Reading (`flagd`, `logic`) and comparing (`plan`) are pure; only `remote` and `apply` talk to a control plane.

mod apply;
mod error;
mod flagd;
mod logic;
mod plan;
mod print;
mod remote;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use secrecy::SecretString;

use error::ImportError;
use flagd::Definitions;

/// Arguments of `ff import`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    from: From,
}

/// Where the definitions come from.
#[derive(Debug, clap::Subcommand)]
enum From {
    /// A file of flagd flag definitions
    Flagd(FlagdArgs),
}

/// Arguments of `ff import flagd`.
#[derive(Debug, clap::Args)]
struct FlagdArgs {
    /// The file with flagd's flag definitions, as JSON
    file: PathBuf,
    /// Key of the organization
    #[arg(long, env = "FF_ORG", default_value = "demo")]
    org: String,
    /// Key of the project that gets the flags
    #[arg(long, required_unless_present = "print_config")]
    project: Option<String>,
    /// Key of the environment that gets the targeting
    #[arg(long, required_unless_present = "print_config")]
    environment: Option<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Import the other flags when some cannot be kept exactly
    #[arg(long)]
    skip_refused: bool,
    /// Print the flags as an environment's definition in JSON, without a control plane
    #[arg(long, conflicts_with_all = ["project", "environment", "dry_run", "skip_refused"])]
    print_config: bool,
    /// The control plane
    #[arg(long, env = "FF_CONTROL_URL", default_value = "http://localhost:8080")]
    url: String,
    /// An API token that may write flags
    #[arg(long, env = "FF_API_TOKEN", hide_env_values = true)]
    token: Option<SecretString>,
}

/// Nothing was applied, or not everything, because flags were refused.
const REFUSED: u8 = 2;

/// Runs `ff import`.
pub(crate) async fn run(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let From::Flagd(args) = args.from;
    let path = &args.file;
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|source| ImportError::Unreadable { path: path.clone(), source })?;
    let definitions =
        flagd::read(&text).map_err(|source| ImportError::File { path: path.clone(), source })?;
    let mut out = std::io::stdout().lock();
    if args.print_config {
        print::config(&definitions, &mut out).context("cannot print")?;
        return Ok(ExitCode::SUCCESS);
    }
    // Printing and waiting take turns, so what is locked here is never waited for.
    drop(out);
    let (Some(project), Some(environment)) = (&args.project, &args.environment) else {
        anyhow::bail!("give --project and --environment");
    };
    let place = remote::Place {
        org: args.org.clone(),
        project: project.clone(),
        environment: environment.clone(),
    };
    let token = args
        .token
        .or_else(|| std::env::var("FF_DEMO_API_TOKEN").ok().map(SecretString::from))
        .ok_or(ImportError::NoToken)?;
    let remote = remote::Remote::new(&args.url, token, place)?;
    import(&definitions, &remote, args.dry_run, args.skip_refused).await
}

async fn import(
    definitions: &Definitions,
    remote: &remote::Remote,
    dry_run: bool,
    skip_refused: bool,
) -> anyhow::Result<ExitCode> {
    remote.check_environment().await?;
    let mut changes = Vec::new();
    let mut conflicts = Vec::new();
    for wanted in &definitions.flags {
        let present = remote.flag(&wanted.definition.key).await?;
        match plan::changes(wanted, present.as_ref(), remote.environment()) {
            Ok(steps) if steps.is_empty() => {}
            Ok(steps) => {
                let present_version = present.map(|present| present.version);
                changes.push(plan::FlagChange { wanted, present_version, steps });
            }
            Err(conflict) => conflicts.push((wanted.definition.key.as_str(), conflict)),
        }
    }
    print::difference(definitions, &changes, &conflicts, &mut std::io::stdout().lock())?;
    let refused = definitions.refused.len() + conflicts.len();
    let code = if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(REFUSED) };
    if dry_run {
        return Ok(code);
    }
    if refused > 0 && !skip_refused {
        writeln!(
            std::io::stdout().lock(),
            "FF-6002: nothing was changed, because {refused} of the flags cannot be kept exactly; \
             --skip-refused imports the others"
        )?;
        return Ok(code);
    }
    if !changes.is_empty() {
        let applied = apply::all(&changes, remote).await?;
        writeln!(std::io::stdout().lock(), "done: {applied} changes")?;
    }
    Ok(if skip_refused { ExitCode::SUCCESS } else { code })
}
