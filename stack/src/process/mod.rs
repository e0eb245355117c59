//! A child process that does not outlive us.
//!
//! Children are started from one thread that lives as long as this process, because the kernel's
//! parent-death signal fires when the *thread* that forked ends, and a runtime's worker may. The
//! signal reaches a child however we end, `kill -9` included. Waiting does not depend on an async
//! runtime either: tests share a server between runtimes that come and go.

mod launch;
mod privileges;
mod unix;

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::{Child, ExitStatus},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    sys::{
        signal::{self, Signal},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};
use tokio::sync::watch;

pub use launch::Launch;
pub use privileges::Privileges;

/// A running, or ended, child process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    /// Taken once the process has been reaped: a signal sent under this lock cannot hit a stranger
    /// that got the same number.
    child: Arc<Mutex<Option<Child>>>,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts a process.
    ///
    /// # Errors
    /// When the system cannot start it, for instance because the program does not exist.
    pub fn spawn(launch: Launch) -> io::Result<Self> {
        let child = unix::on_spawning_thread(move || launch.into_command().spawn())?;
        let raw = i32::try_from(child.id()).expect("a process id is a positive i32 on linux");
        let pid = Pid::from_raw(raw);
        let child = Arc::new(Mutex::new(Some(child)));
        let (sender, exit) = watch::channel(None);
        let reaped = Arc::clone(&child);
        thread::Builder::new()
            .name(format!("wait-{pid}"))
            .stack_size(128 * 1024)
            .spawn(move || sender.send_replace(Some(reap(pid, &reaped))))?;
        Ok(Self { pid, child, exit })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// How it ended, or `None` while it runs.
    #[must_use]
    pub fn exited(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Sends a signal; does nothing when the process has ended.
    pub fn signal(&self, signal: Signal) {
        if self.child.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            // It cannot have been reaped under the lock, and is ours to signal.
            let _ = signal::kill(self.pid, signal);
        }
    }

    /// Waits until it has ended.
    pub async fn wait(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        let ended = exit.wait_for(Option::is_some).await;
        ended.ok().and_then(|status| *status).expect("the waiting thread reports before it ends")
    }

    /// Asks it to end, and kills it when it has not done so in time.
    pub async fn stop(&self, ask: Signal, patience: Duration) -> ExitStatus {
        self.signal(ask);
        if let Ok(status) = tokio::time::timeout(patience, self.wait()).await {
            return status;
        }
        tracing::warn!(pid = self.pid.as_raw(), "a process did not stop in time and is killed");
        self.signal(Signal::SIGKILL);
        self.wait().await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
    }
}

/// Blocks until a process ends, then reaps it under its lock.
fn reap(pid: Pid, child: &Mutex<Option<Child>>) -> ExitStatus {
    while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)
        == Err(nix::errno::Errno::EINTR)
    {}
    let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
    let status = child.as_mut().and_then(|child| child.wait().ok());
    *child = None;
    // Somebody else reaped it, which only happens when SIGCHLD is ignored: how it ended is lost.
    status.unwrap_or_else(|| ExitStatus::from_raw(0))
}
