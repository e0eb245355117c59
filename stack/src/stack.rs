//! The servers the platform needs, where they are to come from, and their addresses.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
};

use crate::{
    ProcessSpec, StackError, Supervisor,
    chdb::ChdbOptions,
    files,
    nats::NatsOptions,
    postgres::{Authentication, Durability, PostgresOptions},
    redis::RedisOptions,
};

/// The servers of one directory.
#[derive(Debug, Clone)]
pub struct Stack {
    directory: PathBuf,
    options: StackOptions,
}

/// Where each server comes from.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// The message broker.
    pub nats: NatsSource,
    /// The database.
    pub postgres: PostgresSource,
    /// The analytics database.
    pub clickhouse: ClickHouseSource,
    /// The server of shared rate limits.
    pub redis: RedisSource,
}

/// Where the message broker comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NatsSource {
    /// Started here, on this port of the loopback address.
    Managed {
        /// The port.
        port: u16,
    },
    /// It runs already.
    External {
        /// Its address.
        url: String,
    },
}

/// Where the database comes from.
#[derive(Debug, Clone)]
pub enum PostgresSource {
    /// Started here, on this port of the loopback address.
    Managed {
        /// The port.
        port: u16,
        /// The database, made on the first start.
        name: String,
        /// The user, made on the first start.
        user: String,
        /// The user's password, or none to have one made up and kept.
        password: Option<String>,
    },
    /// It runs already.
    External(DatabaseOptions),
}

/// Where the analytics database comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClickHouseSource {
    /// Started here, on this port of the loopback address.
    Managed {
        /// The port.
        port: u16,
        /// The `ff-chdb` program, or none for the one beside the program that asks.
        program: Option<PathBuf>,
    },
    /// It runs already.
    External {
        /// Its address.
        url: String,
    },
}

/// Where the server of shared rate limits comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisSource {
    /// There is none: every replica counts alone.
    Absent,
    /// Started here, on this port of the loopback address.
    Managed {
        /// The port.
        port: u16,
    },
    /// It runs already.
    External {
        /// The server's host.
        host: String,
        /// The server's port.
        port: u16,
    },
}

/// How to reach the database.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// The server's host.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The database.
    pub name: String,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: String,
}

/// Servers that are up.
#[derive(Debug)]
pub struct RunningStack {
    /// The address of the message broker.
    pub nats_url: String,
    /// How to reach the database.
    pub database: DatabaseOptions,
    /// The address of the analytics database.
    pub clickhouse_url: String,
    /// Host and port of the server of shared rate limits, if there is one.
    pub redis: Option<(String, u16)>,
    supervisor: Supervisor,
}

impl Default for StackOptions {
    fn default() -> Self {
        let (name, user) = ("feature_flags".to_owned(), "feature_flags".to_owned());
        Self {
            nats: NatsSource::Managed { port: 4222 },
            postgres: PostgresSource::Managed { port: 5432, name, user, password: None },
            clickhouse: ClickHouseSource::Managed { port: 8123, program: None },
            redis: RedisSource::Absent,
        }
    }
}

impl Stack {
    /// The servers whose data, logs and state lie in this directory.
    pub fn new(directory: &Path, options: StackOptions) -> Self {
        Self { directory: directory.to_owned(), options }
    }

    /// Starts the servers that are to be started here, and returns when all are up.
    ///
    /// # Errors
    /// When one of them cannot be started; the others are stopped again.
    pub async fn start(&self) -> Result<RunningStack, StackError> {
        fs::create_dir_all(&self.directory)
            .map_err(StackError::io("create the directory", &self.directory))?;
        let directory = fs::canonicalize(&self.directory)
            .map_err(StackError::io("find the directory", &self.directory))?;
        let logs = directory.join("log");
        fs::create_dir_all(&logs).map_err(StackError::io("create the directory", &logs))?;
        let supervisor = Supervisor::new(&directory)?;

        let (
            (nats_url, nats),
            (database, postgres),
            (clickhouse_url, clickhouse),
            (redis_address, redis),
        ) = tokio::try_join!(
            self.nats(&directory),
            self.postgres(&directory),
            self.clickhouse(&directory),
            self.redis(&directory)
        )?;
        let start = async |spec: Option<ProcessSpec>| match spec {
            Some(spec) => supervisor.spawn(spec).await,
            None => Ok(()),
        };
        let started =
            tokio::try_join!(start(nats), start(postgres), start(clickhouse), start(redis));
        if let Err(error) = started {
            supervisor.stop().await;
            return Err(error);
        }
        Ok(RunningStack { nats_url, database, clickhouse_url, redis: redis_address, supervisor })
    }

