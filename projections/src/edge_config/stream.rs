//! The stream `FF_CONFIG`: making it, reading it whole, and writing atomic batches to it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE,
    NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_EXPECTED_STREAM,
};
use async_nats::jetstream::consumer::push::OrderedConfig;
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Client, HeaderMap, Request};
use bytes::Bytes;
use ff_evaluator::wire::STREAM;
use ff_eventlog::Position;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use uuid::Uuid;

use super::session::Stop;
use super::{PublisherError, PublisherOptions, StreamDifference};

/// Where the objects for the edges lie.
pub(super) const CONFIG: &str = "ff.cfg.";
/// Where the publisher's own state lies.
pub(super) const OWN: &str = "ff.pub.";
/// The publisher's checkpoint: the last message of every batch.
pub(super) const POSITION: &str = "ff.pub._position";

/// The longest silence while the stream is read.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// What the server says when an expectation does not hold.
const CONFLICTS: [ErrorCode; 3] =
    [ErrorCode::STREAM_WRONG_LAST_SEQUENCE, ErrorCode(10164), ErrorCode(10158)];

/// A message to be written. An empty payload means gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) payload: Bytes,
}

/// What the checkpoint says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// The last commit that is published whole.
    pub(super) position: Position,
    /// The version of what lies under `ff.pub.`: another one is built anew.
    pub(super) format: u32,
}

/// The checkpoint and its place in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) sequence: u64,
    pub(super) position: Position,
}

/// The newest message of every subject.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) messages: BTreeMap<String, Bytes>,
    /// The sequence of the checkpoint, 0 if there is none.
    pub(super) mark: u64,
}

#[derive(Debug)]
pub(super) struct ConfigStream {
    client: Client,
    context: jetstream::Context,
    timeout: Duration,
}

impl ConfigStream {
    /// Finds the stream or makes it.
    pub(super) async fn open(client: &Client, options: &PublisherOptions) -> Result<Self, Stop> {
        let mut context = jetstream::new(client.clone());
        context.set_timeout(options.publish_timeout);
        let wanted = config(options.replicas);
        let found = match ask(&context, "INFO", &()).await? {
            Response::Ok(info) => info,
            Response::Err { error } if error.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                match ask(&context, "CREATE", &wanted).await? {
                    Response::Ok(info) => info,
                    Response::Err { error } => return Err(Stop::interrupted(error)),
                }
            }
            Response::Err { error } => return Err(Stop::interrupted(error)),
        };
        let differences = differences(&wanted, &found.config);
        if !differences.is_empty() {
            return Err(Stop::Fatal(PublisherError::StreamDiffers { stream: STREAM, differences }));
        }
        Ok(Self { client: client.clone(), context, timeout: options.publish_timeout })
    }

    /// The largest payload that fits into a message, its subject and headers aside.
    pub(super) fn largest_payload(&self) -> usize {
        self.client.server_info().max_payload.saturating_sub(1024)
    }

    /// Reads the newest message of every subject.
    pub(super) async fn read(&self) -> Result<Content, Stop> {
        let consumer = self
            .context
            .create_consumer_on_stream(
                OrderedConfig {
                    deliver_subject: self.client.new_inbox(),
                    deliver_policy: DeliverPolicy::All,
                    replay_policy: ReplayPolicy::Instant,
                    ..OrderedConfig::default()
                },
                STREAM,
            )
            .await
            .map_err(Stop::interrupted)?;
        let mut content = Content::default();
        if consumer.cached_info().num_pending == 0 {
            return Ok(content);
        }
        let mut messages = consumer.messages().await.map_err(Stop::interrupted)?;
        loop {
            let message = timeout(READ_TIMEOUT, messages.next())
                .await
                .map_err(Stop::interrupted)?
                .ok_or_else(|| Stop::Interrupted("the stream ended while it was read".into()))?
                .map_err(Stop::interrupted)?;
            let (sequence, pending) = {
                let info = message.info().map_err(Stop::Interrupted)?;
                (info.stream_sequence, info.pending)
            };
            if message.subject.as_str() == POSITION {
                content.mark = sequence;
            }
            let payload = Bytes::copy_from_slice(&message.payload);
            content.messages.insert(message.subject.to_string(), payload);
            if pending == 0 {
                return Ok(content);
            }
        }
    }

    /// The checkpoint as the leader has it.
    pub(super) async fn mark(&self) -> Result<Option<Mark>, Stop> {
        let stream = self.context.get_stream_no_info(STREAM).await.map_err(Stop::interrupted)?;
        let message = match stream.get_last_raw_message_by_subject(POSITION).await {
            Ok(message) => message,
            Err(error)
                if error.kind() == jetstream::stream::LastRawMessageErrorKind::NoMessageFound =>
            {
                return Ok(None);
            }
            Err(error) => return Err(Stop::interrupted(error)),
        };
        let checkpoint: Option<Checkpoint> = serde_json::from_slice(&message.payload).ok();
        Ok(checkpoint
            .map(|checkpoint| Mark { sequence: message.sequence, position: checkpoint.position }))
    }

    /// Writes all messages or none, if the checkpoint's sequence is still `expected`. The last message must be the
    /// checkpoint. Answers its new sequence.
    pub(super) async fn publish(&self, messages: &[Message], expected: u64) -> Result<u64, Stop> {
        let Some((closing, opening)) = messages.split_last() else { return Ok(expected) };
        let id = Uuid::new_v4().simple().to_string();
        let numbered = |index: usize| {
            let mut headers = HeaderMap::new();
            if !opening.is_empty() {
                headers.insert(NATS_BATCH_ID, id.as_str());
                headers.insert(NATS_BATCH_SEQUENCE, (index + 1).to_string());
            }
            headers
        };
        for (index, message) in opening.iter().enumerate() {
            self.client
                .publish_with_headers(
                    message.subject.clone(),
                    numbered(index),
                    message.payload.clone(),
                )
                .await
                .map_err(Stop::interrupted)?;
        }
        let mut headers = numbered(opening.len());
        if !opening.is_empty() {
            headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        }
        headers.insert(NATS_EXPECTED_STREAM, STREAM);
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        let request = Request::new()
            .headers(headers)
            .payload(closing.payload.clone())
            .timeout(Some(self.timeout));
        let answer = self
            .client
            .send_request(closing.subject.clone(), request)
            .await
            .map_err(Stop::interrupted)?;
        match serde_json::from_slice(&answer.payload).map_err(Stop::interrupted)? {
            Response::Ok(PublishAck { sequence, .. }) => Ok(sequence),
            Response::Err { error } if CONFLICTS.contains(&error.error_code()) => {
                Err(Stop::Displaced)
            }
            Response::Err { error } => Err(Stop::interrupted(error)),
        }
    }
}

