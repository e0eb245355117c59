//! Reading the stream of config: all of it, and then what comes.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::push::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use ff_evaluator::wire::STREAM;
use futures::StreamExt;
use tokio::time::timeout;
use uuid::Uuid;

use super::held::{Held, Object, ObjectName};

/// The longest silence while messages are there to be read.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
const PREFIX: &str = "ff.cfg.";

/// Why config cannot be followed at the moment.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
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
    pub(super) fn read(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Read(source.into())
    }
}

/// One message.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) environment: Uuid,
    pub(super) part: Part,
}

#[derive(Debug)]
pub(super) enum Part {
    /// None means gone.
    Object(ObjectName, Option<Object>),
    /// A change is whole.
    Head,
}

/// The messages of the stream, in their order.
pub(super) struct Reader {
    messages: Ordered,
    pending: u64,
    pub(super) last: u64,
}

impl Reader {
    /// Begins with the newest message of every object.
    pub(super) async fn start(context: &Context) -> Result<Self, FollowError> {
        let consumer = context
            .create_consumer_on_stream(
                OrderedConfig {
                    deliver_subject: context.client().new_inbox(),
                    deliver_policy: DeliverPolicy::All,
                    replay_policy: ReplayPolicy::Instant,
                    filter_subject: format!("{PREFIX}>"),
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
    pub(super) async fn whole(&mut self) -> Result<BTreeMap<Uuid, Held>, FollowError> {
        let mut environments: BTreeMap<Uuid, Held> = BTreeMap::new();
        while self.pending > 0 {
            let next = timeout(READ_TIMEOUT, self.next()).await.map_err(|_| FollowError::Silent)?;
            if let Some(Update { environment, part }) = next? {
                environments.entry(environment).or_default().take(part);
            }
        }
        Ok(environments)
    }

    /// The next message; `None` if it is of no kind that matters here.
    pub(super) async fn next(&mut self) -> Result<Option<Update>, FollowError> {
        let message =
            self.messages.next().await.ok_or(FollowError::Ended)?.map_err(FollowError::read)?;
        let info = message.info().map_err(FollowError::read)?;
        self.pending = info.pending;
        self.last = info.stream_sequence;
        Ok(read(&message.subject, &message.payload))
    }
}

fn read(subject: &str, payload: &[u8]) -> Option<Update> {
    let (environment, rest) = subject.strip_prefix(PREFIX)?.split_once('.')?;
    let environment = environment.parse().ok()?;
    let part = match rest.split_once('.') {
        None if rest == "_head" => Part::Head,
        None => return None,
        Some((kind, name)) => {
            let object = if payload.is_empty() { None } else { Object::read(kind, payload)? };
            Part::Object((kind.into(), name.into()), object)
        }
    };
    Some(Update { environment, part })
}
