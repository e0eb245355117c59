//! What runs, for people and for other commands.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::lock;
use crate::StackError;

/// The file's name in the run directory.
pub(super) const FILE: &str = "status.json";

/// A supervisor and its processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupervisorStatus {
    /// The supervisor's process.
    pub supervisor: i32,
    /// Its processes, in the order of starting.
    pub processes: Vec<ProcessStatus>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// Its name.
    pub name: String,
    /// Its process id while it runs.
    pub pid: Option<i32>,
    /// What it does.
    pub state: State,
    /// How often it was started again.
    pub restarts: u32,
    /// When it began to do that.
    pub since: Timestamp,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It was started and is not up yet.
    Starting,
    /// It is up.
    Running,
    /// It ended by itself, and is started again after a pause.
    Waiting,
    /// It ended by itself, and that was that.
    Ended,
    /// It was stopped.
    Stopped,
}

impl SupervisorStatus {
    /// What runs in a directory, or `None` when no supervisor works there.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn read(directory: &Path) -> Result<Option<Self>, StackError> {
        if lock::running(directory)?.is_none() {
            return Ok(None);
        }
        let path = lock::run_directory(directory).join(FILE);
        let content = fs::read(&path).map_err(StackError::io("read", &path))?;
        let status = serde_json::from_slice(&content);
        status.map(Some).map_err(|error| StackError::io("read", path)(error.into()))
    }
}

/// The status as it is now, kept equal in memory and on disk.
#[derive(Debug)]
pub(super) struct Board {
    path: PathBuf,
    processes: Mutex<Vec<ProcessStatus>>,
}

impl Board {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, processes: Mutex::default() }
    }

    pub(super) fn processes(&self) -> Vec<ProcessStatus> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a process that is about to start; `false` when one of that name is there.
    pub(super) fn enter(&self, name: &str) -> bool {
        self.change(|processes| {
            if processes.iter().any(|process| process.name == name) {
                return false;
            }
            processes.push(ProcessStatus {
                name: name.to_owned(),
                pid: None,
                state: State::Starting,
                restarts: 0,
                since: Timestamp::now(),
            });
            true
        })
    }

    pub(super) fn set(&self, name: &str, state: State, pid: Option<i32>) {
        self.change(|processes| {
            for process in processes.iter_mut().filter(|process| process.name == name) {
                (process.state, process.pid, process.since) = (state, pid, Timestamp::now());
            }
        });
    }

    pub(super) fn restarted(&self, name: &str) {
        self.change(|processes| {
            for process in processes.iter_mut().filter(|process| process.name == name) {
                process.restarts += 1;
            }
        });
    }

    pub(super) fn remove(&self, name: &str) {
        self.change(|processes| processes.retain(|process| process.name != name));
    }

    /// Writes the file for the first time.
    pub(super) fn publish(&self) {
        self.change(|_| ());
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<ProcessStatus>) -> T) -> T {
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut processes);
        if let Err(error) = self.write(&processes) {
            // Processes matter more than the report on them.
            tracing::warn!(%error, path = %self.path.display(), "could not write the status");
        }
        result
    }

    fn write(&self, processes: &[ProcessStatus]) -> std::io::Result<()> {
        let supervisor = i32::try_from(std::process::id()).unwrap_or_default();
        let status = SupervisorStatus { supervisor, processes: processes.to_vec() };
        let temporary = self.path.with_extension("json.new");
        fs::write(&temporary, serde_json::to_vec_pretty(&status)?)?;
        fs::rename(&temporary, &self.path)
    }
}
