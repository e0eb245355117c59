//! The analytics engine as a service: the HTTP side, and the task that keeps snapshots new.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use clickhouse::Client;
use tokio::net::TcpListener;
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
    /// The ClickHouse that has the telemetry.
    pub clickhouse: Client,
    /// What `/metrics` answers.
    pub render: Arc<dyn Fn() -> String + Send + Sync>,
}

impl fmt::Debug for AnalyticsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnalyticsOptions").field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// The analytics engine could not start, or could not go on.
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
    /// The listener failed.
    #[error("the analytics engine cannot go on listening")]
    Serve(#[source] std::io::Error),
}

impl AnalyticsError {
    /// Names this kind of error for good.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "FF-5020",
            Self::Serve(_) => "FF-5021",
        }
    }
}

/// The analytics engine, listening.
#[derive(Debug)]
pub struct Analytics<H> {
    listener: TcpListener,
    address: SocketAddr,
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
        Self::open(options, host).await?.serve(shutdown).await
    }

    /// Opens the port. ClickHouse need not be up.
    ///
    /// # Errors
    /// [`AnalyticsError::Listen`].
    pub async fn open(options: AnalyticsOptions, host: H) -> Result<Self, AnalyticsError> {
        let address = options.listen;
        let listen = |source| AnalyticsError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self { listener, address, options, host: Arc::new(host) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// [`AnalyticsError::Serve`].
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), AnalyticsError> {
        tracing::info!(address = %self.address, "the analytics engine is listening");
        let store = Store::new(self.options.clickhouse.clone());
        let refreshing = refresher::run(Arc::clone(&self.host), store.clone(), shutdown.clone());
        let app = App::new(self.host, store, self.options.render);
        let serving = async {
            axum::serve(self.listener, http::router(app))
                .with_graceful_shutdown(shutdown.cancelled_owned())
                .await
        };
        let (served, ()) = tokio::join!(serving, refreshing);
        served.map_err(AnalyticsError::Serve)
    }
}
