//! Which process a name belongs to, across lives of the supervisor.
//!
//! A file holds the process's id and when it began. The id alone would not do: it is used again.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::unistd::Pid;

use crate::{StackError, proc};

/// How long a process from an earlier start may take to go. It was told to when its supervisor died.
const PATIENCE: Duration = Duration::from_secs(15);

/// Notes that a process has the name.
pub(super) fn write(directory: &Path, name: &str, pid: Pid) -> Result<(), StackError> {
    let path = path(directory, name);
    let began = proc::start_time(pid.as_raw()).unwrap_or_default();
    fs::write(&path, format!("{pid} {began}\n")).map_err(StackError::io("write", &path))
}

/// Forgets the process of a name.
pub(super) fn remove(directory: &Path, name: &str) {
    // A file that stays is found stale at the next start.
    let _ = fs::remove_file(path(directory, name));
}

/// Makes sure that no process from an earlier start has the name, waiting for one that is ending.
pub(super) async fn claim(directory: &Path, name: &str) -> Result<(), StackError> {
    let path = path(directory, name);
    let Ok(content) = fs::read_to_string(&path) else { return Ok(()) };
    let mut numbers = content.split_whitespace();
    let pid = numbers.next().and_then(|pid| pid.parse::<i32>().ok());
    let began = numbers.next().and_then(|began| began.parse::<u64>().ok());
    if let Some(pid) = pid {
        let started = Instant::now();
        while began.is_some() && proc::start_time(pid) == began {
            if started.elapsed() > PATIENCE {
                return Err(StackError::Orphan { name: name.to_owned(), pid });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        match proc::program(pid) {
            Some(program) => {
                tracing::info!(
                    name,
                    pid,
                    program,
                    "stale pid file: another program has the pid now"
                );
            }
            None => tracing::info!(name, pid, "stale pid file: the process is gone"),
        }
    }
    fs::remove_file(&path).map_err(StackError::io("remove", &path))
}

fn path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("{name}.pid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stale_file_is_cleared_away() {
        let directory = tempfile::tempdir().unwrap();
        let own = std::process::id();
        for content in ["2147483647 5\n", &format!("{own} 5\n"), "", "nonsense"] {
            fs::write(path(directory.path(), "nats"), content).unwrap();
            claim(directory.path(), "nats").await.unwrap();
            assert!(!path(directory.path(), "nats").exists(), "{content:?}");
        }
    }

    #[tokio::test]
    async fn a_process_that_is_ending_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        write(directory.path(), "nats", pid).unwrap();
        let end = async {
            tokio::task::yield_now().await;
            child.kill().unwrap();
            child.wait().unwrap();
        };
        let (claimed, ()) = tokio::join!(claim(directory.path(), "nats"), end);
        claimed.unwrap();
    }
}
