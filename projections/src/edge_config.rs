//! Publishes what edges need of every environment to the stream `FF_CONFIG`.
//!
//! The publisher follows the log and keeps the aggregates that edges depend on. What a commit touched is made
//! anew, compared with what is published, and what differs goes out in one atomic batch: objects, then the
//! publisher's own state, then the heads of the environments, then `ff.pub._position`. An edge applies a change
//! when its head arrives, so it never shows half of one.
//!
//! Architecture Invariant: there is no other state than the stream itself. The checkpoint and the aggregates lie
//! under `ff.pub.`, written in the same batch as what follows from them, each with the position it is of. So a
//! publisher that died in the middle of a large change is healed by doing it again: the bytes are the same.
//!
//! Architecture Invariant: one publisher works. Every batch ends with `ff.pub._position` and is refused unless
//! that subject is as this publisher left it. Who is refused stands by, and takes over when the log goes on and
//! the other does not.

mod error;
mod index;
mod objects;
mod session;
mod stream;
mod world;

use std::future::Future;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use ff_eventlog::EventLog;
use tokio::time::sleep;

pub use error::{PublisherError, StreamDifference};
use session::{Session, Stop};
use stream::ConfigStream;

/// How the publisher works.
#[derive(Debug, Clone, Copy)]
pub struct PublisherOptions {
    /// How many servers keep the config: 3 in a cluster, 1 on a single server.
    pub replicas: usize,
    /// How long one batch may take before its outcome counts as unknown.
    pub publish_timeout: Duration,
    /// How often one that stands by looks whether the other still works; twice without progress is enough.
    pub standby_pause: Duration,
}

impl Default for PublisherOptions {
    fn default() -> Self {
        Self {
            replicas: 1,
            publish_timeout: Duration::from_secs(5),
            standby_pause: Duration::from_millis(500),
        }
    }
}

/// How long to wait before what failed is tried again.
const RETRY: Duration = Duration::from_millis(200);
/// How often the connection is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Publishes the config of every environment.
#[derive(Debug)]
pub struct Publisher<L> {
    log: L,
    client: async_nats::Client,
    options: PublisherOptions,
}

impl<L: EventLog> Publisher<L> {
    /// A publisher that follows `log` and writes through `client`.
    pub fn new(log: L, client: async_nats::Client, options: PublisherOptions) -> Self {
        Self { log, client, options }
    }

    /// Publishes until `shutdown`. May be stopped at any moment: what is half done is done again at the next
    /// start. While NATS cannot be reached it waits and tries again.
    ///
    /// # Errors
    /// [`PublisherError::StreamDiffers`] when the stream exists with other settings than it must have, and
    /// [`PublisherError::Log`] when the log refuses to be followed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), PublisherError> {
        tokio::select! {
            () = shutdown => Ok(()),
            error = self.work() => Err(error),
        }
    }

    async fn work(&self) -> PublisherError {
        let active = metrics::gauge!("ff_edge_config_publisher_active");
        let mut failing = false;
        loop {
            let stopped = match self.open().await {
                Ok(stream) => {
                    active.set(1.0);
                    // What was under way when the connection broke will not be answered; to wait for it would
                    // only cost time, and to stop anywhere is harmless.
                    let stopped = tokio::select! {
                        stopped = self.publish(&stream, &mut failing) => stopped,
                        stopped = self.disconnected() => stopped,
                    };
                    active.set(0.0);
                    if matches!(stopped, Stop::Displaced) {
                        tracing::info!("another edge config publisher works, standing by");
                        self.stand_by(&stream).await;
                        tracing::info!("taking over as edge config publisher");
                        continue;
                    }
                    stopped
                }
                Err(stopped) => stopped,
            };
            match stopped {
                Stop::Displaced => {}
                Stop::Fatal(error) => return error,
                Stop::Interrupted(source) => {
                    // Said once for each outage, not once for each try.
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(
                            error = &*source as &dyn std::error::Error,
                            "publishing edge config is interrupted, trying again"
                        );
                    }
                }
            }
            sleep(RETRY).await;
        }
    }

    async fn open(&self) -> Result<ConfigStream, Stop> {
        tokio::select! {
            opened = ConfigStream::open(&self.client, &self.options) => opened,
            stopped = self.disconnected() => Err(stopped),
        }
    }

    /// Returns when there is no connection, or another one than when it was called.
    async fn disconnected(&self) -> Stop {
        let connects = || self.client.statistics().connects.load(Ordering::Relaxed);
        let before = connects();
        while connects() == before && self.client.connection_state() == State::Connected {
            sleep(LOOK).await;
        }
        Stop::Interrupted("the connection to NATS is lost".into())
    }

    async fn publish(&self, stream: &ConfigStream, failing: &mut bool) -> Stop {
        let mut session = match Session::load(stream).await {
            Ok(session) => session,
            Err(stopped) => return stopped,
        };
        if std::mem::replace(failing, false) {
            tracing::info!(position = %session.position(), "publishing edge config goes on");
        }
        session.follow(&self.log).await
    }

    /// Returns when the active publisher has made no progress between two looks although the log is ahead of it.
    async fn stand_by(&self, stream: &ConfigStream) {
        let mut before = None;
        loop {
            sleep(self.options.standby_pause).await;
            let (Ok(mark), Ok(head)) = (stream.mark().await, self.log.head().await) else {
                continue;
            };
            let behind = mark.is_none_or(|mark| mark.position < head);
            if behind && before == Some(mark) {
                return;
            }
            before = Some(mark);
        }
    }
}
