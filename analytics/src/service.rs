//! The analytics engine as a service: the HTTP side, and the task that keeps snapshots new.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use clickhouse::Client;
use ff_front::{
    BindError, ConnectionLimits, Harden, Listener, Origins, Protocols, Proxies, ServeOptions, Tls,
    TlsError, serve,
};
use ff_limits::Limits;
use tokio_util::sync::CancellationToken;

use crate::host::Host;
use crate::http::{self, App};
use crate::refresher;
use crate::store::Store;

/// How the analytics engine is set up.
#[derive(Clone)]
pub struct AnalyticsOptions {
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// How it is encrypted; not at all if absent.
    pub tls: Option<Tls>,
    /// Pages of these origins may call it; none unless set otherwise. Results need a login, so it is not for everybody's.
    pub cors: Origins,
    /// Whose word on the addresses of clients counts.
    pub proxies: Proxies,
    /// The most open connections. Those that trusted proxies make have no limit but that of all.
    pub connections: ConnectionLimits,
    /// Counts what each address asks of the calculators.
    pub limits: Limits,
    /// The ClickHouse that has the telemetry.
    pub clickhouse: Client,
    /// What `/metrics` answers.
    pub render: Arc<dyn Fn() -> String + Send + Sync>,
}

impl AnalyticsOptions {
    /// The usual limits, counted here alone.
    pub fn new(
        listen: SocketAddr,
        clickhouse: Client,
        render: Arc<dyn Fn() -> String + Send + Sync>,
    ) -> Self {
        Self {
            listen,
            tls: None,
            cors: Origins::none(),
            proxies: Proxies::none(),
            connections: ConnectionLimits::default(),
            limits: Limits::local(),
            clickhouse,
            render,
        }
    }
}

impl fmt::Debug for AnalyticsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnalyticsOptions").field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// The analytics engine could not start. Once it runs, nothing stops it.
#[derive(Debug, thiserror::Error)]
pub enum AnalyticsError {
    /// The address is taken or not ours.
    #[error("the analytics engine cannot listen on {address}: stop what does, or choose another")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The certificate, or something that belongs to it, cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl AnalyticsError {
    /// Names this kind of error for good.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "FF-5020",
            Self::Tls(error) => error.code(),
        }
    }
}

/// The analytics engine, listening.
#[derive(Debug)]
pub struct Analytics<H> {
    listener: Listener,
    options: AnalyticsOptions,
    host: Arc<H>,
}

impl<H: Host> Analytics<H> {
    /// Opens and serves until `shutdown`; requests that are being answered by then are finished.
    ///
    /// # Errors
    /// [`AnalyticsError`].
    pub async fn run(
        options: AnalyticsOptions,
        host: H,
        shutdown: CancellationToken,
    ) -> Result<(), AnalyticsError> {
        Self::open(options, host).await?.serve(shutdown).await;
        Ok(())
    }

    /// Opens the port. ClickHouse need not be up.
    ///
    /// # Errors
    /// [`AnalyticsError`].
    pub async fn open(options: AnalyticsOptions, host: H) -> Result<Self, AnalyticsError> {
        let address = options.listen;
        let listening = Listener::bind(address, options.tls.as_ref(), Protocols::Http1AndHttp2);
        let listener = listening.await.map_err(|error| match error {
            BindError::Listen(source) => AnalyticsError::Listen { address, source },
            BindError::Tls(error) => AnalyticsError::Tls(error),
        })?;
        Ok(Self { listener, options, host: Arc::new(host) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Serves until `shutdown`.
    pub async fn serve(self, shutdown: CancellationToken) {
        tracing::info!(address = %self.address(), "the analytics engine is listening");
        let store = Store::new(self.options.clickhouse.clone());
        let refreshing = refresher::run(Arc::clone(&self.host), store.clone(), shutdown.clone());
        let AnalyticsOptions { render, limits, cors, proxies, connections, .. } = self.options;
        let app = App::new(self.host, store, render, limits);
        let router = http::router(app, &cors, Harden::api(self.listener.is_tls()));
        let options = ServeOptions { proxies, connections, ..ServeOptions::default() };
        let serving = serve(self.listener, router, options, shutdown.cancelled_owned());
        tokio::join!(serving, refreshing);
    }
}
