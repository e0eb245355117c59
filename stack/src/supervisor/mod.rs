//! Keeps processes running.
//!
//! Processes are started in the order in which they are given, each once the one before it is up, and
//! stopped in the reverse order. One that ends by itself is started again after a pause that doubles
//! while it keeps failing. What runs is written to `run/status.json` at every change, so that another
//! command can tell; a lock in `run/supervisor.pid` lets one supervisor at a time work in a directory.
//!
//! All of it can be killed at any moment. Children are signalled by the kernel when the supervisor
//! dies, locks go with their owner, and pid files say when their process began, which tells a live
//! process from a stranger that got the same number.

mod backoff;
mod lock;
mod pidfile;
mod status;
mod watch;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch as channel,
    task::JoinHandle,
};

pub use lock::{running, stop_running};
pub use status::{ProcessStatus, State, SupervisorStatus};

use crate::{ProcessSpec, StackError, ports};
use status::Board;

/// Starts processes and looks after them. Clones are the same supervisor.
#[derive(Debug, Clone)]
pub struct Supervisor {
    inner: Arc<Inner>,
}

/// Waits until this process is asked to end, by SIGTERM or SIGINT. Whoever runs a supervisor waits for
/// this and then stops it.
///
/// # Errors
/// When the signals cannot be listened to.
pub async fn asked_to_end() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[derive(Debug)]
struct Inner {
    run_directory: PathBuf,
    board: Board,
    watched: Mutex<Vec<Watched>>,
    _lock: lock::Lock,
}

/// A process with the task that looks after it.
#[derive(Debug)]
struct Watched {
    name: String,
    stop: channel::Sender<bool>,
    task: JoinHandle<()>,
}

impl Supervisor {
    /// Becomes the supervisor of a directory.
    ///
    /// # Errors
    /// When another process is it, or the directory cannot be written to.
    pub fn new(directory: &Path) -> Result<Self, StackError> {
        let run_directory = lock::run_directory(directory);
        fs::create_dir_all(&run_directory)
            .map_err(StackError::io("create the directory", &run_directory))?;
        let lock = lock::Lock::take(directory)?;
        let board = Board::new(run_directory.join(status::FILE));
        board.publish();
        let inner = Inner { run_directory, board, watched: Mutex::default(), _lock: lock };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Starts a process, waits until it is up, and looks after it from then on.
    ///
    /// # Errors
    /// When its name or its port is taken, it still runs from an earlier start, or it does not come
    /// up. It is not restarted then.
    pub async fn spawn(&self, spec: ProcessSpec) -> Result<(), StackError> {
        let Inner { run_directory, board, watched, .. } = &*self.inner;
        if !board.enter(&spec.name) {
            return Err(StackError::DuplicateName { name: spec.name });
        }
        let started = self.start(&spec).await;
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                board.remove(&spec.name);
                pidfile::remove(run_directory, &spec.name);
                return Err(error);
            }
        };
        board.set(&spec.name, State::Running, Some(process.pid().as_raw()));
        let name = spec.name.clone();
        let (stop, stopped) = channel::channel(false);
        let task = tokio::spawn(watch::watch(Arc::clone(&self.inner), spec, process, stopped));
        let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.push(Watched { name, stop, task });
        Ok(())
    }

    async fn start(&self, spec: &ProcessSpec) -> Result<crate::process::Process, StackError> {
        let Inner { run_directory, board, .. } = &*self.inner;
        pidfile::claim(run_directory, &spec.name).await?;
        if let Some(port) = spec.readiness.port().filter(|&port| !ports::is_free(port)) {
            let holder = ports::holder(port);
            return Err(StackError::PortInUse { name: spec.name.clone(), port, holder });
        }
        let process = spec.spawn().await?;
        pidfile::write(run_directory, &spec.name, process.pid())?;
        board.set(&spec.name, State::Starting, Some(process.pid().as_raw()));
        spec.ready(&process).await?;
        Ok(process)
    }

    /// What runs, in the order of starting.
    #[must_use]
    pub fn status(&self) -> Vec<ProcessStatus> {
        self.inner.board.processes()
    }

    /// Stops one process; does nothing when there is none of that name.
    pub async fn stop_one(&self, name: &str) {
        let found = {
            let mut watched = self.watched();
            let index = watched.iter().position(|watched| watched.name == name);
            index.map(|index| watched.remove(index))
        };
        if let Some(watched) = found {
            watched.stop().await;
            self.inner.board.remove(name);
        }
    }

    /// Stops every process, the last one first.
    pub async fn stop(&self) {
        loop {
            let last = self.watched().pop();
            match last {
                Some(watched) => watched.stop().await,
                None => return,
            }
        }
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, Vec<Watched>> {
        self.inner.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    async fn stop(self) {
        self.stop.send_replace(true);
        // It only fails when the runtime is going away, which kills the process too.
        let _ = self.task.await;
    }
}
