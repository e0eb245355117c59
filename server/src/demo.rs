//! `ff demo`: traffic that looks like a shop's, through the edge and the ingestor of a running platform.
//!
//! It is a client like any other, and talks HTTP alone. Users and what they do follow from a seed, so that a run can be
//! repeated, and what the results should show is known beforehand.

mod effect;
mod event;
mod load;
mod patience;
mod place;
mod random;
mod setup;
mod shopper;
mod tally;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::say;
use effect::Effect;
use load::{Broken, Load, Wanted};
use place::Place;
use tally::grouped;

/// What `ff demo` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum DemoCommand {
    /// Send users through an experiment, made and started if it is not there
    Traffic(TrafficArgs),
}

/// Arguments of `ff demo traffic`.
#[derive(Debug, clap::Args)]
pub(crate) struct TrafficArgs {
    /// How many users come
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    users: u64,
    /// How much more often they buy with the treatment
    #[arg(long, default_value = "3%", allow_hyphen_values = true)]
    effect: Effect,
    /// Another seed means other users
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Users a second; as fast as it goes if absent
    #[arg(long, value_parser = rate)]
    rate: Option<f64>,
    /// Key of the experiment
    #[arg(long, default_value = "checkout-button")]
    experiment: String,
    /// Let something go wrong
    #[arg(long)]
    broken: Option<Broken>,
    /// Days before the visit in which users have bought already; 0 for none
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(..=90))]
    history_days: u32,
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or("give a number of users a second above 0")
}

/// Runs `ff demo`.
pub(crate) async fn run(command: DemoCommand) -> anyhow::Result<ExitCode> {
    let DemoCommand::Traffic(args) = command;
    traffic(args).await.map(|()| ExitCode::SUCCESS)
}

async fn traffic(args: TrafficArgs) -> anyhow::Result<()> {
    let place = Place::find()?;
    let TrafficArgs { users, effect, seed, rate, experiment, broken, history_days } = args;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .build()
        .context("cannot make an HTTP client")?;
    let ready = setup::ready(&client, &place, &experiment, users).await?;
    let (control, results) = (ready.control.clone(), place.results(&ready.key));
    let wanted = Wanted { users, seed, effect, broken, history_days, rate };
    let load = Arc::new(Load::new(wanted, ready, place, client)?);
    load.edge_is_ready().await?;

    let began = Instant::now();
    let eyes = std::io::stderr().is_terminal();
    let progress = eyes.then(|| tokio::spawn(show_progress(Arc::clone(&load), users)));
    let outcome = load.run().await;
    let took = began.elapsed();
    if let Some(progress) = progress {
        progress.abort();
        let _ = writeln!(std::io::stderr());
    }
    say!("{}", outcome?.table(&control, took).trim_end());
    say!("{:<22} {}", "true effect", truth(effect, broken));
    say!("\nResults of {experiment}: {results}");
    say!("  curl -sH \"Authorization: Bearer $FF_DEMO_API_TOKEN\" {results}");
    Ok(())
}

/// What the results should show.
fn truth(effect: Effect, broken: Option<Broken>) -> String {
    let base = shopper::CONVERSION;
    let treated = base * effect.factor();
    let what = match broken {
        None => "pages load as before",
        Some(Broken::Srm) => "but a tenth of the treatment's exposures is missing",
        Some(Broken::Guardrail) => "but pages load +20 % slower",
        Some(Broken::Loss) => "but one in twenty batches of exposures is lost",
    };
    format!("{effect} purchases ({:.2} % to {:.2} %), {what}", 100.0 * base, 100.0 * treated)
}

/// How far it has come, twice a second, for eyes: it must not stand in what a script reads.
async fn show_progress(load: Arc<Load>, users: u64) {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let done = load.done();
        let share = 100 * done / users;
        let line = format!("\r{} of {} users, {share} %", grouped(done), grouped(users));
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}
