//! One supervisor per directory, and how another command finds it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::StackError;

/// Being the supervisor. The kernel takes it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(directory: &Path) -> Result<Self, StackError> {
        let path = file(directory);
        let mut file = open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = pid_in(&mut file).unwrap_or_default();
                return Err(StackError::AlreadyRunning { directory: directory.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(StackError::io("lock", &path)(error)),
        }
        let mut write = || {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write().map_err(StackError::io("write", &path))?;
        Ok(Self { _file: file })
    }
}

/// The supervisor that works in a directory, or `None` when none does.
///
/// # Errors
/// When the directory cannot be read.
pub fn running(directory: &Path) -> Result<Option<i32>, StackError> {
    let path = file(directory);
    if !path.exists() {
        return Ok(None);
    }
    let mut file = open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(pid_in(&mut file)),
        Err(TryLockError::Error(error)) => Err(StackError::io("lock", &path)(error)),
    }
}

/// Has the supervisor that works in a directory stop everything, and waits until it is gone. Returns
/// whether there was one.
///
/// # Errors
/// When it does not stop in time.
pub async fn stop_running(directory: &Path, patience: Duration) -> Result<bool, StackError> {
    let Some(pid) = running(directory)? else { return Ok(false) };
    // It may end in this moment, which is what is wanted.
    let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    let started = Instant::now();
    while running(directory)? == Some(pid) {
        if started.elapsed() > patience {
            return Err(StackError::DoesNotStop { pid, patience });
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(true)
}

pub(super) fn run_directory(directory: &Path) -> PathBuf {
    directory.join("run")
}

fn file(directory: &Path) -> PathBuf {
    run_directory(directory).join("supervisor.pid")
}

fn open(path: &Path) -> Result<File, StackError> {
    let mut options = OpenOptions::new();
    let opened = options.create(true).truncate(false).read(true).write(true).open(path);
    opened.map_err(StackError::io("open", path))
}

fn pid_in(file: &mut File) -> Option<i32> {
    let mut content = String::new();
    file.read_to_string(&mut content).ok()?;
    content.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn one_supervisor_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(run_directory(directory.path())).unwrap();
        assert_eq!(running(directory.path()).unwrap(), None);
        let lock = Lock::take(directory.path()).unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(running(directory.path()).unwrap(), Some(own));
        let error = Lock::take(directory.path()).unwrap_err();
        assert!(error.to_string().ends_with(&format!("`kill {own}`")), "{error}");
        drop(lock);
        assert_eq!(running(directory.path()).unwrap(), None);
        Lock::take(directory.path()).unwrap();
    }
}
