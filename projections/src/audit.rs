//! The audit log: one row per commit, chained over the whole log.
//!
//! `row_hash = sha256(row_hash of the row before ‖ the commit as stored on the log)`, the first after 32 zero bytes. A
//! row that was altered, added or taken out breaks the chain; [`verify`] finds it. Whoever can write to the database
//! can make a whole new chain, so its head is signed at intervals, and both can be [exported](export) to a place they
//! cannot write to.

mod compare;
mod export;
mod head;
mod row;
mod verify;

use std::collections::HashMap;

use ff_eventlog::Recorded;
use jiff_sqlx::Timestamp;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::{
    ProjectionName,
    database::{SEPARATOR, list, text},
    name::Schema,
    parked::Parked,
    projection::{OnPoison, Projection},
    recent::Recent,
};
pub use export::{ExportReport, export};
pub use head::{SignedHead, Signer, heads, load_or_create_key, sign_head};
use row::{Named, named, snake};
pub use verify::{AuditFinding, VerifyOptions, VerifyProgress, VerifyReport, verify};

/// The hash before the first row.
pub(crate) const GENESIS: [u8; 32] = [0; 32];

/// How many aggregates' names are remembered, twice.
const REMEMBERED: usize = 100_000;
/// Rows of one statement.
const CHUNK: usize = 2000;

