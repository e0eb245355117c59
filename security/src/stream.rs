//! The stream FF_SECURITY: a queue between the services and the database, and no store.
//!
//! A message goes when it is written to PostgreSQL, so that addresses of people do not stay where nobody can erase them.
//! When the queue is full, what is new is refused rather than what is old dropped: the sender sees the refusal, keeps the
//! record for a while, and counts what it must drop. Dropping the oldest would be silent, and would let who floods the log
//! push out the traces of how they came in.

use std::fmt::Debug;
use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{self, context::CreateStreamError};

/// The stream's name.
pub const STREAM: &str = "FF_SECURITY";
pub(crate) const PREFIX: &str = "ff.sec";

/// The stream, if it has to be made.
#[derive(Debug, Clone)]
pub struct StreamOptions {
    /// On how many servers each message is kept.
    pub replicas: usize,
    /// How much is kept at most of what is not written yet.
    pub max_bytes: u64,
    /// How long it is kept at most.
    pub max_age: Duration,
}

impl Default for StreamOptions {
    /// One server, 256 MiB, seven days.
    fn default() -> Self {
        Self {
            replicas: 1,
            max_bytes: 256 * 1024 * 1024,
            max_age: Duration::from_secs(7 * 24 * 60 * 60),
        }
    }
}

/// The stream cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    #[error("the stream FF_SECURITY cannot be found or made")]
    Make(#[from] CreateStreamError),
    #[error(
        "the stream FF_SECURITY is not a queue that keeps what it took: {0}; change it back or delete it"
    )]
    Differs(String),
}

/// Finds the stream, or makes it. Sizes and times may have been changed by whoever runs the servers.
pub(crate) async fn find_or_make(
    context: &jetstream::Context,
    options: &StreamOptions,
) -> Result<Stream, StreamError> {
    let wanted = config(options);
    let stream = context.get_or_create_stream(wanted.clone()).await?;
    let differences = differences(&wanted, &stream.cached_info().config);
    if differences.is_empty() {
        Ok(stream)
    } else {
        Err(StreamError::Differs(differences.join(", ")))
    }
}

fn config(options: &StreamOptions) -> Config {
    Config {
        name: STREAM.to_owned(),
        subjects: vec![format!("{PREFIX}.>")],
        storage: StorageType::File,
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_bytes: i64::try_from(options.max_bytes).unwrap_or(i64::MAX),
        max_age: options.max_age,
        num_replicas: options.replicas,
        ..Config::default()
    }
}

fn differences(wanted: &Config, found: &Config) -> Vec<String> {
    [
        difference("subjects", &wanted.subjects, &found.subjects),
        difference("storage", &wanted.storage, &found.storage),
        difference("retention", &wanted.retention, &found.retention),
        difference("discard", &wanted.discard, &found.discard),
        difference("no_ack", &wanted.no_ack, &found.no_ack),
        difference("sealed", &wanted.sealed, &found.sealed),
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
    fn what_would_lose_or_keep_records_is_named() {
        let wanted = config(&StreamOptions::default());
        let mut found = wanted.clone();
        found.max_bytes = 7;
        assert!(differences(&wanted, &found).is_empty());
        found.retention = RetentionPolicy::Limits;
        found.discard = DiscardPolicy::Old;
        let said = differences(&wanted, &found);
        assert_eq!(said.len(), 2);
        assert!(said[0].starts_with("retention is Limits"), "{said:?}");
    }
}
