//! The streams of telemetry: made if they are absent, and looked at again and again.
//!
//! What decides whether an acknowledged event is kept (storage, retention, what is discarded) must be as it is here,
//! or nothing is taken. Sizes and times may have been changed by whoever runs the servers; that is said once.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::context::RequestError;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, ErrorCode};
use serde::Serialize;
use tokio::time::sleep;

use crate::StreamOptions;
use crate::metrics::Metrics;
use crate::record::{PARKED_STREAM, PARKED_SUBJECT, STREAM, SUBJECT};

/// How often the streams are looked at.
const CHECK: Duration = Duration::from_secs(2);
/// The same, while they are not there.
const RETRY: Duration = Duration::from_millis(100);
/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether events can be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usable {
    /// It is not known, or not now.
    NotYet,
    /// A stream is set up so that events could get lost.
    Differs,
    /// They can.
    Yes,
}

#[derive(Debug)]
pub(crate) struct Streams {
    options: StreamOptions,
    usable: AtomicU8,
    metrics: Arc<Metrics>,
}

/// The streams cannot be used at the moment.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    #[error("the server does not answer")]
    Request(#[from] RequestError),
    #[error("the server refuses to {verb} the stream {stream}")]
    Refused {
        stream: &'static str,
        verb: &'static str,
        #[source]
        source: jetstream::Error,
    },
    #[error(
        "FF-4111: the stream {stream} would not keep what it acknowledges: {differences}; change it back or delete it"
    )]
    Differs { stream: &'static str, differences: String },
}

impl Streams {
    pub(crate) fn new(options: StreamOptions, metrics: Arc<Metrics>) -> Self {
        Self { options, usable: AtomicU8::new(Usable::NotYet as u8), metrics }
    }

    /// Whether events can be stored, as far as is known.
    pub(crate) fn usable(&self) -> Usable {
        match self.usable.load(Ordering::Relaxed) {
            usable if usable == Usable::Yes as u8 => Usable::Yes,
            usable if usable == Usable::Differs as u8 => Usable::Differs,
            _ => Usable::NotYet,
        }
    }

    /// Watches the streams, for ever.
    pub(crate) async fn watch(&self, client: Client) {
        let mut context = jetstream::new(client.clone());
        context.set_timeout(PATIENCE);
        let mut said = false;
        let mut said_limits = false;
        loop {
            if client.connection_state() != State::Connected {
                self.set(Usable::NotYet);
                sleep(RETRY).await;
                continue;
            }
            match self.check(&context, &mut said_limits).await {
                Ok(()) => {
                    said = false;
                    self.set(Usable::Yes);
                }
                Err(error) => {
                    self.set(match error {
                        StreamError::Differs { .. } => Usable::Differs,
                        _ => Usable::NotYet,
                    });
                    if !std::mem::replace(&mut said, true) {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "the streams of telemetry cannot be used; events are refused"
                        );
                    }
                }
            }
            sleep(if self.usable() == Usable::Yes { CHECK } else { RETRY }).await;
        }
    }

    fn set(&self, usable: Usable) {
        self.usable.store(usable as u8, Ordering::Relaxed);
        self.metrics.storing.set(f64::from(u8::from(usable == Usable::Yes)));
    }

    async fn check(
        &self,
        context: &jetstream::Context,
        said_limits: &mut bool,
    ) -> Result<(), StreamError> {
        for (stream, wanted) in
            [(STREAM, telemetry(&self.options)), (PARKED_STREAM, parked(&self.options))]
        {
            let found = find_or_make(context, stream, &wanted).await?;
            let differences = differences(&wanted, &found.config);
            if !differences.is_empty() {
                let differences = differences.join(", ");
                return Err(StreamError::Differs { stream, differences });
            }
            let limits = other_limits(&wanted, &found.config);
            if !limits.is_empty() && !std::mem::replace(said_limits, true) {
                tracing::warn!(
                    stream,
                    limits = limits.join(", "),
                    "a stream keeps more or less than configured; it is used as it is"
                );
            }
        }
        Ok(())
    }
}

async fn find_or_make(
    context: &jetstream::Context,
    stream: &'static str,
    wanted: &Config,
) -> Result<Info, StreamError> {
    let refused = |verb, source| StreamError::Refused { stream, verb, source };
    match ask(context, stream, "INFO", &()).await? {
        Response::Ok(info) => Ok(info),
        Response::Err { error } if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
            match ask(context, stream, "CREATE", wanted).await? {
                Response::Ok(info) => {
                    tracing::info!(stream, "stream made");
                    Ok(info)
                }
                Response::Err { error } => Err(refused("make", error)),
            }
        }
        Response::Err { error } => Err(refused("show", error)),
    }
}

async fn ask<T: Serialize>(
    context: &jetstream::Context,
    stream: &str,
    verb: &str,
    payload: &T,
) -> Result<Response<Info>, RequestError> {
    context.request(format!("STREAM.{verb}.{stream}"), payload).await
}

fn telemetry(options: &StreamOptions) -> Config {
    Config { max_age: options.max_age, ..stream(STREAM, SUBJECT, options.max_bytes, options) }
}

/// Without a limit of age: what is there waits for a person.
fn parked(options: &StreamOptions) -> Config {
    stream(PARKED_STREAM, PARKED_SUBJECT, options.parked_max_bytes, options)
}

fn stream(name: &str, subject: &str, max_bytes: u64, options: &StreamOptions) -> Config {
    Config {
        name: name.to_owned(),
        subjects: vec![subject.to_owned()],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_bytes: i64::try_from(max_bytes).unwrap_or(i64::MAX),
        num_replicas: options.replicas,
        allow_direct: true,
        ..Config::default()
    }
}

/// What decides whether an acknowledged message is kept.
fn differences(wanted: &Config, found: &Config) -> Vec<String> {
    let limit = |limit: i64| (limit > 0).then_some(limit);
    [
        difference("subjects", &wanted.subjects, &found.subjects),
        difference("storage", &wanted.storage, &found.storage),
        difference("retention", &wanted.retention, &found.retention),
        difference("discard", &wanted.discard, &found.discard),
        difference("max_msgs", &limit(wanted.max_messages), &limit(found.max_messages)),
        difference(
            "max_msgs_per_subject",
            &limit(wanted.max_messages_per_subject),
            &limit(found.max_messages_per_subject),
        ),
        difference("no_ack", &wanted.no_ack, &found.no_ack),
        difference("sealed", &wanted.sealed, &found.sealed),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn other_limits(wanted: &Config, found: &Config) -> Vec<String> {
    [
        difference("max_bytes", &wanted.max_bytes, &found.max_bytes),
        difference("max_age", &wanted.max_age, &found.max_age),
        difference("num_replicas", &wanted.num_replicas, &found.num_replicas),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn difference<T: PartialEq + Debug>(setting: &str, wanted: &T, found: &T) -> Option<String> {
    (wanted != found).then(|| format!("{setting} is {found:?} and must be {wanted:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_lose_events_is_named() {
        let wanted = telemetry(&StreamOptions::default());
        let mut found = wanted.clone();
        assert!(differences(&wanted, &found).is_empty());
        found.discard = DiscardPolicy::Old;
        found.storage = StorageType::Memory;
        let said = differences(&wanted, &found);
        assert_eq!(said.len(), 2);
        assert!(said[0].starts_with("storage is Memory"), "{said:?}");
        found.max_bytes = 7;
        assert_eq!(other_limits(&wanted, &found).len(), 1);
    }
}
