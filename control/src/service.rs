//! The control plane as a service: opens what it needs, listens, and stops when it is told to.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use ff_auth::{PasswordService, TokenKey, TokenKeyError, TokenKeys, TokenService};
use ff_commands::{Executor, ExecutorOptions};
use ff_eventlog::{JetStreamLog, LogError};
use ff_front::{Listener, Protocols, ServeOptions};
use ff_identity::oidc::{Outbound, OutboundSetupError, SingleSignOn, WeakSealingKey};
use ff_identity::{People, Revocations};
use ff_projections::Queries;
use ff_security::Service;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::CancellationToken;

use crate::{App, ControlOptions, CsrfKey, Doorkeeper, DoorkeeperParts, Parts, Rights, router};

/// The control plane, listening.
#[derive(Debug)]
pub struct Control {
    listener: Listener,
    serve: ServeOptions,
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
    /// The address is taken or not ours, or the certificate cannot be used.
    #[error("the control plane cannot listen")]
    Listen(#[source] ff_front::BindError),
    /// The log that rights are read from is not the one it was.
    #[error("the control plane cannot follow who may do what")]
    Rights(#[source] LogError),
    /// Identity providers cannot be reached over TLS.
    #[error("the control plane cannot prepare TLS for identity providers")]
    Outbound(#[from] OutboundSetupError),
    /// The secret is too short to seal others with.
    #[error("FF_AUTH_SEALING_SECRET: {0}")]
    Sealing(#[from] WeakSealingKey),
    /// So is the one before it.
    #[error("FF_AUTH_SEALING_SECRET_PREVIOUS: {0}")]
    SealingPrevious(#[source] WeakSealingKey),
}

impl ControlError {
    /// Names this kind of error for good.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Secret(_) | Self::Sealing(_) | Self::SealingPrevious(_) => "FF-1020",
            Self::Log(_) => "FF-1021",
            Self::Listen(_) => "FF-1022",
            Self::Rights(_) => "FF-1023",
            Self::Outbound(_) => "FF-1024",
        }
    }
}

/// How long a request waits for a connection to Postgres before it is told that there is none.
const ACQUIRE: Duration = Duration::from_secs(2);

/// How long the first word of the log is waited for.
const FIRST_WORD: Duration = Duration::from_secs(3);

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
        let protocols = Protocols::Http1AndHttp2;
        let listener = Listener::bind(options.listen, options.tls.as_ref(), protocols).await;
        let listener = listener.map_err(ControlError::Listen)?;
        let commands = Executor::new(log.clone(), ExecutorOptions::default());
        let rights = Arc::new(Rights::default());
        let doorkeeper = Doorkeeper::new(DoorkeeperParts {
            rights,
            tokens: tokens.clone(),
            revocations: Revocations::default(),
            csrf: Some(CsrfKey::new(options.jwt_secret.clone())),
            recorder: options.recorder,
            service: Service::Control,
        });
        let outbound = Outbound::new(options.providers)?;
        let mut providers = SingleSignOn::new(pool.clone(), &options.sealing_secret, outbound)?;
        if let Some(previous) = &options.sealing_secret_previous {
            providers = providers.and_previous(previous).map_err(ControlError::SealingPrevious)?;
        }
        let app = App::new(Parts {
            doorkeeper,
            commands,
            log,
            queries: Queries::new(pool.clone()),
            people: People::new(pool.clone(), passwords, options.people),
            providers,
            security_log: ff_security::Log::new(pool.clone()),
            mailer: options.mailer,
            public_url: options.public_url,
            pool,
            tokens,
            secret: options.jwt_secret,
            cors: options.cors,
            tls: listener.is_tls(),
            quotas: options.quotas,
            limits: options.limits,
            metrics: options.metrics.unwrap_or_else(recorder),
        });
        Ok(Self { listener, serve: options.serve, app })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The people of its database.
    #[must_use]
    pub fn people(&self) -> People {
        self.app.people.clone()
    }

    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// [`ControlError::Rights`] when the log was replaced by another.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), ControlError> {
        tracing::info!(address = %self.address(), "the control plane is listening");
        let doorkeeper = &self.app.doorkeeper;
        let rights = doorkeeper.rights().clone();
        let following = tokio::spawn(rights.clone().follow(self.app.log.clone(), shutdown.clone()));
        // Whoever asks in the first moment should not hear that nobody knows yet. Without NATS they do.
        let _ = rights.ready(FIRST_WORD).await;
        let background = CancellationToken::new();
        let stop = background.clone().drop_guard();
        let revocations = doorkeeper.revocations().clone();
        tokio::spawn(ff_identity::revocations::follow(
            self.app.people.clone(),
            revocations,
            background.clone(),
        ));
        tokio::spawn(ff_identity::sweep_hourly(self.app.people.clone(), background.clone()));
        let measured = self.app.metrics.clone();
        tokio::spawn(background.run_until_cancelled_owned(upkeep(measured)));
        let recorder = doorkeeper.recorder().clone();
        let router = router(self.app);
        let served = ff_front::serve(self.listener, router, self.serve, shutdown.cancelled());
        // Without knowing who may do what nothing can be answered, so the end of one is the end of both.
        let ended = tokio::select! {
            () = served => Ok(()),
            Ok(Err(error)) = following => Err(ControlError::Rights(error)),
        };
        drop(stop);
        recorder.close().await;
        ended
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
