//! A server that runs without a supervisor: for tests, which stop, kill and restart it themselves.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use nix::{sys::signal::Signal, unistd::Pid};

use crate::{ProcessSpec, StackError, process::Process};

/// A started server. It is killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    spec: ProcessSpec,
    process: Process,
}

impl Server {
    /// Starts a server and waits until it is up.
    ///
    /// # Errors
    /// When it cannot be started, ends, or does not get ready in time.
    pub async fn start(spec: ProcessSpec) -> Result<Self, StackError> {
        let process = spec.spawn().await?;
        spec.ready(&process).await?;
        Ok(Self { spec, process })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// Stops it cleanly.
    pub async fn stop(&self) {
        self.spec.stop(&self.process).await;
    }

    /// Kills it, as a crash would.
    pub async fn kill(&self) {
        self.process.signal(Signal::SIGKILL);
        self.process.wait().await;
    }

    /// Freezes it, as a machine that hangs would: connections stay open, and nothing is answered.
    pub fn pause(&self) {
        self.process.signal(Signal::SIGSTOP);
    }

    /// Lets it go on after [`Server::pause`].
    pub fn resume(&self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Starts it again after it was stopped or killed, on the same port and the same data.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn restart(&mut self) -> Result<(), StackError> {
        self.stop().await;
        *self = Self::start(self.spec.clone()).await?;
        Ok(())
    }
}

/// The last lines of a log, to say why a process ended.
pub(crate) fn last_words(log: &Path) -> String {
    const LENGTH: i64 = 2000;
    const LINES: usize = 5;
    let read = || -> std::io::Result<String> {
        let mut file = File::open(log)?;
        let end = file.seek(SeekFrom::End(0))?;
        if end > LENGTH.unsigned_abs() {
            file.seek(SeekFrom::End(-LENGTH))?;
        } else {
            file.rewind()?;
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return "it said nothing".to_owned();
    }
    lines[lines.len().saturating_sub(LINES)..].join(" | ")
}
