//! Whether Redis is asked: as long as it answers in time, and then again as soon as it does.
//!
//! The first failure opens the circuit for everybody. From then on a task tries once a second, with a connection of its
//! own making: one that hangs is never used again, and what it still holds is nobody's loss. So a request waits for a
//! Redis that does not answer at most once a second, and no longer than its patience.
//!
//! A Redis that answers and fails in turns, or a machine too busy to hear it in time, would give everybody a quota of their
//! own at each turn. So if it fails soon after it came back it is tried less often, down to every half minute.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use metrics::Gauge;
use redis::AsyncConnectionConfig;
use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::Redis;
use super::script::{self, Failure};

/// How long until it is looked at again, well or not.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest time until it is tried again, when it comes and goes.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Whoever fails within this time after they came back has not come back.
const SETTLED: Duration = Duration::from_secs(10);

pub(crate) struct Circuit {
    redis: Redis,
    /// The connection in use, or none.
    connection: ArcSwapOption<MultiplexedConnection>,
    opened: Notify,
    up: Gauge,
    health: Mutex<Health>,
}

/// How Redis has been lately.
struct Health {
    /// Since when it does not answer.
    outage: Option<Instant>,
    /// When it came back last.
    back: Option<Instant>,
    /// How long until it is tried again.
    pause: Duration,
}

impl Health {
    /// It failed, just now.
    fn failed(&mut self, now: Instant) {
        let settled = self.back.take().is_none_or(|back| now - back >= SETTLED);
        self.pause = if settled { PAUSE } else { (self.pause * 2).min(LONGEST_PAUSE) };
    }
}

impl Circuit {
    pub(crate) fn new(redis: Redis, up: Gauge) -> Self {
        up.set(0.0);
        Self {
            redis,
            connection: ArcSwapOption::empty(),
            opened: Notify::new(),
            up,
            health: Mutex::new(Health { outage: None, back: None, pause: PAUSE }),
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
        let patience = self.redis.patience;
        let outcome = timeout(patience, work(MultiplexedConnection::clone(&connection))).await;
        match outcome.unwrap_or(Err(Failure::Slow(patience))) {
            Ok(answer) => Some(answer),
            Err(failure) => {
                self.open(connection, &failure);
                None
            }
        }
    }

    /// Connects, if Redis can be reached and does what is asked of it.
    pub(crate) async fn connect(&self) {
        let within = self.redis.connecting();
        let connecting = async {
            // Time is measured around all of it.
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(None)
                .set_response_timeout(None);
            let client = self.redis.client().await?;
            let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            // The first time, it is also told the script.
            script::probe(connection.clone()).await?;
            let patience = self.redis.patience;
            timeout(patience, script::probe(connection.clone()))
                .await
                .unwrap_or(Err(Failure::Slow(patience)))?;
            Ok(connection)
        };
        match timeout(within, connecting).await.unwrap_or(Err(Failure::Slow(within))) {
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
                let pause = self.health().pause;
                sleep(pause).await;
                self.connect().await;
            }
        }
    }

    fn close(&self, connection: MultiplexedConnection) {
        self.connection.store(Some(Arc::new(connection)));
        self.up.set(1.0);
        let mut health = self.health();
        // The first time it does not come back, it is there.
        if let Some(since) = health.outage.take() {
            health.back = Some(Instant::now());
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
            self.health().failed(Instant::now());
            self.complain(failure);
            self.opened.notify_one();
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Warns, once in an outage.
    fn complain(&self, failure: &Failure) {
        let mut health = self.health();
        if health.outage.is_none() {
            health.outage = Some(Instant::now());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_and_goes_is_tried_less_and_less_often() {
        let start = Instant::now();
        let mut health = Health { outage: None, back: None, pause: PAUSE };
        health.failed(start);
        assert_eq!(health.pause, PAUSE, "the first time");
        for expected in [2, 4, 8, 16, 30, 30] {
            health.back = Some(start);
            health.failed(start + Duration::from_millis(9_999));
            assert_eq!(health.pause, Duration::from_secs(expected));
        }
        health.back = Some(start);
        health.failed(start + SETTLED);
        assert_eq!(health.pause, PAUSE, "it was well for a while");
    }
}
