//! A ClickHouse-compatible HTTP server over chDB, ClickHouse's engine as a library.
//!
//! The platform speaks ClickHouse's HTTP interface and nothing else; on a developer's machine this
//! small server of ours answers it. It is a process of its own, `ff-chdb`, because the engine allows
//! one data directory per process and installs itself as if it owned the process.
//!
//! What it does not do is answered with an error that says so: sessions, roles, compressed bodies.
//! What it does, it does as ClickHouse does, so that a query that works here works on a cluster.

mod engine;
mod ffi;
mod http;
mod multipart;
mod request;

use std::{fs, path::PathBuf, time::Duration};

use nix::sys::signal::Signal;

pub use engine::{Engine, EngineError};
pub use http::serve;

use crate::{ProcessSpec, Readiness, Server, StackError, artifacts::Artifact, ports};

/// How to run the ClickHouse-compatible server.
#[derive(Debug, Clone)]
pub struct ChdbOptions {
    /// The port on the loopback address.
    pub port: u16,
    /// Where its data lies; made if missing.
    pub directory: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
    /// The `ff-chdb` program.
    pub program: PathBuf,
}

/// A running ClickHouse-compatible server.
#[derive(Debug)]
pub struct Chdb {
    port: u16,
    server: Server,
}

impl ChdbOptions {
    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// When the library cannot be had, the port is taken, or the server does not come up.
    pub async fn start(&self) -> Result<Chdb, StackError> {
        let spec = self.prepare().await?;
        Ok(Chdb { port: self.port, server: Server::start(spec).await? })
    }

    /// Fetches the library and says how to run the server.
    ///
    /// # Errors
    /// When the library cannot be had or the data directory cannot be made.
    pub async fn prepare(&self) -> Result<ProcessSpec, StackError> {
        let library =
            Artifact::chdb().ensure().await.map_err(StackError::artifact("clickhouse"))?;
        fs::create_dir_all(&self.directory)
            .map_err(StackError::io("create the directory", &self.directory))?;
        let address = ports::loopback(self.port);
        let mut spec = ProcessSpec::new("clickhouse", &self.program, &self.log)
            .args(["--listen".into(), address.to_string().into()] as [std::ffi::OsString; 2])
            .args(["--lib".into(), library.into_os_string()])
            .args(["--path".into(), self.directory.clone().into_os_string()])
            // Without it a DateTime would be read and written in this machine's own zone.
            .env("TZ", "UTC")
            .readiness(Readiness::Http(address, "/ping".into()));
        spec.death_signal = Signal::SIGKILL;
        spec.patience = Duration::from_secs(120);
        Ok(spec)
    }
}

impl Chdb {
    /// The address clients connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process, to stop, kill and restart it.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Stops it cleanly.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
