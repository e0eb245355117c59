//! One message to the stream, and what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode};
use bytes::Bytes;
use std::error::Error as _;

use crate::metrics::Metrics;
use crate::record;
use crate::streams::{Streams, Usable};

/// Events are not known to be stored. Sending them again is right, and harmless if they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommitError {
    #[error("the store of events cannot be reached; send them again")]
    Unreachable,
    #[error("the store of events did not confirm them; send them again")]
    Unconfirmed,
    #[error("the store of events is full; send them again later")]
    Full,
    #[error("the store of events is not set up as it must be; send them again later")]
    StreamUnusable,
}

/// Publishes messages.
#[derive(Debug)]
pub(crate) struct Publisher {
    client: Client,
    context: jetstream::Context,
    streams: Arc<Streams>,
    metrics: Arc<Metrics>,
    patience: Duration,
    failing: AtomicBool,
}

impl Publisher {
    pub(crate) fn new(
        client: &Client,
        streams: Arc<Streams>,
        metrics: Arc<Metrics>,
        patience: Duration,
    ) -> Self {
        let mut context = jetstream::new(client.clone());
        context.set_timeout(patience);
        Self {
            client: client.clone(),
            context,
            streams,
            metrics,
            patience,
            failing: AtomicBool::new(false),
        }
    }

    /// Whether a message could be stored now, as far as is known.
    pub(crate) fn check(&self) -> Result<(), CommitError> {
        // The client would keep messages until it is connected again, and memory would grow.
        if self.client.connection_state() != State::Connected {
            return Err(CommitError::Unreachable);
        }
        match self.streams.usable() {
            Usable::Yes => Ok(()),
            Usable::NotYet => Err(CommitError::Unreachable),
            Usable::Differs => Err(CommitError::StreamUnusable),
        }
    }

    /// Stores a message: when this answers well, it is on the disk of the server.
    pub(super) async fn publish(&self, message: Bytes, lines: usize) -> Result<(), CommitError> {
        let started = Instant::now();
        let outcome = match self.check() {
            Ok(()) => self.send(message).await,
            Err(error) => Err((error, None)),
        };
        match outcome {
            Ok(()) => {
                #[expect(clippy::cast_precision_loss, reason = "there are a thousand at most")]
                self.metrics.message_events.record(lines as f64);
                self.metrics.commit_seconds.record(started.elapsed().as_secs_f64());
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("events are stored again");
                }
                Ok(())
            }
            Err((error, cause)) => {
                self.metrics.commit_failures.increment(1);
                // Said once for each outage, not once for each message.
                if !self.failing.swap(true, Ordering::Relaxed) {
                    let cause = cause.as_ref().map(|cause| cause as &dyn std::error::Error);
                    tracing::warn!(%error, cause, "events are not stored; senders are told so");
                }
                Err(error)
            }
        }
    }

    async fn send(&self, message: Bytes) -> Result<(), (CommitError, Option<PublishError>)> {
        let publish =
            async { self.context.publish(record::SUBJECT, message).await?.await.map(drop) };
        // The client's own times are for one step each; this is for all of them.
        match tokio::time::timeout(self.patience, publish).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err((classify(&error), Some(error))),
            Err(_) => Err((CommitError::Unconfirmed, None)),
        }
    }
}

fn classify(error: &PublishError) -> CommitError {
    match error.kind() {
        PublishErrorKind::StreamNotFound => CommitError::Unreachable,
        PublishErrorKind::Other => {
            let code = error
                .source()
                .and_then(|source| source.downcast_ref::<jetstream::Error>())
                .map(jetstream::Error::error_code);
            match code {
                Some(
                    ErrorCode::STREAM_STORE_FAILED
                    | ErrorCode::INSUFFICIENT_RESOURCES
                    | ErrorCode::STORAGE_RESOURCES_EXCEEDED,
                ) => CommitError::Full,
                _ => CommitError::Unconfirmed,
            }
        }
        _ => CommitError::Unconfirmed,
    }
}
