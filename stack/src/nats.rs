//! nats-server with JetStream.

use std::{fmt::Write, fs, path::PathBuf, time::Duration};

use serde_json::Value;

use crate::{
    ProcessSpec, Readiness, Server, StackError, artifacts::Artifact, files::write_private, ports,
};

/// The largest message the server takes, in bytes: a commit with all its events.
const MAX_PAYLOAD: u32 = 8 * 1024 * 1024;

/// How to run a nats-server.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// The port on the loopback address.
    pub port: u16,
    /// Where its configuration and its streams lie; made if missing.
    pub directory: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
    /// When a message is on disk.
    pub sync: Sync,
    /// The port of its HTTP monitoring, or none.
    pub monitoring_port: Option<u16>,
}

/// When the server brings what it acknowledges to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Before it acknowledges. The only choice for data anybody wants to keep: otherwise power loss
    /// takes acknowledged messages with it.
    Always,
    /// Every two minutes. For tests, which are faster by it.
    Interval,
}

/// A running nats-server.
#[derive(Debug)]
pub struct Nats {
    port: u16,
    server: Server,
}

impl NatsOptions {
    /// A server that loses nothing it has acknowledged, open to everyone on this machine.
    pub fn new(port: u16, directory: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Self {
        Self {
            port,
            directory: directory.into(),
            log: log.into(),
            sync: Sync::Always,
            monitoring_port: None,
        }
    }

    /// Starts the server and waits until JetStream is up.
    ///
    /// # Errors
    /// When the program cannot be had, the port is taken, or the server does not come up.
    pub async fn start(&self) -> Result<Nats, StackError> {
        let spec = self.prepare().await?;
        Ok(Nats { port: self.port, server: Server::start(spec).await? })
    }

    /// Fetches the program, writes the configuration and says how to run it.
    ///
    /// # Errors
    /// When the program cannot be had or the configuration cannot be written.
    pub async fn prepare(&self) -> Result<ProcessSpec, StackError> {
        let artifact = Artifact::nats_server();
        let program = artifact.ensure().await.map_err(StackError::artifact("nats"))?;
        fs::create_dir_all(&self.directory)
            .map_err(StackError::io("create the directory", &self.directory))?;
        let directory = fs::canonicalize(&self.directory)
            .map_err(StackError::io("find the directory", &self.directory))?;
        let configuration = directory.join("nats.conf");
        write_private(&configuration, &self.configuration(&directory.join("store")))?;
        let mut spec = ProcessSpec::new("nats", program, &self.log)
            .args(["-c".into(), configuration.into_os_string()])
            .readiness(Readiness::Nats(ports::loopback(self.port)));
        // Recovering a large store takes a while.
        spec.patience = Duration::from_secs(120);
        Ok(spec)
    }

    fn configuration(&self, store: &std::path::Path) -> String {
        let sync = match self.sync {
            Sync::Always => "always",
            Sync::Interval => "\"2m\"",
        };
        // The configuration language takes strings as JSON writes them.
        let mut text = format!(
            "server_name: ff_local\n\
             listen: \"127.0.0.1:{}\"\n\
             max_payload: {MAX_PAYLOAD}\n\
             jetstream {{\n  store_dir: {}\n  sync_interval: {sync}\n}}\n",
            self.port,
            Value::from(store.to_string_lossy()),
        );
        if let Some(port) = self.monitoring_port {
            let _ = writeln!(text, "http: \"127.0.0.1:{port}\"");
        }
        text
    }
}

impl Nats {
    /// The address clients connect to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_configuration_syncs_before_it_acknowledges() {
        let options = NatsOptions::new(4222, "/data/nats", "/log/nats.log");
        let text = options.configuration("/data/nats/store".as_ref());
        assert!(text.contains("sync_interval: always\n"), "{text}");
        assert!(text.contains("listen: \"127.0.0.1:4222\"\n"), "{text}");
        assert!(!text.contains("http"), "{text}");
    }
}
