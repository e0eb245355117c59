//! The running ingest: its listener, the tasks that follow config and streams, and the one that stores.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::budget::Budget;
use crate::commit::{Committer, Publisher};
use crate::config::{self, Config, Follower};
use crate::http::{App, router};
use crate::metrics::Metrics;
use crate::streams::Streams;
use crate::{IngestError, IngestOptions};

/// How long requests under way may take when ingest stops.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long a client may take to send the head of a request.
const HEADER_PATIENCE: Duration = Duration::from_secs(30);
/// The largest head of a request, and how much of a body is read ahead.
const READ_AHEAD: usize = 64 * 1024;
/// How often recorded times are folded into their buckets.
const FOLD: Duration = Duration::from_secs(1);

/// A running ingest.
#[derive(Debug)]
pub struct Ingest {
    address: SocketAddr,
    stop: CancellationToken,
    /// Follows everything else, until all that is under way is stored.
    storing: CancellationToken,
    accepting: JoinHandle<()>,
    gathering: JoinHandle<()>,
    background: Vec<JoinHandle<()>>,
}

impl Ingest {
    /// Runs until `shutdown`.
    ///
    /// # Errors
    /// Only at the start; see [`IngestError`].
    pub async fn run(
        options: IngestOptions,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), IngestError> {
        let ingest = Self::start(options).await?;
        shutdown.await;
        ingest.stop().await;
        Ok(())
    }

    /// Starts. NATS need not be there yet; until it is, events are refused with 503.
    ///
    /// # Errors
    /// When it cannot listen, or the address of NATS is none.
    pub async fn start(options: IngestOptions) -> Result<Self, IngestError> {
        let client = config::connect(&options.nats_url).await.map_err(IngestError::NatsAddress)?;
        let listen = |source| IngestError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        tracing::info!(%address, "ingest listens");
        if options.hash_secret.is_none() {
            tracing::warn!("there is no secret to hash private attributes with; they are left out");
        }

        let metrics = Arc::new(Metrics::new());
        let config = Arc::new(Config::default());
        let streams = Arc::new(Streams::new(options.streams.clone(), Arc::clone(&metrics)));
        let publisher = Arc::new(Publisher::new(
            &client,
            Arc::clone(&streams),
            Arc::clone(&metrics),
            options.commit.ack_timeout,
        ));
        let (committer, gatherer) = Committer::new(Arc::clone(&publisher), options.commit);
        let budget = Budget::new(options.in_flight_bytes);
        let cores = std::thread::available_parallelism().map_or(2, usize::from);

        let (stop, storing) = (CancellationToken::new(), CancellationToken::new());
        let following = Follower::new(Arc::clone(&config), Arc::clone(&metrics), &options);
        let background: Vec<JoinHandle<()>> = vec![
            tokio::spawn(until(storing.clone(), following.run(client.clone()))),
            tokio::spawn(until(storing.clone(), async move { streams.watch(client).await })),
            tokio::spawn(until(storing.clone(), report(Arc::clone(&metrics), Arc::clone(&budget)))),
        ];
        let app = App {
            config,
            publisher,
            committer,
            budget,
            metrics,
            limits: options.limits,
            commit: options.commit,
            body_timeout: options.body_timeout,
            large: Semaphore::new(cores),
        };
        let router = router(Arc::new(app));
        let accepting = accept(listener, router, options.connections, stop.clone());
        Ok(Self {
            address,
            stop,
            accepting: tokio::spawn(accepting),
            gathering: tokio::spawn(gatherer.run(storing.clone())),
            storing,
            background,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops: answers what is under way, and stores it first.
    pub async fn stop(self) {
        self.stop.cancel();
        // A task that panicked has said so.
        let _ = self.accepting.await;
        self.storing.cancel();
        let _ = self.gathering.await;
        for task in self.background {
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

async fn report(metrics: Arc<Metrics>, budget: Arc<Budget>) {
    let mut pause = interval(FOLD);
    loop {
        pause.tick().await;
        #[expect(clippy::cast_precision_loss, reason = "bytes of memory fit into a float")]
        metrics.in_flight_bytes.set(budget.used() as f64);
        metrics.fold();
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    connections: usize,
    stop: CancellationToken,
) {
    let cut = CancellationToken::new();
    let open = TaskTracker::new();
    let room = Arc::new(Semaphore::new(connections.max(1)));
    loop {
        let accepting = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place.expect("the semaphore is never closed"), listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accepting => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                open.spawn(serve(stream, router.clone(), place, stop.clone(), cut.clone()));
            }
            Err(error) => {
                // Most likely out of file descriptors; those of ended connections come back.
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot accept a connection"
                );
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    open.close();
    if timeout(FAREWELL, open.wait()).await.is_err() {
        // Whoever is slower is left behind, without an answer.
        cut.cancel();
        open.wait().await;
    }
}

async fn serve(
    stream: TcpStream,
    router: Router,
    place: OwnedSemaphorePermit,
    stop: CancellationToken,
    cut: CancellationToken,
) {
    // Answers are small and complete; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(READ_AHEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    // What goes wrong here is between the client and its connection.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                _ = connection.as_mut() => {}
                () = cut.cancelled() => {}
            }
        }
    }
    drop(place);
}
