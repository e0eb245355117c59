//! The life of one process under a supervisor.

use std::{sync::Arc, time::Instant};

use tokio::sync::watch;

use super::{Inner, State, backoff::Backoff, pidfile};
use crate::{ProcessSpec, RestartPolicy, StackError, process::Process};

/// Looks after a process that is up until told to stop it.
pub(super) async fn watch(
    inner: Arc<Inner>,
    spec: ProcessSpec,
    process: Process,
    mut stop: watch::Receiver<bool>,
) {
    let mut backoff = Backoff::default();
    let mut running = Some((process, Instant::now()));
    loop {
        if let Some((process, since)) = running.take() {
            let status = tokio::select! {
                status = process.wait() => status,
                () = told(&mut stop) => {
                    spec.stop(&process).await;
                    break;
                }
            };
            tracing::warn!(
                name = spec.name,
                %status,
                last_words = crate::server::last_words(&spec.log),
                "a process ended by itself"
            );
            backoff.lived(since.elapsed());
        }
        if spec.restart == RestartPolicy::Never {
            pidfile::remove(&inner.run_directory, &spec.name);
            inner.board.set(&spec.name, State::Ended, None);
            return;
        }
        inner.board.set(&spec.name, State::Waiting, None);
        tokio::select! {
            () = tokio::time::sleep(backoff.pause()) => {}
            () = told(&mut stop) => break,
        }
        inner.board.restarted(&spec.name);
        tokio::select! {
            result = restart(&inner, &spec) => match result {
                Ok(process) => running = Some((process, Instant::now())),
                Err(error) => tracing::warn!(name = spec.name, %error, "could not restart a process"),
            },
            // What it had started is killed when it is dropped.
            () = told(&mut stop) => break,
        }
    }
    pidfile::remove(&inner.run_directory, &spec.name);
    inner.board.set(&spec.name, State::Stopped, None);
}

async fn restart(inner: &Inner, spec: &ProcessSpec) -> Result<Process, StackError> {
    let process = spec.spawn().await?;
    pidfile::write(&inner.run_directory, &spec.name, process.pid())?;
    let pid = Some(process.pid().as_raw());
    inner.board.set(&spec.name, State::Starting, pid);
    spec.ready(&process).await?;
    inner.board.set(&spec.name, State::Running, pid);
    Ok(process)
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // A supervisor that is gone wants everything stopped too.
    let _ = stop.wait_for(|stop| *stop).await;
}
