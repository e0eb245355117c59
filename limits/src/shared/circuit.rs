//! Whether Redis is asked: as long as it answers in time, and then again as soon as it does.
//!
//! The first failure opens the circuit for everybody. From then on a task tries once a second, with a connection of its
//! own making: one that hangs is never used again, and what it still holds is nobody's loss. So a request waits for a
//! Redis that does not answer at most once a second, and no longer than its patience.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use metrics::Gauge;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::script::{self, Failure};

/// How long it may take to connect, which nobody waits for but the start.
const CONNECTING: Duration = Duration::from_millis(500);
/// How long until it is looked at again, well or not.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) struct Circuit {
    client: Client,
    /// How long an answer may take.
    patience: Duration,
    /// The connection in use, or none.
    connection: ArcSwapOption<MultiplexedConnection>,
    opened: Notify,
    up: Gauge,
    /// Since when Redis does not answer.
    outage: Mutex<Option<Instant>>,
}

impl Circuit {
    pub(crate) fn new(client: Client, patience: Duration, up: Gauge) -> Self {
        up.set(0.0);
        Self {
            client,
            patience,
            connection: ArcSwapOption::empty(),
            opened: Notify::new(),
            up,
            outage: Mutex::new(None),
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.connection.load().is_some()
    }

    /// Asks Redis; `None` if it does not answer.
    pub(crate) async fn ask<T>(
        &self,
        work: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, Failure>,
    ) -> Option<T> {
        let connection = self.connection.load_full()?;
        let outcome = timeout(self.patience, work(MultiplexedConnection::clone(&connection))).await;
        match outcome.unwrap_or(Err(Failure::Slow(self.patience))) {
            Ok(answer) => Some(answer),
            Err(failure) => {
                self.open(connection, &failure);
                None
            }
        }
    }

    /// Connects, if Redis can be reached and does what is asked of it.
    pub(crate) async fn connect(&self) {
        let connecting = async {
            // Time is measured around all of it.
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(None)
                .set_response_timeout(None);
            let connection =
                self.client.get_multiplexed_async_connection_with_config(&config).await?;
            // The first time, it is also told the script.
            script::probe(connection.clone()).await?;
            timeout(self.patience, script::probe(connection.clone()))
                .await
                .unwrap_or(Err(Failure::Slow(self.patience)))?;
            Ok(connection)
        };
        match timeout(CONNECTING, connecting).await.unwrap_or(Err(Failure::Slow(CONNECTING))) {
            Ok(connection) => self.close(connection),
            Err(failure) => self.complain(&failure),
        }
    }

    /// Looks after the connection for ever.
    pub(crate) async fn watch(&self) {
        loop {
            if self.is_up() {
                tokio::select! {
                    () = self.opened.notified() => {}
                    () = sleep(PAUSE) => {
                        self.ask(script::probe).await;
                    }
                }
            } else {
                sleep(PAUSE).await;
                self.connect().await;
            }
        }
    }

    fn close(&self, connection: MultiplexedConnection) {
        self.connection.store(Some(Arc::new(connection)));
        self.up.set(1.0);
        let outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(since) = outage {
            let outage_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(
                outage_ms,
                "redis answers again; rate limits are shared by all replicas"
            );
        }
    }

    /// Stops using a connection. Of all whom it fails, one is the first.
    fn open(&self, failed: Arc<MultiplexedConnection>, failure: &Failure) {
        let failed = Some(failed);
        let current = self.connection.compare_and_swap(&failed, None);
        if current.as_ref().map(Arc::as_ptr) == failed.as_ref().map(Arc::as_ptr) {
            self.up.set(0.0);
            self.complain(failure);
            self.opened.notify_one();
        }
    }

    /// Warns, once in an outage.
    fn complain(&self, failure: &Failure) {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        if outage.is_none() {
            *outage = Some(Instant::now());
            tracing::warn!(
                error = failure as &dyn std::error::Error,
                "redis does not answer; every replica counts rate limits alone until it does"
            );
        }
    }
}

impl std::fmt::Debug for Circuit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Circuit").field("up", &self.is_up()).finish_non_exhaustive()
    }
}
