//! The aggregates of one kind: read from the table when a commit comes, changed in memory, and written back once.

use std::collections::HashMap;

use cqrs_es::persist::EventUpcaster;
use ff_eventlog::{Position, Recorded, decode};
use jiff::Timestamp;
use rustc_hash::FxBuildHasher;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    kinds::Cataloged,
    table::{Row, Stored},
};
use crate::{PoisonError, name::Schema, parked::Parked, recent::Recent};

/// Rows of one statement.
const CHUNK: usize = 1000;
/// What an aggregate weighs beside its document.
const OVERHEAD: usize = 256;

/// See the module.
#[derive(Debug)]
pub(super) struct Shelf<A> {
    /// What was changed and not written yet.
    changed: HashMap<Uuid, Entry<A>, FxBuildHasher>,
    /// What is in memory as it is in the table.
    recent: Recent<Uuid, Entry<A>>,
}

#[derive(Debug)]
struct Entry<A> {
    aggregate: A,
    version: u64,
    created_at: Timestamp,
    updated_at: Timestamp,
    position: Position,
}

impl<A: Cataloged> Shelf<A> {
    /// Remembers up to twice `bytes` of documents.
    pub(super) fn new(bytes: usize) -> Self {
        Self { changed: HashMap::default(), recent: Recent::new(bytes) }
    }

    pub(super) fn forget(&mut self) {
        self.changed.clear();
        self.recent.clear();
    }

    /// Applies commits of this kind.
    pub(super) async fn take(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
        commits: &[&Recorded],
        upcasters: &[Box<dyn EventUpcaster>],
        parked: &mut Parked,
    ) -> Result<(), sqlx::Error> {
        let mut stored = self.load(transaction, schema, commits).await?;
        for recorded in commits {
            if parked.passes_over(recorded) {
                continue;
            }
            if let Err(error) = self.apply(recorded, &mut stored, upcasters) {
                parked.park(schema, recorded, &error);
            }
        }
        Ok(())
    }

    /// What is in the table of those that are not in memory.
    async fn load(
        &self,
        transaction: &mut PgConnection,
        schema: Schema,
        commits: &[&Recorded],
    ) -> Result<HashMap<Uuid, Stored>, sqlx::Error> {
        let mut missing: Vec<Uuid> = commits
            .iter()
            .filter(|recorded| recorded.commit.version > 1)
            .map(|recorded| recorded.commit.aggregate.id)
            .filter(|id| !self.changed.contains_key(id) && !self.recent.contains(id))
            .collect();
        if missing.is_empty() {
            return Ok(HashMap::new());
        }
        missing.sort_unstable();
        missing.dedup();
        A::TABLE.load(transaction, schema, &missing).await
    }

    /// Applies a commit. After an error the aggregate is as it was.
    fn apply(
        &mut self,
        recorded: &Recorded,
        stored: &mut HashMap<Uuid, Stored>,
        upcasters: &[Box<dyn EventUpcaster>],
    ) -> Result<(), PoisonError> {
        let commit = &recorded.commit;
        let id = commit.aggregate.id;
        let events = commit
            .events
            .iter()
            .enumerate()
            .map(|(event, record)| {
                decode::<A::Event>(record, upcasters)
                    .map_err(|source| PoisonError::Undecodable { event, source })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(entry) = self.recent.take(&id) {
            self.changed.insert(id, entry);
        } else if let Some(stored) = stored.remove(&id) {
            let Stored { archived, version, created_at, updated_at, position, document } = stored;
            let aggregate = A::restore(&document, archived).map_err(PoisonError::Stored)?;
            let entry = Entry { aggregate, version, created_at, updated_at, position };
            self.changed.insert(id, entry);
        }
        let expected = self.changed.get(&id).map_or(0, |entry| entry.version) + 1;
        if commit.version != expected {
            return Err(PoisonError::Gap { expected, found: commit.version });
        }
        let entry = self.changed.entry(id).or_insert_with(|| Entry {
            aggregate: A::default(),
            version: 0,
            created_at: commit.at,
            updated_at: commit.at,
            position: recorded.position,
        });
        for event in events {
            entry.aggregate.apply(event);
        }
        if !entry.aggregate.exists() {
            self.changed.remove(&id);
            return Err(PoisonError::Absent);
        }
        entry.version = commit.version;
        entry.updated_at = commit.at;
        entry.position = recorded.position;
        Ok(())
    }

    /// Writes what was changed.
    pub(super) async fn flush(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
    ) -> Result<(), sqlx::Error> {
        let mut changed = std::mem::take(&mut self.changed).into_iter();
        loop {
            let mut rows = Vec::new();
            for (id, entry) in changed.by_ref().take(CHUNK) {
                let Some(described) = entry.aggregate.describe() else { continue };
                let weight = described.document.len() + OVERHEAD;
                rows.push(Row {
                    id,
                    archived: described.archived,
                    version: entry.version,
                    created_at: entry.created_at,
                    updated_at: entry.updated_at,
                    position: entry.position.as_i64(),
                    document: described.document,
                    cells: described.cells,
                });
                self.recent.put(id, entry, weight);
            }
            if rows.is_empty() {
                return Ok(());
            }
            A::TABLE.upsert(transaction, schema, rows).await?;
        }
    }
}
