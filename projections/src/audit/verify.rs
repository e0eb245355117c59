//! The walk along the chain that proves the audit log unharmed, by itself and against the log.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use ff_eventlog::{Commit, Digest, EventLog, Position};
use sqlx::{PgPool, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{GENESIS, SignedHead, chained, compare::Comparison, heads, named, snake};
use crate::{ProjectionError, ProjectionName, checkpoint::Checkpoint, database::text};

/// Rows read at once.
const STEP: i64 = 1000;

/// What to check beside the chain itself.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// Only heads signed with this key count; signatures with others are findings. Without it any key is believed, and
    /// whoever can write to the database could have made one.
    pub trusted: Option<VerifyingKey>,
    /// Heads that were exported, and must still be in the chain.
    pub heads: Vec<SignedHead>,
}

/// How far a walk has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyProgress {
    /// The last row that was seen.
    pub position: Position,
    /// Where the audit log says it ends.
    pub end: Position,
    /// How many rows were seen.
    pub rows: u64,
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifyReport {
    /// How many rows there are.
    pub rows: u64,
    /// The last of them.
    pub position: Position,
    /// Its hash.
    pub row_hash: Digest,
    /// How many signed heads were met.
    pub heads: usize,
    /// Whether the rows were compared with the log.
    pub with_log: bool,
    /// Everything that is wrong.
    pub findings: Vec<AuditFinding>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Something that is wrong with the audit log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditFinding {
    /// Its hash does not follow from the row before and the commit.
    #[error("the row at position {position} was altered, or the one before it was exchanged")]
    ChainBroken {
        /// The row.
        position: Position,
    },
    /// Rows are not there between two others.
    #[error("rows are missing after position {after} and before {found}")]
    Removed {
        /// The row before.
        after: Position,
        /// The row after.
        found: Position,
    },
    /// The rows end before they should.
    #[error("the rows end at position {found}, but went on to {expected}")]
    CutOff {
        /// The last row.
        found: Position,
        /// How far they went.
        expected: Position,
    },
    /// A column says something else than the commit in the same row.
    #[error("column {column} of the row at position {position} contradicts its commit")]
    ColumnDiffers {
        /// The row.
        position: Position,
        /// The column.
        column: &'static str,
    },
    /// What is in the row is no commit.
    #[error("the row at position {position} holds no commit")]
    NoCommit {
        /// The row.
        position: Position,
    },
    /// The log has another commit there.
    #[error("the commit in the row at position {position} is not the one on the log")]
    DiffersFromLog {
        /// The row.
        position: Position,
    },
    /// The log has no commit there.
    #[error("the row at position {position} has no commit on the log")]
    NotOnLog {
        /// The row.
        position: Position,
    },
    /// The log has a commit that has no row.
    #[error("the commit at position {position} of the log has no row")]
    NoRow {
        /// The commit.
        position: Position,
    },
    /// A head was signed with another hash than the row has.
    #[error("the head signed at position {position} is not in the chain: the rows were rewritten")]
    HeadDiffers {
        /// The position.
        position: Position,
    },
    /// A head's signature is not by the key it names, or not by the trusted one.
    #[error("the signature of the head at position {position} is not good")]
    BadSignature {
        /// The position.
        position: Position,
    },
}

/// Walks along the chain in Postgres and, given the log, compares row by row with it. A damaged audit log is a report with
/// findings, not an error.
pub async fn verify<L: EventLog>(
    pool: &PgPool,
    log: Option<&L>,
    options: &VerifyOptions,
    mut progress: impl FnMut(VerifyProgress),
) -> Result<VerifyReport, ProjectionError> {
    let error = ProjectionError::sql("read the audit log");
    let mut connection = pool.acquire().await.map_err(&error)?;
    let live = Checkpoint::live(&mut connection, ProjectionName::Audit).await.map_err(&error)?;
    // Without an audit log there is nothing to be wrong, except for the heads that say there was one.
    let (schema, end) =
        live.map_or((None, Position::ZERO), |live| (Some(live.schema), live.position));
    let mut walk = Walk {
        last: Position::ZERO,
        hash: GENESIS,
        rows: 0,
        heads: signed_heads(pool, options).await?,
        met: 0,
        findings: Vec::new(),
    };
    let mut comparison = match log {
        Some(log) => Some(Comparison::start(log, end).await?),
        None => None,
    };
    while let Some(schema) = schema {
        let sql = format!(
            "SELECT position, at, org, project, label, aggregate_type, aggregate_id, version, \
             actor_type, actor_id, via, comment, actions, commit::text AS commit, row_hash \
             FROM {schema}.log WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3"
        );
        let rows = sqlx::query(&sql)
            .bind(walk.last.as_i64())
            .bind(end.as_i64())
            .bind(STEP)
            .fetch_all(&mut *connection)
            .await
            .map_err(&error)?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let row = Row::read(row).map_err(&error)?;
            walk.step(&row);
            if let Some(comparison) = &mut comparison {
                comparison.with(row.position, &row.text, &mut walk.findings).await?;
            }
        }
        progress(VerifyProgress { position: walk.last, end, rows: walk.rows });
    }
    if let Some(comparison) = &mut comparison {
        comparison.rest(&mut walk.findings).await?;
    }
    Ok(walk.finish(end, comparison.is_some()))
}