    async fn nats(&self, directory: &Path) -> Result<(String, Option<ProcessSpec>), StackError> {
        match &self.options.nats {
            NatsSource::External { url } => Ok((url.clone(), None)),
            NatsSource::Managed { port } => {
                let options =
                    NatsOptions::new(*port, data(directory, "nats"), log(directory, "nats"));
                Ok((format!("nats://127.0.0.1:{port}"), Some(options.prepare().await?)))
            }
        }
    }

    async fn postgres(
        &self,
        directory: &Path,
    ) -> Result<(DatabaseOptions, Option<ProcessSpec>), StackError> {
        let (port, name, user, password) = match &self.options.postgres {
            PostgresSource::External(database) => return Ok((database.clone(), None)),
            PostgresSource::Managed { port, name, user, password } => (port, name, user, password),
        };
        let password = match password {
            Some(password) => password.clone(),
            None => files::password(&directory.join("secrets/postgres-password"))?,
        };
        let options = PostgresOptions {
            port: *port,
            directory: data(directory, "postgres"),
            log: log(directory, "postgres"),
            user: user.clone(),
            authentication: Authentication::Password(password.clone()),
            database: name.clone(),
            durability: Durability::Full,
        };
        let database = DatabaseOptions {
            host: "127.0.0.1".to_owned(),
            port: *port,
            name: name.clone(),
            user: user.clone(),
            password,
        };
        Ok((database, Some(options.prepare().await?)))
    }

    async fn clickhouse(
        &self,
        directory: &Path,
    ) -> Result<(String, Option<ProcessSpec>), StackError> {
        match &self.options.clickhouse {
            ClickHouseSource::External { url } => Ok((url.clone(), None)),
            ClickHouseSource::Managed { port, program } => {
                let program = match program {
                    Some(program) => program.clone(),
                    None => env::current_exe()
                        .map_err(StackError::io("find the running program", "/proc/self/exe"))?
                        .with_file_name("ff-chdb"),
                };
                let options = ChdbOptions {
                    port: *port,
                    directory: data(directory, "clickhouse"),
                    log: log(directory, "clickhouse"),
                    program,
                };
                Ok((format!("http://127.0.0.1:{port}"), Some(options.prepare().await?)))
            }
        }
    }

    async fn redis(
        &self,
        directory: &Path,
    ) -> Result<(Option<(String, u16)>, Option<ProcessSpec>), StackError> {
        match &self.options.redis {
            RedisSource::Absent => Ok((None, None)),
            RedisSource::External { host, port } => Ok((Some((host.clone(), *port)), None)),
            RedisSource::Managed { port } => {
                let options =
                    RedisOptions::new(*port, data(directory, "redis"), log(directory, "redis"));
                Ok((Some(("127.0.0.1".to_owned(), *port)), Some(options.prepare().await?)))
            }
        }
    }
}

impl RunningStack {
    /// The supervisor of the servers, to start the platform's own services under.
    #[must_use]
    pub fn supervisor(&self) -> &Supervisor {
        &self.supervisor
    }

    /// Stops everything the supervisor looks after, the last one started first.
    pub async fn stop(self) {
        self.supervisor.stop().await;
    }
}

impl DatabaseOptions {
    /// The address for clients that take one string. It holds the password: do not log it.
    #[must_use]
    pub fn url(&self) -> String {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let Self { host, port, name, user, password } = self;
        let (user, password, name) = (encode(user), encode(password), encode(name));
        format!("postgres://{user}:{password}@{host}:{port}/{name}")
    }
}

impl fmt::Debug for DatabaseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, name, user, .. } = self;
        write!(f, "postgres://{user}:…@{host}:{port}/{name}")
    }
}

fn data(directory: &Path, name: &str) -> PathBuf {
    directory.join("data").join(name)
}

fn log(directory: &Path, name: &str) -> PathBuf {
    directory.join("log").join(format!("{name}.log"))
}
