//! Aggregates that a read model could not follow. Their later commits are passed over too, because a state that
//! leaves out a commit is a state that never was.

use std::collections::{HashMap, HashSet};

use ff_eventlog::{Position, Recorded, StreamKey};
use sqlx::{PgConnection, Row as _};

use crate::{PoisonError, name::Schema};

/// The parked aggregates of one generation.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    known: HashSet<StreamKey>,
    changed: HashMap<StreamKey, Change>,
}

#[derive(Debug)]
struct Change {
    first: Position,
    last: Position,
    commits: i64,
    error: String,
}

impl Parked {
    /// Those that were parked before.
    pub(crate) async fn load(
        connection: &mut PgConnection,
        schema: Schema,
    ) -> Result<Self, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT org, aggregate_type, aggregate_id FROM projection.parked \
             WHERE name = $1 AND generation = $2",
        )
        .bind(schema.name.as_str())
        .bind(schema.generation)
        .fetch_all(connection)
        .await?;
        let mut known = HashSet::with_capacity(rows.len());
        for row in rows {
            let kind: String = row.try_get("aggregate_type")?;
            known.insert(StreamKey::new(row.try_get("org")?, kind, row.try_get("aggregate_id")?));
        }
        Ok(Self { known, changed: HashMap::new() })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether the commit is of a parked aggregate and thereby passed over.
    pub(crate) fn passes_over(&mut self, commit: &Recorded) -> bool {
        if self.known.is_empty() {
            return false;
        }
        let stream = commit.commit.stream();
        if !self.known.contains(&stream) {
            return false;
        }
        self.note(stream, commit.position, String::new());
        true
    }

    /// Parks the commit's aggregate.
    pub(crate) fn park(&mut self, schema: Schema, commit: &Recorded, error: &PoisonError) {
        let stream = commit.commit.stream();
        let mut causes = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            causes = format!("{causes}: {cause}");
            source = cause.source();
        }
        tracing::error!(
            projection = %schema.name,
            projection.generation = schema.generation,
            aggregate = %stream,
            position = %commit.position,
            error = %causes,
            "projection.parked"
        );
        self.known.insert(stream.clone());
        self.note(stream, commit.position, causes);
    }

    fn note(&mut self, stream: StreamKey, position: Position, error: String) {
        let change = self.changed.entry(stream).or_insert(Change {
            first: position,
            last: position,
            commits: 0,
            error,
        });
        change.last = position;
        change.commits += 1;
    }

    /// Writes what was parked or passed over since the last time.
    pub(crate) async fn flush(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
    ) -> Result<(), sqlx::Error> {
        for (stream, change) in self.changed.drain() {
            sqlx::query(
                "INSERT INTO projection.parked AS p (name, generation, org, aggregate_type, \
                 aggregate_id, first_position, last_position, commits, error) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
                 ON CONFLICT (name, generation, aggregate_type, aggregate_id) DO UPDATE \
                 SET last_position = EXCLUDED.last_position, commits = p.commits + EXCLUDED.commits",
            )
            .bind(schema.name.as_str())
            .bind(schema.generation)
            .bind(stream.org)
            .bind(&*stream.kind)
            .bind(stream.id)
            .bind(change.first.as_i64())
            .bind(change.last.as_i64())
            .bind(change.commits)
            .bind(crate::database::text(&change.error))
            .execute(&mut *transaction)
            .await?;
        }
        Ok(())
    }
}
