//! The running ingest: its listener, the tasks that follow config and streams, and the one that stores.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ff_front::{BindError, Harden, Listener, Protocols, ServeOptions, serve};
use ff_security::Recorder;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::commit::{Committer, Publisher};
use crate::config::{self, Config, Follower};
use crate::http::{App, router};
use crate::metrics::Metrics;
use crate::quota::Quotas;
use crate::streams::Streams;
use crate::witness::Witness;
use crate::{IngestError, IngestOptions};

/// How long requests under way may take when ingest stops.
const FAREWELL: Duration = Duration::from_secs(10);
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
        let client = config::connect(&options.nats).await.map_err(IngestError::NatsAddress)?;
        let listening = Listener::bind(options.listen, options.tls.as_ref(), Protocols::Http1);
        let listener = listening.await.map_err(|error| match error {
            BindError::Listen(source) => IngestError::Listen { address: options.listen, source },
            BindError::Tls(error) => IngestError::Tls(error),
        })?;
        let address = listener.address();
        tracing::info!(%address, "ingest listens");
        if options.hash_secret.is_none() {
            tracing::warn!("there is no secret to hash private attributes with; they are left out");
        }

        let metrics = Arc::new(Metrics::new());
        let refused = metrics.refused_connections.clone();
        let quotas = Quotas::new(
            ff_limits::Limits::start(options.redis.clone(), Some(metrics.recorder())).await,
            options.key_quota,
            options.organization_quota,
            options.address_quota,
            options.limits.events,
        );
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
        let recorder = options.recorder.clone();
        let reporting = report(Arc::clone(&metrics), Arc::clone(&budget), recorder);
        let background: Vec<JoinHandle<()>> = vec![
            tokio::spawn(until(storing.clone(), following.run(client.clone()))),
            tokio::spawn(until(storing.clone(), async move { streams.watch(client).await })),
            tokio::spawn(until(storing.clone(), reporting)),
        ];
        let app = App {
            config,
            publisher,
            committer,
            budget,
            metrics,
            witness: Witness(options.recorder),
            limits: options.limits,
            quotas,
            commit: options.commit,
            body_timeout: options.body_timeout,
            large: Semaphore::new(cores),
        };
        let router = router(Arc::new(app), &options.cors, Harden::api(listener.is_tls()));
        let serving = ServeOptions {
            connections: options.connections,
            refused: Some(refused),
            proxies: options.proxies,
            farewell: FAREWELL,
            ..ServeOptions::default()
        };
        let accepting = serve(listener, router, serving, stop.clone().cancelled_owned());
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

async fn report(metrics: Arc<Metrics>, budget: Arc<Budget>, recorder: Recorder) {
    let mut pause = interval(FOLD);
    loop {
        pause.tick().await;
        #[expect(clippy::cast_precision_loss, reason = "bytes of memory fit into a float")]
        metrics.in_flight_bytes.set(budget.used() as f64);
        metrics.fold(&recorder);
    }
}
