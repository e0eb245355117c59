//! The one binary: every service and tool of the platform.
//!
//! Each command is a module of its own; what they share is configuration ([`settings`]), the folder that `ff up`
//! keeps its state in ([`local`]), and how they connect to the servers ([`connect`]).

#![allow(unreachable_pub, reason = "a binary exports nothing; `pub` says what other modules use")]

mod analysis;
mod audit;
mod backends;
mod connect;
mod demo;
mod front;
mod health;
mod import;
mod local;
mod migrate;
mod people;
mod providers;
mod replay;
mod rights;
mod security;
mod seed;
mod services;
mod settings;
mod telemetry;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A feature flag and experimentation platform.
#[derive(Parser)]
#[command(name = "ff", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the whole platform here: servers, schema, demo data, services
    Up(up::UpArgs),
    /// Stop what `ff up` started here
    Down,
    /// Show what `ff up` started here
    Ps,
    /// Fetch the pinned server binaries into the cache
    Fetch,
    /// Run the control plane
    Control,
    /// Run the projections: read models, audit log, archive, edge config
    Projector,
    /// Run an edge
    Edge,
    /// Run the event ingestor
    #[command(args_conflicts_with_subcommands = true)]
    Ingest {
        #[command(subcommand)]
        instead: Option<IngestCommand>,
    },
    /// Run the writer of telemetry into ClickHouse
    Writer,
    /// Run the analytics engine
    Analytics,
    /// Change the schema of the database
    Migrate(migrate::MigrateArgs),
    /// Make the first owner and the demo data, as far as they are missing
    Seed,
    /// Send demo traffic through the platform
    #[command(subcommand)]
    Demo(demo::DemoCommand),
    /// Bring in flags from another system
    Import(import::ImportArgs),
    /// Rebuild a projection from the log, beside the live one
    Replay(replay::ReplayArgs),
    /// Check or export the audit log
    Audit(audit::AuditArgs),
    /// List people, hand out new passwords, keep people out, erase them
    #[command(subcommand)]
    People(people::PeopleCommand),
    /// Seal the secrets of identity providers anew
    #[command(subcommand)]
    Providers(providers::ProvidersCommand),
    /// Write out the security log
    #[command(subcommand)]
    Security(security::SecurityCommand),
    /// Answer questions of statistics, one JSON object a line from standard input
    Stats,
    /// List every setting: variable, default, and what it is
    Settings,
}

#[derive(Subcommand)]
enum IngestCommand {
    /// Publish telemetry again that could not be written, and was parked
    ReplayParked,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Up(args) => up::up(&args),
        Command::Down => up::down(),
        Command::Ps => up::ps(),
        Command::Fetch => up::fetch(),
        Command::Control => services::run(services::control),
        Command::Projector => services::run(services::projector),
        Command::Edge => services::run(services::edge),
        Command::Ingest { instead: None } => services::run(services::ingest),
        Command::Ingest { instead: Some(IngestCommand::ReplayParked) } => {
            connect::block_on(services::replay_parked())
        }
        Command::Writer => services::run(services::writer),
        Command::Analytics => services::run(services::analytics),
        Command::Migrate(args) => connect::block_on(migrate::run(args)),
        Command::Seed => connect::block_on(seed::run()),
        Command::Demo(command) => connect::block_on(demo::run(command)),
        Command::Import(args) => connect::block_on(import::run(args)),
        Command::Replay(args) => connect::block_on(replay::run(args)),
        Command::Audit(args) => connect::block_on(audit::run(args)),
        Command::People(command) => connect::block_on(people::run(command)),
        Command::Providers(command) => connect::block_on(providers::run(command)),
        Command::Security(command) => connect::block_on(security::run(command)),
        Command::Stats => {
            ff_analytics::stats::run_lines(std::io::stdin().lock(), std::io::stdout().lock())
                .map(|()| ExitCode::SUCCESS)
                .map_err(Into::into)
        }
        Command::Settings => {
            for setting in settings::ALL {
                say!("{:<28} {:<32} {}", setting.variable(), setting.default, setting.about);
            }
            Ok(ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|error| {
        telemetry::complain(&error);
        ExitCode::FAILURE
    })
}
