//! What to run, how to see that it is up, and what to do when it is not.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use nix::sys::signal::Signal;

use crate::{
    Readiness, StackError,
    process::{Launch, Privileges, Process},
};

/// A long-running process: one of the servers, or one of the platform's own services.
#[derive(Debug, Clone)]
pub struct ProcessSpec {
    /// What people and files call it; unique under one supervisor.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Environment variables added to ours.
    pub env: Vec<(OsString, OsString)>,
    /// The file its output and errors are appended to.
    pub log: PathBuf,
    /// How to see that it is up.
    pub readiness: Readiness,
    /// How long it may take to get there.
    pub patience: Duration,
    /// What the supervisor does when it ends.
    pub restart: RestartPolicy,
    /// The signal that makes it end cleanly.
    pub stop_signal: Signal,
    /// The signal it gets when we are gone.
    pub death_signal: Signal,
    /// What it gives up before it runs.
    pub privileges: Privileges,
    /// A directory that no other process may have as its working directory when it starts.
    /// PostgreSQL's backends outlive a killed server for a moment, and share its memory and files.
    pub exclusive_directory: Option<PathBuf>,
}

/// What the supervisor does when a process ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Starts it again, after a pause that grows while it keeps failing.
    Always,
    /// Leaves it.
    Never,
}

/// How long a process may take to stop before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

impl ProcessSpec {
    /// A program that is restarted when it ends, is up as soon as it runs and stops on SIGTERM.
    pub fn new(
        name: impl Into<String>,
        program: impl Into<PathBuf>,
        log: impl Into<PathBuf>,
    ) -> Self {
        Self {
            name: name.into(),
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            log: log.into(),
            readiness: Readiness::Running,
            patience: Duration::from_secs(60),
            restart: RestartPolicy::Always,
            stop_signal: Signal::SIGTERM,
            death_signal: Signal::SIGTERM,
            privileges: Privileges::Keep,
            exclusive_directory: None,
        }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Sets how to see that it is up.
    #[must_use]
    pub fn readiness(mut self, readiness: Readiness) -> Self {
        self.readiness = readiness;
        self
    }

    /// Starts it and returns at once.
    pub(crate) async fn spawn(&self) -> Result<Process, StackError> {
        if let Some(directory) = &self.exclusive_directory
            && let Some(pid) = crate::proc::wait_until_left(directory, self.patience).await
        {
            return Err(StackError::Orphan { name: self.name.clone(), pid });
        }
        let launch = Launch::new(&self.program)
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .privileges(self.privileges)
            .death_signal(self.death_signal)
            .log(&self.log)
            .map_err(StackError::io("open the log", &self.log))?;
        Process::spawn(launch).map_err(|source| StackError::Spawn {
            name: self.name.clone(),
            program: self.program.clone(),
            source,
        })
    }

    /// Stops a process started from this.
    pub(crate) async fn stop(&self, process: &Process) {
        process.stop(self.stop_signal, STOP_PATIENCE).await;
    }

    /// Waits until a process started from this is up.
    pub(crate) async fn ready(&self, process: &Process) -> Result<(), StackError> {
        const PAUSE: Duration = Duration::from_millis(15);
        if matches!(self.readiness, Readiness::Running) {
            // It did run: what comes of it, even at once, is a matter of its restart policy.
            return Ok(());
        }
        let up = async {
            while !self.readiness.check().await {
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            status = process.wait() => Err(StackError::EndedEarly {
                name: self.name.clone(),
                status,
                last_words: crate::server::last_words(&self.log),
                log: self.log.clone(),
            }),
            result = tokio::time::timeout(self.patience, up) => {
                result.map_err(|_| StackError::NotReady {
                    name: self.name.clone(),
                    patience: self.patience,
                    log: self.log.clone(),
                })
            }
        }
    }
}
