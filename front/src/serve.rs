//! Serving a router: how many connections, how large a head, how many streams, and how it all ends.

mod options;
mod pulse;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as _;

pub use options::ServeOptions;
use pulse::{Beat, Pulse};

use crate::{ClientAddress, Listener, Places, Protocols, Proxies, REFUSED_CONNECTIONS, Stream};

type Builder = auto::Builder<TokioExecutor>;

/// Serves until `shutdown`; requests that are being answered by then are finished, within the farewell.
///
/// Every request has a [`ClientAddress`].
pub async fn serve(
    listener: Listener,
    router: Router,
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) {
    let served = Arc::new(Served::new(router, listener.protocols(), options));
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let open = TaskTracker::new();
    let mut listener = listener.with_places(served.options.places());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = shutdown.as_mut() => break,
            (stream, peer) = listener.accept() => {
                let served = Arc::clone(&served);
                open.spawn(served.connection(stream, peer, stop.clone(), cut.clone()));
            }
        }
    }
    drop(listener);
    stop.cancel();
    open.close();
    if timeout(served.options.farewell, open.wait()).await.is_err() {
        // Whoever is slower is left behind, without an answer.
        cut.cancel();
        open.wait().await;
    }
}

/// What all connections share.
struct Served {
    router: Router,
    options: ServeOptions,
    /// For those who have agreed on nothing, and may start with either if both are spoken.
    either: Builder,
    http2: Builder,
}

impl Served {
    fn new(router: Router, protocols: Protocols, options: ServeOptions) -> Self {
        let builder = options.builder();
        let either = match protocols {
            Protocols::Http1 => builder.clone().http1_only(),
            Protocols::Http1AndHttp2 => builder.clone(),
        };
        Self { router, either, http2: builder.http2_only(), options }
    }

    async fn connection(
        self: Arc<Self>,
        stream: Stream,
        peer: SocketAddr,
        stop: CancellationToken,
        cut: CancellationToken,
    ) {
        let builder = if stream.agreed_on_http2() { &self.http2 } else { &self.either };
        let pulse = Arc::new(Pulse::default());
        let service = service_fn(|request| {
            let open = pulse.open();
            let answering = respond(self.router.clone(), &self.options.proxies, peer, request);
            async move {
                let answer = answering.await;
                drop(open);
                answer
            }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut check = std::pin::pin!(sleep(self.options.head_time));
        // What goes wrong here is between the client and its connection.
        loop {
            tokio::select! {
                _ = connection.as_mut() => return,
                () = stop.cancelled() => break,
                () = check.as_mut() => match pulse.beat() {
                    Beat::None => return,
                    Beat::Idle => break,
                    Beat::Busy => check.as_mut().reset(Instant::now() + self.options.idle),
                },
            }
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _ = connection.as_mut() => {}
            () = cut.cancelled() => {}
        }
    }
}

/// Answers a request that knows where it came from.
fn respond(
    mut router: Router,
    proxies: &Proxies,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<axum::response::Response, Infallible>> + use<> {
    let address = ClientAddress(proxies.client(peer.ip(), request.headers()));
    request.extensions_mut().insert(address);
    // A router is always ready.
    router.call(request)
}

impl ServeOptions {
    fn places(&self) -> Places {
        let refused = self.refused.clone();
        let refused = refused.unwrap_or_else(|| metrics::counter!(REFUSED_CONNECTIONS));
        Places::new(self.connections, self.proxies.clone(), refused)
    }

    fn builder(&self) -> Builder {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_time)
            .max_buf_size(self.head_bytes.max(8 * 1024))
            .max_headers(self.head_fields);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.streams)
            .max_header_list_size(u32::try_from(self.head_bytes).unwrap_or(u32::MAX))
            // Whoever opens streams only to reset them is cut off.
            .max_pending_accept_reset_streams(Some(20))
            .max_local_error_reset_streams(Some(256))
            .keep_alive_interval(Some(self.ping))
            .keep_alive_timeout(self.ping);
        builder
    }
}
