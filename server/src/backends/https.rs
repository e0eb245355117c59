//! HTTPS to ClickHouse. The client's own way would believe the system's authorities alone, as they were at the start.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use ff_front::TlsError;
use http::Uri;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::{Builder, Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower::Service;

use super::Backends;
use super::files::Files;

/// As in the client's own way.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// ClickHouse closes what is idle for three seconds.
const IDLE: Duration = Duration::from_secs(2);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How connections are kept.
pub(super) fn pool() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE);
    builder
}

/// Makes connections, all of them encrypted, with the files as they are at the time.
#[derive(Clone)]
pub(super) struct Connector {
    http: HttpConnector,
    tls: Arc<Tls>,
}

impl Connector {
    pub(super) fn new(backends: Backends) -> Self {
        let mut http = HttpConnector::new();
        http.set_keepalive(Some(KEEP_ALIVE));
        http.enforce_http(false);
        Self { http, tls: Arc::new(Tls { backends, last: Mutex::new(None) }) }
    }
}

/// The configuration, and what it was made of.
struct Tls {
    backends: Backends,
    last: Mutex<Option<(Files, ClientConfig)>>,
}

impl Tls {
    fn config(&self) -> Result<ClientConfig, TlsError> {
        let files = Files::read(&self.backends)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, config)) = last.as_ref().filter(|(seen, _)| *seen == files) {
            return Ok(config.clone());
        }
        let config = files.config(&self.backends)?;
        *last = Some((files, config.clone()));
        Ok(config)
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.http.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (http, tls) = (self.http.clone(), Arc::clone(&self.tls));
        Box::pin(async move {
            let builder = HttpsConnectorBuilder::new().with_tls_config(tls.config()?).https_only();
            builder.enable_http1().wrap_connector(http).call(uri).await
        })
    }
}