async fn ask<T: Serialize>(
    context: &jetstream::Context,
    verb: &str,
    payload: &T,
) -> Result<Response<Info>, Stop> {
    context.request(format!("STREAM.{verb}.{STREAM}"), payload).await.map_err(Stop::interrupted)
}

/// The stream as it must be.
fn config(replicas: usize) -> Config {
    Config {
        name: STREAM.to_owned(),
        subjects: vec![format!("{CONFIG}>"), format!("{OWN}>")],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_messages: -1,
        max_messages_per_subject: 1,
        max_bytes: -1,
        max_age: Duration::ZERO,
        num_replicas: replicas,
        allow_direct: true,
        allow_atomic_publish: true,
        ..Config::default()
    }
}

fn differences(wanted: &Config, found: &Config) -> Vec<StreamDifference> {
    fn compare<T: PartialEq + Debug>(
        into: &mut Vec<StreamDifference>,
        setting: &'static str,
        wanted: &T,
        found: &T,
    ) {
        if wanted != found {
            let (expected, found) = (format!("{wanted:?}"), format!("{found:?}"));
            into.push(StreamDifference { setting, expected, found });
        }
    }
    // 0 and -1 both mean without a limit.
    let limit = |limit: i64| (limit > 0).then_some(limit);
    let mut list = Vec::new();
    let into = &mut list;
    compare(into, "subjects", &wanted.subjects, &found.subjects);
    compare(into, "storage", &wanted.storage, &found.storage);
    compare(into, "retention", &wanted.retention, &found.retention);
    compare(into, "discard", &wanted.discard, &found.discard);
    compare(into, "max_msgs", &limit(wanted.max_messages), &limit(found.max_messages));
    compare(
        into,
        "max_msgs_per_subject",
        &limit(wanted.max_messages_per_subject),
        &limit(found.max_messages_per_subject),
    );
    compare(into, "max_bytes", &limit(wanted.max_bytes), &limit(found.max_bytes));
    compare(into, "max_age", &wanted.max_age, &found.max_age);
    compare(into, "num_replicas", &wanted.num_replicas, &found.num_replicas);
    compare(into, "allow_direct", &wanted.allow_direct, &found.allow_direct);
    compare(into, "allow_atomic", &wanted.allow_atomic_publish, &found.allow_atomic_publish);
    compare(into, "no_ack", &wanted.no_ack, &found.no_ack);
    compare(into, "sealed", &wanted.sealed, &found.sealed);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_named() {
        let wanted = config(1);
        let mut found = wanted.clone();
        assert_eq!(differences(&wanted, &found), []);
        found.max_messages_per_subject = 5;
        found.allow_atomic_publish = false;
        let settings: Vec<_> =
            differences(&wanted, &found).into_iter().map(|each| each.setting).collect();
        assert_eq!(settings, ["max_msgs_per_subject", "allow_atomic"]);
    }
}
