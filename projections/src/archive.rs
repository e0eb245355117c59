//! The archive: every event of the log in the table that postgres-es reads.
//!
//! The rows are those its repository would write (payload tagged with the event's type, metadata a map of texts), but
//! they are written with the checkpoint. It is where history and states of the past come from, without a walk over
//! the log, and a second copy of the truth.

use std::collections::{BTreeMap, HashMap};

use ff_eventlog::{CommitMeta, Recorded};
use serde::Serialize;
use serde_json::Value;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::{
    ProjectionName,
    database::text,
    name::Schema,
    parked::Parked,
    projection::{OnPoison, Projection},
    recent::Recent,
};

/// Where the metadata has the commit's position.
pub(crate) const POSITION: &str = "position";
/// Where the metadata has the aggregate's version.
pub(crate) const VERSION: &str = "version";

/// How many aggregates are remembered, twice.
const REMEMBERED: usize = 100_000;
/// Rows of one statement.
const CHUNK: usize = 2000;

/// The table of a generation.
pub(crate) fn table(schema: Schema) -> String {
    format!("{schema}.events")
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Archive {
    /// How many events an aggregate has.
    counts: Recent<(String, Uuid), i64>,
    rows: Rows,
}

impl Default for Archive {
    fn default() -> Self {
        Self { counts: Recent::new(REMEMBERED), rows: Rows::default() }
    }
}

#[derive(Debug, Default)]
struct Rows {
    kinds: Vec<String>,
    ids: Vec<String>,
    sequences: Vec<i64>,
    types: Vec<String>,
    versions: Vec<String>,
    payloads: Vec<String>,
    metadata: Vec<String>,
}

/// How cqrs-es stores an event: with its type beside its data.
#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Value::is_null")]
    data: &'a Value,
}

impl Projection for Archive {
    const NAME: ProjectionName = ProjectionName::Archive;
    const ON_POISON: OnPoison = OnPoison::Halt;
    const FORMAT: i32 = 1;
    const TABLES: &'static str = "
        CREATE TABLE {schema}.events (
            aggregate_type text COLLATE \"C\" NOT NULL,
            aggregate_id   text COLLATE \"C\" NOT NULL,
            sequence       bigint NOT NULL CHECK (sequence > 0),
            event_type     text   NOT NULL,
            event_version  text   NOT NULL,
            payload        json   NOT NULL,
            metadata       json   NOT NULL,
            PRIMARY KEY (aggregate_type, aggregate_id, sequence)
        )";
    const INDEXES: &'static str = "";

    async fn take(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
        commits: &[Recorded],
        _: &mut Parked,
    ) -> Result<(), sqlx::Error> {
        let mut counts = self.counts_of(transaction, schema, commits).await?;
        for recorded in commits {
            let commit = &recorded.commit;
            let count = counts.entry((&commit.aggregate.kind, commit.aggregate.id)).or_insert(0);
            let metadata = metadata(recorded);
            let id = commit.aggregate.id.to_string();
            for event in &commit.events {
                *count += 1;
                self.rows.kinds.push(commit.aggregate.kind.clone());
                self.rows.ids.push(id.clone());
                self.rows.sequences.push(*count);
                self.rows.types.push(text(&event.kind).into_owned());
                self.rows.versions.push(event.v.to_string());
                self.rows.payloads.push(json(&Payload { kind: &event.kind, data: &event.data }));
                self.rows.metadata.push(metadata.clone());
            }
        }
        for ((kind, id), count) in counts {
            self.counts.put((kind.to_owned(), id), count, 1);
        }
        if self.rows.ids.len() >= CHUNK {
            self.write(transaction, schema).await?;
        }
        Ok(())
    }

    async fn flush(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
    ) -> Result<(), sqlx::Error> {
        self.write(transaction, schema).await
    }

    fn forget(&mut self) {
        *self = Self::default();
    }
}

impl Archive {
    /// How many events each aggregate had before these commits. Only an aggregate that was not seen for long, and
    /// is not new, is looked up.
    async fn counts_of<'c>(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
        commits: &'c [Recorded],
    ) -> Result<HashMap<(&'c str, Uuid), i64>, sqlx::Error> {
        let mut counts = HashMap::with_capacity(commits.len());
        let mut unknown: Vec<(&'c str, Uuid)> = Vec::new();
        for recorded in commits {
            let aggregate = &recorded.commit.aggregate;
            let key = (aggregate.kind.as_str(), aggregate.id);
            if counts.contains_key(&key) {
                continue;
            }
            let known = self.counts.take(&(aggregate.kind.clone(), aggregate.id));
            if known.is_none() && recorded.commit.version > 1 {
                unknown.push(key);
            }
            counts.insert(key, known.unwrap_or(0));
        }
        if unknown.is_empty() {
            return Ok(counts);
        }
        // What was taken but not written yet counts too, so it is written first.
        self.write(transaction, schema).await?;
        let (kinds, ids): (Vec<&str>, Vec<Uuid>) = unknown.iter().copied().unzip();
        let sql = format!(
            "SELECT k.index, e.sequence \
             FROM UNNEST($1::text[], $2::uuid[]) WITH ORDINALITY AS k (kind, id, index) \
             CROSS JOIN LATERAL (SELECT sequence FROM {} WHERE aggregate_type = k.kind \
             AND aggregate_id = k.id::text ORDER BY sequence DESC LIMIT 1) AS e",
            table(schema)
        );
        let rows = sqlx::query(&sql).bind(&kinds).bind(&ids).fetch_all(transaction).await?;
        for row in rows {
            let index = usize::try_from(row.try_get::<i64, _>("index")? - 1);
            if let Some(key) = index.ok().and_then(|index| unknown.get(index)) {
                counts.insert(*key, row.try_get("sequence")?);
            }
        }
        Ok(counts)
    }

    async fn write(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
    ) -> Result<(), sqlx::Error> {
        if self.rows.ids.is_empty() {
            return Ok(());
        }
        let Rows { kinds, ids, sequences, types, versions, payloads, metadata } =
            std::mem::take(&mut self.rows);
        let sql = format!(
            "INSERT INTO {} (aggregate_type, aggregate_id, sequence, event_type, event_version, \
             payload, metadata) SELECT a, b, c, d, e, f::json, g::json FROM UNNEST($1::text[], \
             $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[]) \
             AS r (a, b, c, d, e, f, g)",
            table(schema)
        );
        sqlx::query(&sql)
            .bind(kinds)
            .bind(ids)
            .bind(sequences)
            .bind(types)
            .bind(versions)
            .bind(payloads)
            .bind(metadata)
            .execute(transaction)
            .await
            .map(drop)
    }
}

/// The metadata of a commit's events, in a fixed order, so that a replay writes the same bytes.
fn metadata(recorded: &Recorded) -> String {
    let commit = &recorded.commit;
    let meta = CommitMeta {
        command_id: commit.command_id,
        correlation_id: commit.correlation_id,
        causation: commit.causation.clone(),
        at: commit.at,
        actor: commit.actor.clone(),
        via: commit.via,
        comment: commit.comment.clone(),
    };
    let mut metadata: BTreeMap<String, String> = meta.to_metadata().into_iter().collect();
    metadata.insert(POSITION.to_owned(), recorded.position.to_string());
    metadata.insert(VERSION.to_owned(), commit.version.to_string());
    json(&metadata)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and JSON values can always be written as JSON")
}
