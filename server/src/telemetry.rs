//! What a process writes about itself: log lines, metrics, and its last words.

use std::{
    fmt::Display,
    io::{self, Write as _},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use ff_eventlog::Position;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::settings::{Log, LogFormat};

/// Starts logging to standard error, for a service.
pub fn log(settings: &Log) -> anyhow::Result<()> {
    start(settings, &settings.filter)
}

/// Starts logging to standard error, for a tool: it says what it does by its output, so that only what goes wrong is
/// logged, unless someone has asked for more.
pub fn log_as_tool(settings: &Log) -> anyhow::Result<()> {
    let asked = settings.filter != DEFAULT_FILTER;
    start(settings, if asked { &settings.filter } else { "warn" })
}

const DEFAULT_FILTER: &str = "info";

fn start(settings: &Log, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter).context("FF_LOG_FILTER")?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    match settings.format {
        LogFormat::Text => registry.with(lines.with_ansi(false)).try_init()?,
        LogFormat::Json => registry.with(lines.json()).try_init()?,
    }
    Ok(())
}

/// Starts collecting metrics; the handle renders them.
pub fn metrics() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().context("metrics are collected already")
}

/// Writes why a command failed, cause by cause.
#[allow(clippy::print_stderr, reason = "a command line tool speaks to its terminal")]
pub fn complain(error: &anyhow::Error) {
    eprintln!("ff: {error:#}");
}

/// How far a command has come, twice a second, for eyes: it must not stand in what a script reads.
pub struct Progress {
    shown: Instant,
}

impl Progress {
    /// Begins now; what is quick shows nothing.
    pub fn begin() -> Self {
        Self { shown: Instant::now() }
    }

    /// Shows how much of `all` is `done`, if it is time to.
    pub fn show(&mut self, what: impl Display, done: Position, all: Position) {
        if self.shown.elapsed() < Duration::from_millis(500) {
            return;
        }
        self.shown = Instant::now();
        let share = done.sequence() as f64 / all.sequence().max(1) as f64;
        let _ = writeln!(io::stderr(), "{what}, {:.0} %", 100.0 * share.min(1.0));
    }
}

/// Writes a line of a command's answer.
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => {{
        use std::io::Write as _;
        // Whoever reads may have gone away (`ff ps | head -1`), which is no failure of ours.
        let _ = writeln!(std::io::stdout(), $($arg)*);
    }};
}