/// The hash of a row that follows another.
pub(crate) fn chained(before: &[u8; 32], commit: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(commit);
    hash.finalize().into()
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Audit {
    /// The hash of the last row; unknown until it is looked up.
    head: Option<[u8; 32]>,
    /// What people call an aggregate, and its project: only its first commit says that.
    names: Recent<Uuid, Named>,
    new_names: Vec<(Uuid, Named)>,
    rows: Rows,
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            head: None,
            names: Recent::new(REMEMBERED),
            new_names: Vec::new(),
            rows: Rows::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Rows {
    positions: Vec<i64>,
    times: Vec<Timestamp>,
    orgs: Vec<Uuid>,
    projects: Vec<Option<Uuid>>,
    kinds: Vec<String>,
    ids: Vec<Uuid>,
    labels: Vec<Option<String>>,
    versions: Vec<i64>,
    actor_kinds: Vec<&'static str>,
    actors: Vec<Uuid>,
    vias: Vec<&'static str>,
    comments: Vec<Option<String>>,
    actions: Vec<String>,
    commits: Vec<String>,
    hashes: Vec<Vec<u8>>,
}

impl Projection for Audit {
    const NAME: ProjectionName = ProjectionName::Audit;
    const ON_POISON: OnPoison = OnPoison::Halt;
    const FORMAT: i32 = 1;
    const TABLES: &'static str = include_str!("audit/tables.sql");
    const INDEXES: &'static str = include_str!("audit/indexes.sql");

    async fn take(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
        commits: &[Recorded],
        _: &mut Parked,
    ) -> Result<(), sqlx::Error> {
        let mut head = match self.head {
            Some(head) => head,
            None => last_hash(transaction, schema).await?,
        };
        let mut names = self.names_of(transaction, schema, commits).await?;
        for recorded in commits {
            head = chained(&head, &recorded.bytes);
            let id = recorded.commit.aggregate.id;
            let name = names.entry(id).or_default();
            self.rows.push(recorded, name, &head);
        }
        for (id, name) in names {
            self.names.put(id, name, 1);
        }
        self.head = Some(head);
        if self.rows.ids.len() >= CHUNK {
            self.flush(transaction, schema).await?;
        }
        Ok(())
    }

    async fn flush(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
    ) -> Result<(), sqlx::Error> {
        self.write_names(transaction, schema).await?;
        self.rows.write(transaction, schema).await
    }

    fn forget(&mut self) {
        *self = Self::default();
    }
}

async fn last_hash(
    transaction: &mut PgConnection,
    schema: Schema,
) -> Result<[u8; 32], sqlx::Error> {
    let sql = format!("SELECT row_hash FROM {schema}.log ORDER BY position DESC LIMIT 1");
    let row = sqlx::query(&sql).fetch_optional(transaction).await?;
    row.map_or(Ok(GENESIS), |row| row.try_get("row_hash"))
}

impl Audit {
    /// What the aggregates of these commits are called.
    async fn names_of(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
        commits: &[Recorded],
    ) -> Result<HashMap<Uuid, Named>, sqlx::Error> {
        let mut names = HashMap::with_capacity(commits.len());
        let mut unknown = Vec::new();
        for recorded in commits {
            let id = recorded.commit.aggregate.id;
            if names.contains_key(&id) {
                continue;
            }
            let name = if recorded.commit.version == 1 {
                let name = named(&recorded.commit);
                self.new_names.push((id, name.clone()));
                name
            } else {
                self.names.take(&id).unwrap_or_else(|| {
                    unknown.push(id);
                    Named::default()
                })
            };
            names.insert(id, name);
        }
        if unknown.is_empty() {
            return Ok(names);
        }
        self.write_names(transaction, schema).await?;
        let sql = format!("SELECT id, project, label FROM {schema}.names WHERE id = ANY ($1)");
        for row in sqlx::query(&sql).bind(&unknown).fetch_all(transaction).await? {
            let name = Named { project: row.try_get("project")?, label: row.try_get("label")? };
            names.insert(row.try_get("id")?, name);
        }
        Ok(names)
    }

    async fn write_names(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
    ) -> Result<(), sqlx::Error> {
        if self.new_names.is_empty() {
            return Ok(());
        }
        let mut columns = (Vec::new(), Vec::new(), Vec::new());
        for (id, name) in self.new_names.drain(..) {
            columns.0.push(id);
            columns.1.push(name.project);
            columns.2.push(name.label);
        }
        let sql = format!(
            "INSERT INTO {schema}.names (id, project, label) \
             SELECT * FROM UNNEST($1::uuid[], $2::uuid[], $3::text[])"
        );
        sqlx::query(&sql)
            .bind(columns.0)
            .bind(columns.1)
            .bind(columns.2)
            .execute(transaction)
            .await
            .map(drop)
    }
}

impl Rows {
    fn push(&mut self, recorded: &Recorded, name: &Named, hash: &[u8; 32]) {
        let commit = &recorded.commit;
        self.positions.push(recorded.position.as_i64());
        self.times.push(Timestamp::from(commit.at));
        self.orgs.push(commit.org);
        self.projects.push(name.project);
        self.kinds.push(commit.aggregate.kind.clone());
        self.ids.push(commit.aggregate.id);
        self.labels.push(name.label.clone());
        self.versions.push(commit.version.cast_signed());
        self.actor_kinds.push(snake::actor(commit.actor.kind));
        self.actors.push(commit.actor.id);
        self.vias.push(snake::via(commit.via));
        self.comments.push(commit.comment.as_deref().map(|comment| text(comment).into_owned()));
        self.actions.push(list(commit.events.iter().map(|event| event.kind.as_str())));
        self.commits.push(
            String::from_utf8(recorded.bytes.to_vec())
                .expect("a commit was parsed as JSON, which is UTF-8"),
        );
        self.hashes.push(hash.to_vec());
    }

    async fn write(
        &mut self,
        transaction: &mut PgConnection,
        schema: Schema,
    ) -> Result<(), sqlx::Error> {
        if self.ids.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(self);
        let sql = format!(
            "INSERT INTO {schema}.log (position, at, org, project, aggregate_type, aggregate_id, \
             label, version, actor_type, actor_id, via, comment, actions, commit, row_hash) \
             SELECT a, b, c, d, e, f, g, h, i, j, k, l, string_to_array(m, chr({})), n::json, o \
             FROM UNNEST($1::bigint[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[], \
             $6::uuid[], $7::text[], $8::bigint[], $9::text[], $10::uuid[], $11::text[], \
             $12::text[], $13::text[], $14::text[], $15::bytea[]) \
             AS r (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o)",
            SEPARATOR as u32
        );
        sqlx::query(&sql)
            .bind(rows.positions)
            .bind(rows.times)
            .bind(rows.orgs)
            .bind(rows.projects)
            .bind(rows.kinds)
            .bind(rows.ids)
            .bind(rows.labels)
            .bind(rows.versions)
            .bind(rows.actor_kinds)
            .bind(rows.actors)
            .bind(rows.vias)
            .bind(rows.comments)
            .bind(rows.actions)
            .bind(rows.commits)
            .bind(rows.hashes)
            .execute(transaction)
            .await
            .map(drop)
    }
}
