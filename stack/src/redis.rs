//! Valkey, which speaks the protocol of Redis: what replicas share to count requests together.
//!
//! It keeps nothing on disk. A rate limit that is forgotten is a full quota again, which is less harm than a file with
//! what everybody did, or a start that waits for one to be read.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::{
    ProcessSpec, Readiness, Server, StackError, artifacts::Artifact, files::write_private, ports,
};

/// How much memory it takes; then whoever is soonest forgotten anyway goes first.
const MAX_MEMORY: &str = "256mb";

/// How to run a server.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// The port on the loopback address.
    pub port: u16,
    /// Where its configuration lies; made if missing.
    pub directory: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
}

/// A running server.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    server: Server,
}

impl RedisOptions {
    /// A server that is open to everyone on this machine.
    pub fn new(port: u16, directory: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self { port, directory: directory.into(), log: log.into() }
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Errors
    /// When the program cannot be had, the port is taken, or the server does not come up.
    pub async fn start(&self) -> Result<Redis, StackError> {
        let spec = self.prepare().await?;
        Ok(Redis { port: self.port, server: Server::start(spec).await? })
    }

    /// Fetches the program, writes the configuration and says how to run it.
    ///
    /// # Errors
    /// When the program cannot be had or the configuration cannot be written.
    pub async fn prepare(&self) -> Result<ProcessSpec, StackError> {
        let artifact = Artifact::valkey();
        let program = artifact.ensure().await.map_err(StackError::artifact("redis"))?;
        fs::create_dir_all(&self.directory)
            .map_err(StackError::io("create the directory", &self.directory))?;
        let directory = fs::canonicalize(&self.directory)
            .map_err(StackError::io("find the directory", &self.directory))?;
        let configuration = directory.join("redis.conf");
        write_private(&configuration, &self.configuration(&directory))?;
        Ok(ProcessSpec::new("redis", program, &self.log)
            .args([configuration])
            .readiness(Readiness::Redis(ports::loopback(self.port))))
    }

    fn configuration(&self, directory: &std::path::Path) -> String {
        format!(
            "bind 127.0.0.1\n\
             port {}\n\
             dir {}\n\
             save \"\"\n\
             appendonly no\n\
             maxmemory {MAX_MEMORY}\n\
             maxmemory-policy volatile-ttl\n",
            self.port,
            // Quoted as JSON quotes.
            Value::from(directory.to_string_lossy()),
        )
    }
}

impl Redis {
    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process, to stop, kill, freeze and restart it.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Stops it cleanly.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
