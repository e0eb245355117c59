//! PostgreSQL 18.

mod cluster;

use std::{fmt, fs, path::PathBuf, time::Duration};

use nix::sys::signal::Signal;

use crate::{
    DatabaseOptions, ProcessSpec, Readiness, Server, StackError, artifacts::Artifact, ports,
    process::Privileges,
};

/// How to run a PostgreSQL server.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// The port on the loopback address.
    pub port: u16,
    /// Where its data lies; made on the first start.
    pub directory: PathBuf,
    /// Where its output goes.
    pub log: PathBuf,
    /// The superuser, which is the only user.
    pub user: String,
    /// Who may log in.
    pub authentication: Authentication,
    /// The database that is made on the first start.
    pub database: String,
    /// What a crash of the machine may take.
    pub durability: Durability,
}

/// Who may log in over TCP, which is the only way.
#[derive(Clone, PartialEq, Eq)]
pub enum Authentication {
    /// Who knows this password, checked with SCRAM-SHA-256. It is set on the first start.
    Password(String),
    /// Everyone on this machine. For tests.
    Trust,
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password(…)",
            Self::Trust => "Trust",
        })
    }
}

/// What a crash of the machine may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    Full,
    /// Everything. For tests, which are faster by it; a crash of the server alone loses nothing.
    None,
}

/// A running PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    options: PostgresOptions,
    server: Server,
}

impl PostgresOptions {
    /// A durable server with a password, whose user and database have the given name.
    pub fn new(
        port: u16,
        directory: impl Into<PathBuf>,
        log: impl Into<PathBuf>,
        name: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        let name = name.into();
        Self {
            port,
            directory: directory.into(),
            log: log.into(),
            user: name.clone(),
            authentication: Authentication::Password(password.into()),
            database: name,
            durability: Durability::Full,
        }
    }

    /// Starts the server and waits until it lets users in.
    ///
    /// # Errors
    /// When the program cannot be had, the data cannot be made or read, or the server does not
    /// come up.
    pub async fn start(self) -> Result<Postgres, StackError> {
        let spec = self.prepare().await?;
        Ok(Postgres { server: Server::start(spec).await?, options: self })
    }

    /// Fetches the program, makes the data directory on the first call, and says how to run it.
    ///
    /// # Errors
    /// When the program cannot be had, or the data cannot be made or read.
    pub async fn prepare(&self) -> Result<ProcessSpec, StackError> {
        let artifact = Artifact::postgres();
        let program = artifact.ensure().await.map_err(StackError::artifact("postgres"))?;
        fs::create_dir_all(&self.directory)
            .map_err(StackError::io("create the directory", &self.directory))?;
        let directory = fs::canonicalize(&self.directory)
            .map_err(StackError::io("find the directory", &self.directory))?;
        let privileges = Privileges::unprivileged();
        let data = cluster::ensure(self, &program, &directory, privileges).await?;
        let mut args = vec!["-D".to_owned(), data.to_string_lossy().into_owned()];
        for (name, value) in self.settings() {
            args.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        let address = ports::loopback(self.port);
        let mut spec = ProcessSpec::new("postgres", program, &self.log)
            .args(args)
            .readiness(Readiness::Postgres(address, self.user.clone()));
        spec.privileges = privileges;
        // "Fast": sessions are cut off, and a checkpoint is written.
        spec.stop_signal = Signal::SIGINT;
        // "Immediate": gone at once with all its children, and recovers on the next start.
        spec.death_signal = Signal::SIGQUIT;
        spec.exclusive_directory = Some(data);
        // Recovery after a crash may take a while.
        spec.patience = Duration::from_secs(120);
        Ok(spec)
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("port", self.port.to_string()),
            ("unix_socket_directories", String::new()),
            ("max_connections", "200".to_owned()),
            ("shared_buffers", "64MB".to_owned()),
            ("timezone", "UTC".to_owned()),
            ("log_timezone", "UTC".to_owned()),
            ("log_checkpoints", "off".to_owned()),
        ];
        if self.durability == Durability::None {
            // `synchronous_commit` stays on: without it a crash of the server alone takes the last
            // commits along, and with no fsync it costs no more than a write to the page cache.
            for name in ["fsync", "full_page_writes"] {
                settings.push((name, "off".to_owned()));
            }
        }
        settings
    }
}

impl Postgres {
    /// The address of a database for clients, with the login. It may hold a password: do not log it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        let PostgresOptions { port, user, authentication, .. } = &self.options;
        let password = match authentication {
            Authentication::Trust => String::new(),
            Authentication::Password(password) => password.clone(),
        };
        let (host, name, user) = ("127.0.0.1".to_owned(), database.to_owned(), user.clone());
        DatabaseOptions { host, port: *port, name, user, password }.url()
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.options.port
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
