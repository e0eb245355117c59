//! The running edge: its listener, the task that follows the config, and the one that writes it to disk.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ff_front::{BindError, Harden, Listener, Places, Protocols, Stream};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::connections::{Connections, End};
use crate::http::App;
use crate::metrics::Metrics;
use crate::quotas::Quotas;
use crate::store::Store;
use crate::witness::Witness;
use crate::{EdgeError, EdgeOptions, disk, sync};

/// How long connections may take to end when the edge stops.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long a client may take to send the head of a request.
const HEADER_PATIENCE: Duration = Duration::from_secs(30);
/// The largest head of a request, and how much of a body is read ahead.
const READ_AHEAD: usize = 64 * 1024;
/// How often recorded times are folded into their buckets.
const FOLD: Duration = Duration::from_secs(1);

/// A running edge.
#[derive(Debug)]
pub struct Edge {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Edge {
    /// Runs until `shutdown`.
    ///
    /// # Errors
    /// Only at the start; see [`EdgeError`].
    pub async fn run(
        options: EdgeOptions,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), EdgeError> {
        let edge = Self::start(options).await?;
        shutdown.await;
        edge.stop().await;
        Ok(())
    }

    /// Starts: serves what is on disk at once, and what NATS has as soon as it can be reached.
    ///
    /// # Errors
    /// When it cannot listen, or the directory cannot be used, or the address of NATS is none.
    pub async fn start(options: EdgeOptions) -> Result<Self, EdgeError> {
        disk::prepare(&options.data_dir).map_err(|source| EdgeError::DataDirectory {
            path: options.data_dir.clone(),
            source,
        })?;
        let client = sync::connect(&options.nats).await.map_err(EdgeError::NatsAddress)?;
        let listening = Listener::bind(options.listen, options.tls.as_ref(), Protocols::Http1);
        let listener = listening.await.map_err(|error| match error {
            BindError::Listen(source) => EdgeError::Listen { address: options.listen, source },
            BindError::Tls(error) => EdgeError::Tls(error),
        })?;
        let address = listener.address();

        let metrics = Arc::new(Metrics::new());
        let refused = metrics.refused_connections.clone();
        let places = Places::new(options.connections, options.proxies.clone(), refused);
        let listener = listener.with_places(places);
        let store = Arc::new(Store::new(Arc::clone(&metrics), options.public_url.clone()));
        let copies = store.load_disk(&options.data_dir);
        tracing::info!(%address, environments = copies.len(), "edge listens");

        let stop = CancellationToken::new();
        let following = sync::Follower::new(Arc::clone(&store), copies, &options);
        let quotas = Quotas::new(&options, metrics.recorder());
        let app = Arc::new(App {
            store,
            heartbeat: options.heartbeat,
            cors: options.cors,
            harden: Harden::api(listener.is_tls()),
            quotas,
            witness: Witness { recorder: options.recorder.clone(), proxies: options.proxies },
        });
        let recorder = options.recorder;
        let folding = async move {
            let mut pause = interval(FOLD);
            loop {
                pause.tick().await;
                metrics.fold(&recorder);
            }
        };
        let tasks = vec![
            tokio::spawn(following.run(client, stop.clone())),
            tokio::spawn(until(stop.clone(), folding)),
            tokio::spawn(accept(listener, app, stop.clone())),
        ];
        Ok(Self { address, stop, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: answers what is under way, ends open streams, writes what is not on disk yet.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            // A task that panicked has said so.
            let _ = task.await;
        }
    }
}

async fn until(stop: CancellationToken, work: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

async fn accept(mut listener: Listener, app: Arc<App>, stop: CancellationToken) {
    let connections = Arc::new(Connections::default());
    let open = tokio_util::task::TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        open.spawn(serve(stream, peer.ip(), Arc::clone(&app), Arc::clone(&connections)));
    }
    drop(listener);
    app.store.root.cancel();
    connections.end_all();
    open.close();
    // Whoever is slower is left behind.
    let _ = timeout(FAREWELL, open.wait()).await;
}

async fn serve(stream: Stream, peer: IpAddr, app: Arc<App>, connections: Arc<Connections>) {
    let (cut, mut end) = connections.open();
    let service = service_fn(|request| {
        let (app, cut) = (&app, &cut);
        async move { Ok::<_, Infallible>(app.respond(request, peer, cut).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(READ_AHEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // What goes wrong here is between the client and its connection.
    tokio::select! {
        _ = connection.as_mut() => {}
        how = &mut end => {
            if how == Ok(End::Polite) {
                connection.as_mut().graceful_shutdown();
                let _ = connection.as_mut().await;
            }
        }
    }
    cut.closed();
}
