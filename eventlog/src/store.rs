//! Aggregates over the log, and the log as the event store of cqrs-es.
//!
//! The executor loads, refreshes and appends by the plain functions, because it retries and answers
//! repeated commands. [`EventStore`] is there for what cqrs-es offers on top of it. Its snapshot and
//! aggregate stores are not: version 0.5.0 applies every event twice into a snapshot.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cqrs_es::persist::EventUpcaster;
use cqrs_es::{Aggregate, AggregateError, EventEnvelope, EventStore};
use uuid::Uuid;

use crate::{
    AppendError, CommitMeta, Draft, EventLog, Freshness, Loaded, LogError, StreamKey, encode,
    replay,
};

/// The upcasters of all events, in the order in which they apply.
pub type Upcasters = Arc<[Box<dyn EventUpcaster>]>;

/// Loads aggregates from a log. Cheap to clone.
#[derive(Clone)]
pub struct CqrsStore<L> {
    log: L,
    upcasters: Upcasters,
}

impl<L: fmt::Debug> fmt::Debug for CqrsStore<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CqrsStore").field("log", &self.log).finish_non_exhaustive()
    }
}

impl<L: EventLog> CqrsStore<L> {
    /// A store over `log`.
    pub fn new(log: L, upcasters: impl Into<Upcasters>) -> Self {
        Self { log, upcasters: upcasters.into() }
    }

    /// The log below.
    pub fn log(&self) -> &L {
        &self.log
    }

    /// The upcasters that every event goes through.
    pub fn upcasters(&self) -> &[Box<dyn EventUpcaster>] {
        &self.upcasters
    }

    /// Loads an aggregate from its first commit on, from any replica.
    ///
    /// # Errors
    /// See [`EventLog::history`] and [`replay`].
    pub async fn load<A: Aggregate>(&self, key: &StreamKey) -> Result<Loaded<A>, LogError> {
        let mut loaded = Loaded::absent(key.clone());
        self.refresh(&mut loaded, Freshness::Any).await?;
        Ok(loaded)
    }

    /// Applies what was committed since `loaded` was loaded.
    ///
    /// # Errors
    /// See [`EventLog::history`] and [`replay`].
    pub async fn refresh<A: Aggregate>(
        &self,
        loaded: &mut Loaded<A>,
        read: Freshness,
    ) -> Result<(), LogError> {
        let commits = self.log.history(&loaded.key, loaded.tip.as_ref(), read).await?;
        replay(loaded, &commits, &self.upcasters)
    }
}

impl<A: Aggregate, L: EventLog> EventStore<A> for CqrsStore<L> {
    type AC = Loaded<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        let key = parse_id::<A>(aggregate_id)?;
        let commits = self.log.history(&key, None, Freshness::Any).await.map_err(read_error)?;
        let mut envelopes = Vec::new();
        for commit in &commits {
            let metadata = CommitMeta {
                command_id: commit.commit.command_id,
                correlation_id: commit.commit.correlation_id,
                causation: commit.commit.causation.clone(),
                at: commit.commit.at,
                actor: commit.commit.actor.clone(),
                via: commit.commit.via,
                comment: commit.commit.comment.clone(),
            }
            .to_metadata();
            for (event, record) in commit.commit.events.iter().enumerate() {
                let payload = crate::decode(record, &self.upcasters).map_err(|source| {
                    read_error(LogError::Undecodable { position: commit.position, event, source })
                })?;
                envelopes.push(EventEnvelope {
                    aggregate_id: aggregate_id.to_owned(),
                    sequence: envelopes.len() + 1,
                    payload,
                    metadata: metadata.clone(),
                });
            }
        }
        Ok(envelopes)
    }

    async fn load_aggregate(
        &self,
        aggregate_id: &str,
    ) -> Result<Loaded<A>, AggregateError<A::Error>> {
        let key = parse_id::<A>(aggregate_id)?;
        self.load(&key).await.map_err(read_error)
    }

    async fn commit(
        &self,
        events: Vec<A::Event>,
        context: Loaded<A>,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<A>>, AggregateError<A::Error>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let records = events
            .iter()
            .map(encode)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| AggregateError::UnexpectedError(error.into()))?;
        let meta = CommitMeta::from_metadata(&metadata)
            .map_err(|error| AggregateError::UnexpectedError(error.into()))?;
        let aggregate_id = format!("{}/{}", context.key.org, context.key.id);
        let draft = Draft { stream: context.key, tip: context.tip, meta, events: records };
        self.log.append(vec![draft]).await.map_err(append_error)?;
        Ok(events
            .into_iter()
            .zip(context.events + 1..)
            .map(|(payload, sequence)| EventEnvelope {
                aggregate_id: aggregate_id.clone(),
                sequence,
                payload,
                metadata: metadata.clone(),
            })
            .collect())
    }
}

/// The text does not name an aggregate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{id}` is no aggregate id, it must be `<organization>/<aggregate>`, two UUIDs")]
pub struct BadAggregateId {
    /// The text.
    pub id: String,
}

fn parse_id<A: Aggregate>(id: &str) -> Result<StreamKey, AggregateError<A::Error>> {
    let parts = id.split_once('/').and_then(|(org, aggregate)| {
        Some((Uuid::parse_str(org).ok()?, Uuid::parse_str(aggregate).ok()?))
    });
    match parts {
        Some((org, aggregate)) => Ok(StreamKey::new(org, A::TYPE, aggregate)),
        None => {
            Err(AggregateError::UnexpectedError(Box::new(BadAggregateId { id: id.to_owned() })))
        }
    }
}

fn read_error<E: std::error::Error>(error: LogError) -> AggregateError<E> {
    match error {
        LogError::Unavailable { .. } => AggregateError::DatabaseConnectionError(error.into()),
        LogError::Undecodable { .. } => AggregateError::DeserializationError(error.into()),
        other => AggregateError::UnexpectedError(other.into()),
    }
}

fn append_error<E: std::error::Error>(error: AppendError) -> AggregateError<E> {
    match error {
        AppendError::Conflict => AggregateError::AggregateConflict,
        AppendError::Unavailable { .. } | AppendError::Unknown { .. } => {
            AggregateError::DatabaseConnectionError(error.into())
        }
        other => AggregateError::UnexpectedError(other.into()),
    }
}
