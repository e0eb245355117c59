//! The control plane as a service: opens what it needs, listens, and stops when it is told to.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use ff_auth::{PasswordService, TokenKey, TokenKeyError, TokenKeys, TokenService};
use ff_commands::{Executor, ExecutorOptions};
use ff_eventlog::{JetStreamLog, LogError};
use ff_projections::Queries;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sqlx::postgres::PgPoolOptions;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::identity::Users;
use crate::{App, ControlOptions, Doorkeeper, Parts, router};

/// The control plane, listening.
#[derive(Debug)]
pub struct Control {
    listener: TcpListener,
    address: SocketAddr,
    app: App,
}

/// The control plane could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The secret is too short.
    #[error("FF_AUTH_JWT_SECRET: {0}")]
    Secret(#[from] TokenKeyError),
    /// The event log cannot be opened.
    #[error("the control plane cannot open the event log")]
    Log(#[source] LogError),
    /// The address is taken or not ours.
    #[error("the control plane cannot listen on {address}: stop what does, or choose another")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The listener failed.
    #[error("the control plane cannot go on listening")]
    Serve(#[source] std::io::Error),
}

impl ControlError {
    /// Names this kind of error for good.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Secret(_) => "FF-1020",
            Self::Log(_) => "FF-1021",
            Self::Listen { .. } => "FF-1022",
            Self::Serve(_) => "FF-1023",
        }
    }
}

/// How long a request waits for a connection to Postgres before it is told that there is none.
const ACQUIRE: Duration = Duration::from_secs(2);

const UPKEEP: Duration = Duration::from_secs(5);

impl Control {
    /// Opens and serves until `shutdown`; requests that are being answered by then are finished.
    ///
    /// # Errors
    /// [`ControlError`] when it cannot start.
    pub async fn run(
        options: ControlOptions,
        shutdown: CancellationToken,
    ) -> Result<(), ControlError> {
        Self::open(options).await?.serve(shutdown).await
    }

    /// Opens the log and the port. Postgres need not be up.
    ///
    /// # Errors
    /// [`ControlError`] when the log or the port cannot be had.
    pub async fn open(options: ControlOptions) -> Result<Self, ControlError> {
        let secret = TokenKey::secret(&options.jwt_secret)?;
        let keys = options.token_keys.unwrap_or_else(|| TokenKeys::new(secret));
        let tokens = Arc::new(TokenService::new(keys));
        let log = JetStreamLog::connect(options.log).await.map_err(ControlError::Log)?;
        let pool = PgPoolOptions::new()
            .max_connections(options.connections.get())
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(options.database);
        // One check takes a core for a quarter of a second: half of the cores stay for others.
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let checks = NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN);
        let passwords = PasswordService::new(options.password_cost, checks);
        let address = options.listen;
        let listen = |source| ControlError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let commands = Executor::new(log.clone(), ExecutorOptions::default());
        let app = App::new(Parts {
            doorkeeper: Doorkeeper::new(commands.clone(), tokens.clone()),
            commands,
            log,
            queries: Queries::new(pool.clone()),
            users: Users::new(pool.clone(), passwords),
            pool,
            tokens,
            secret: options.jwt_secret,
            cors_origins: options.cors_origins,
            quota: options.quota,
            sign_ins: options.sign_ins,
            metrics: options.metrics.unwrap_or_else(recorder),
        });
        Ok(Self { listener, address, app })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The people of its database.
    #[must_use]
    pub fn users(&self) -> Users {
        self.app.users.clone()
    }

    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// [`ControlError::Serve`] when the listener fails.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), ControlError> {
        tracing::info!(address = %self.address, "the control plane is listening");
        let upkeep = tokio::spawn(upkeep(self.app.metrics.clone()));
        let served = axum::serve(self.listener, router(self.app))
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await;
        upkeep.abort();
        served.map_err(ControlError::Serve)
    }
}

/// Folds what was measured into the histograms, which would grow without it when nobody asks for them.
async fn upkeep(metrics: PrometheusHandle) {
    let mut often = tokio::time::interval(UPKEEP);
    loop {
        often.tick().await;
        metrics.run_upkeep();
    }
}

/// The process's recorder; if it has one of another kind already, `/metrics` stays empty.
fn recorder() -> PrometheusHandle {
    PrometheusBuilder::new()
        .install_recorder()
        .unwrap_or_else(|_| PrometheusBuilder::new().build_recorder().handle())
}
