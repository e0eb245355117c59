//! The past of one aggregate, read from the archive with the repository of postgres-es: what happened to it, and
//! what it was at a position. Its snapshots are never used: that version applies every event twice into them.

use std::time::Duration;

use cqrs_es::{
    Aggregate,
    persist::{PersistedEventRepository as _, PersistenceError, SerializedEvent},
};
use ff_domain::upcast::upcasters;
use ff_eventlog::{Actor, CommitMeta, EventRecord, Position, Via};
use jiff::Timestamp;
use postgres_es::PostgresEventRepository;
use serde_json::Value;
use uuid::Uuid;

use super::{Page, Queries, Slice};
use crate::{ProjectionName, QueryError, archive, name::Schema};

/// How long a state of the past waits for the archive to have come there.
const PATIENCE: Duration = Duration::from_secs(2);
const LIST: &str = "history";

/// An aggregate as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Past<A> {
    /// What it was.
    pub aggregate: A,
    /// The number of its commits until then.
    pub version: u64,
    /// The last of them.
    pub position: Position,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last before then.
    pub updated_at: Timestamp,
}

/// One event of an aggregate, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryEntry {
    /// The commit it belongs to.
    pub position: Position,
    /// The aggregate's version after that commit.
    pub version: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The way it came in.
    pub via: Via,
    /// Why it was done.
    pub comment: Option<String>,
    /// What happened.
    pub event: EventRecord,
}

impl Queries {
    /// What happened to an aggregate, from the first event on.
    pub async fn history<A: Aggregate>(
        &self,
        id: Uuid,
        page: &Page,
    ) -> Result<Slice<HistoryEntry>, QueryError> {
        let after: usize = page.begin(LIST)?.unwrap_or(0);
        let events = self.events::<A>(id, after).await?;
        let most = usize::try_from(page.fetch()).unwrap_or(usize::MAX);
        let entries = events
            .iter()
            .take(most)
            .map(|event| Ok((event.sequence, entry(event)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| unreadable::<A>(id, source))?;
        let Slice { items, next_cursor } =
            Slice::cut(entries, page, LIST, |(sequence, _): &(usize, _)| *sequence);
        Ok(Slice { items: items.into_iter().map(|(_, entry)| entry).collect(), next_cursor })
    }

    /// What an aggregate was after the commit at `position`; none if it did not exist then.
    pub async fn as_of<A: Aggregate>(
        &self,
        id: Uuid,
        position: Position,
    ) -> Result<Option<A>, QueryError> {
        Ok(self.past(id, position).await?.map(|past| past.aggregate))
    }

    /// What an aggregate was after the commit at `position`, and since when; none if it did not exist then.
    pub async fn past<A: Aggregate>(
        &self,
        id: Uuid,
        position: Position,
    ) -> Result<Option<Past<A>>, QueryError> {
        self.wait_for_projection(ProjectionName::Archive, position, PATIENCE).await?;
        let upcasters = upcasters();
        let mut past: Option<Past<A>> = None;
        for event in self.events::<A>(id, 0).await? {
            let entry = entry(&event).map_err(|source| unreadable::<A>(id, source))?;
            if entry.position > position {
                break;
            }
            let event = ff_eventlog::decode::<A::Event>(&entry.event, &upcasters)
                .map_err(|source| unreadable::<A>(id, source.into()))?;
            let past = past.get_or_insert_with(|| Past {
                aggregate: A::default(),
                version: 0,
                position: entry.position,
                created_at: entry.at,
                updated_at: entry.at,
            });
            past.aggregate.apply(event);
            past.version = entry.version;
            past.position = entry.position;
            past.updated_at = entry.at;
        }
        Ok(past)
    }

    async fn events<A: Aggregate>(
        &self,
        id: Uuid,
        after: usize,
    ) -> Result<Vec<SerializedEvent>, QueryError> {
        self.read(ProjectionName::Archive, |schema| async move {
            let events = self.repository(schema).get_last_events::<A>(&id.to_string(), after).await;
            events.map_err(|error| match error {
                PersistenceError::ConnectionError(cause)
                | PersistenceError::DeserializationError(cause)
                | PersistenceError::UnknownError(cause) => match cause.downcast::<sqlx::Error>() {
                    Ok(source) => QueryError::from_sql(ProjectionName::Archive, *source),
                    Err(cause) => unreadable::<A>(id, cause),
                },
                error @ PersistenceError::OptimisticLockError => {
                    unreadable::<A>(id, Box::new(error))
                }
            })
        })
        .await
    }

    fn repository(&self, schema: Schema) -> PostgresEventRepository {
        // There is no table of snapshots, so that none can be used by mistake.
        PostgresEventRepository::new(self.pool.clone())
            .with_tables(&archive::table(schema), &format!("{schema}.no_snapshots"))
    }
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

fn unreadable<A: Aggregate>(id: Uuid, source: Cause) -> QueryError {
    QueryError::unreadable(A::TYPE, id, source)
}

fn entry(event: &SerializedEvent) -> Result<HistoryEntry, Cause> {
    let metadata = serde_json::from_value(event.metadata.clone())?;
    let CommitMeta { at, actor, via, comment, .. } = CommitMeta::from_metadata(&metadata)?;
    let number = |key: &str| metadata.get(key).map(String::as_str).unwrap_or_default();
    Ok(HistoryEntry {
        position: number(archive::POSITION).parse()?,
        version: number(archive::VERSION).parse()?,
        at,
        actor,
        via,
        comment,
        event: EventRecord {
            kind: event.event_type.clone(),
            v: event.event_version.parse()?,
            data: event.payload.get("data").cloned().unwrap_or(Value::Null),
        },
    })
}