async fn signed_heads(
    pool: &PgPool,
    options: &VerifyOptions,
) -> Result<BTreeMap<Position, Vec<SignedHead>>, ProjectionError> {
    let mut all: BTreeMap<Position, Vec<SignedHead>> = BTreeMap::new();
    for head in heads(pool).await?.into_iter().chain(options.heads.iter().cloned()) {
        let at = all.entry(head.position).or_default();
        if !at.contains(&head) {
            at.push(head);
        }
    }
    for head in all.values_mut().flatten() {
        let trusted = options.trusted.is_none_or(|key| key.to_bytes() == head.public_key);
        if !trusted {
            // Its own signature may be good; it is not by whom it should be.
            head.signature = [0; 64];
        }
    }
    Ok(all)
}

/// A row of the audit log.
struct Row {
    position: Position,
    text: String,
    hash: [u8; 32],
    columns: Columns,
}

/// What a row says beside the commit.
#[derive(PartialEq)]
struct Columns {
    at: jiff::Timestamp,
    org: Uuid,
    project: Option<Uuid>,
    label: Option<String>,
    aggregate_type: String,
    aggregate_id: Uuid,
    version: i64,
    actor_type: String,
    actor_id: Uuid,
    via: String,
    comment: Option<String>,
    actions: Vec<String>,
}

impl Row {
    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            position: Position::from_i64(row.try_get("position")?).unwrap_or(Position::ZERO),
            text: row.try_get("commit")?,
            // A hash of another length is as wrong as any.
            hash: row.try_get::<Vec<u8>, _>("row_hash")?.try_into().unwrap_or([0xff; 32]),
            columns: Columns {
                at: row.try_get::<jiff_sqlx::Timestamp, _>("at")?.to_jiff(),
                org: row.try_get("org")?,
                project: row.try_get("project")?,
                label: row.try_get("label")?,
                aggregate_type: row.try_get("aggregate_type")?,
                aggregate_id: row.try_get("aggregate_id")?,
                version: row.try_get("version")?,
                actor_type: row.try_get("actor_type")?,
                actor_id: row.try_get("actor_id")?,
                via: row.try_get("via")?,
                comment: row.try_get("comment")?,
                actions: row.try_get("actions")?,
            },
        })
    }
}

impl Columns {
    /// The first column that says something else than the commit.
    fn contradiction(&self, commit: &Commit) -> Option<&'static str> {
        // Later commits do not say what the first one called the aggregate.
        let name = (commit.version == 1).then(|| named(commit));
        let comment = commit.comment.as_deref().map(|comment| text(comment).into_owned());
        let actions = commit.events.iter().map(|event| event.kind.as_str());
        let checks = [
            ("at", self.at == commit.at),
            ("org", self.org == commit.org),
            ("project", name.as_ref().is_none_or(|name| self.project == name.project)),
            ("label", name.as_ref().is_none_or(|name| self.label == name.label)),
            ("aggregate_type", self.aggregate_type == commit.aggregate.kind),
            ("aggregate_id", self.aggregate_id == commit.aggregate.id),
            ("version", self.version == commit.version.cast_signed()),
            ("actor_type", self.actor_type == snake::actor(commit.actor.kind)),
            ("actor_id", self.actor_id == commit.actor.id),
            ("via", self.via == snake::via(commit.via)),
            ("comment", self.comment == comment),
            ("actions", self.actions.iter().map(String::as_str).eq(actions)),
        ];
        checks.into_iter().find(|(_, same)| !same).map(|(column, _)| column)
    }
}

struct Walk {
    last: Position,
    hash: [u8; 32],
    rows: u64,
    heads: BTreeMap<Position, Vec<SignedHead>>,
    met: usize,
    findings: Vec<AuditFinding>,
}

impl Walk {
    fn step(&mut self, row: &Row) {
        let position = row.position;
        // Nothing is ever deleted from the log, so sequences go up by one.
        let next = if position.epoch() == self.last.epoch() { self.last.sequence() + 1 } else { 1 };
        let follows = position.sequence() == next;
        if !follows {
            self.findings.push(AuditFinding::Removed { after: self.last, found: position });
        }
        if chained(&self.hash, row.text.as_bytes()) != row.hash && follows {
            self.findings.push(AuditFinding::ChainBroken { position });
        }
        match serde_json::from_str::<Commit>(&row.text) {
            Ok(commit) => {
                if let Some(column) = row.columns.contradiction(&commit) {
                    self.findings.push(AuditFinding::ColumnDiffers { position, column });
                }
            }
            Err(_) => self.findings.push(AuditFinding::NoCommit { position }),
        }
        for head in self.heads.remove(&position).unwrap_or_default() {
            self.met += 1;
            if !head.is_signed() {
                self.findings.push(AuditFinding::BadSignature { position });
            } else if head.row_hash != row.hash {
                self.findings.push(AuditFinding::HeadDiffers { position });
            }
        }
        // The chain goes on from what is there, so that one defect shows once.
        self.hash = row.hash;
        self.last = position;
        self.rows += 1;
    }

    fn finish(mut self, end: Position, with_log: bool) -> VerifyReport {
        let furthest = self.heads.keys().next_back().copied().unwrap_or(end).max(end);
        if furthest > self.last {
            let found = self.last;
            self.findings.push(AuditFinding::CutOff { found, expected: furthest });
        }
        VerifyReport {
            rows: self.rows,
            position: self.last,
            row_hash: Digest::from_bytes(self.hash),
            heads: self.met,
            with_log,
            findings: self.findings,
        }
    }
}
