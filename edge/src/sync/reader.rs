//! Reading the stream of config: all of it, or one environment, and then what comes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use bytes::Bytes;
use ff_evaluator::wire::{Head, STREAM};
use futures::StreamExt;
use tokio::time::timeout;

use crate::disk;
use crate::held::{ObjectName, Objects};

/// The longest silence while messages are there to be read.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
const PREFIX: &str = "ff.cfg.";

/// Why config cannot be followed at the moment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    #[error("the stream of config cannot be read")]
    Read(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the stream of config fell silent while it was read")]
    Silent,
    #[error("the stream of config ended")]
    Ended,
    #[error("the stream of config was made anew")]
    Replaced,
}

impl FollowError {
    pub(crate) fn read(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Read(source.into())
    }
}

/// One message.
#[derive(Debug)]
pub(crate) struct Update {
    pub(crate) environment: Arc<str>,
    pub(crate) sequence: u64,
    pub(crate) part: Part,
}

#[derive(Debug)]
pub(crate) enum Part {
    /// An empty body means gone.
    Object(ObjectName, Bytes),
    Head(Head),
}

/// What the stream has of one environment.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) objects: Objects,
    pub(crate) head: Option<Head>,
    /// The sequence of the last message in it.
    pub(crate) last: u64,
}

/// The messages of a stream, in their order.
pub(crate) struct Reader {
    messages: Ordered,
    pending: u64,
    pub(crate) last: u64,
}

impl Reader {
    /// Begins with the newest message of every object; `environment` reads one alone.
    pub(crate) async fn start(
        context: &Context,
        environment: Option<&str>,
    ) -> Result<Self, FollowError> {
        let filter =
            environment.map_or_else(|| format!("{PREFIX}>"), |id| format!("{PREFIX}{id}.>"));
        let consumer = context
            .create_consumer_on_stream(
                OrderedConfig {
                    deliver_subject: context.client().new_inbox(),
                    deliver_policy: DeliverPolicy::All,
                    replay_policy: ReplayPolicy::Instant,
                    filter_subject: filter,
                    ..OrderedConfig::default()
                },
                STREAM,
            )
            .await
            .map_err(FollowError::read)?;
        let pending = consumer.cached_info().num_pending;
        let messages = consumer.messages().await.map_err(FollowError::read)?;
        Ok(Self { messages, pending, last: 0 })
    }

    /// Reads what is there already.
    pub(crate) async fn whole(&mut self) -> Result<BTreeMap<Arc<str>, Content>, FollowError> {
        let mut environments: BTreeMap<Arc<str>, Content> = BTreeMap::new();
        while self.pending > 0 {
            let next = timeout(READ_TIMEOUT, self.next()).await.map_err(|_| FollowError::Silent)?;
            let Some(update) = next? else { continue };
            let content = environments.entry(update.environment).or_default();
            content.last = update.sequence;
            match update.part {
                Part::Head(head) => content.head = Some(head),
                Part::Object(name, bytes) if bytes.is_empty() => {
                    content.objects.remove(&name);
                }
                Part::Object(name, bytes) => {
                    content.objects.insert(name, bytes);
                }
            }
        }
        Ok(environments)
    }

    /// The next message; `None` if it is of no kind this edge knows.
    pub(crate) async fn next(&mut self) -> Result<Option<Update>, FollowError> {
        let message =
            self.messages.next().await.ok_or(FollowError::Ended)?.map_err(FollowError::read)?;
        let info = message.info().map_err(FollowError::read)?;
        self.pending = info.pending;
        self.last = info.stream_sequence;
        Ok(read(&message.subject, &message.payload, self.last))
    }
}

fn read(subject: &str, payload: &Bytes, sequence: u64) -> Option<Update> {
    let (environment, rest) = subject.strip_prefix(PREFIX)?.split_once('.')?;
    // It becomes the name of a file.
    if !environment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return None;
    }
    let part = match rest.split_once('.') {
        None if rest == "_head" => Part::Head(serde_json::from_slice(payload).ok()?),
        None => return None,
        // The message is a part of a much larger buffer, which it would keep alive.
        Some((kind, name)) => {
            Part::Object((disk::kind(kind)?, name.into()), Bytes::copy_from_slice(payload))
        }
    };
    Some(Update { environment: environment.into(), sequence, part })
}
