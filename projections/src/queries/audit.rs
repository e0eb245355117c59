//! The audit log as people read it: newest first, filtered.

use ff_domain::{OrganizationId, ProjectId};
use ff_eventlog::{Commit, Digest, Position};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{Postgres, QueryBuilder, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{Page, Queries, Slice};
use crate::{ProjectionName, QueryError, name::Schema};

const LIST: &str = "audit";

/// Which commits of an organization.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AuditFilter {
    /// Only those about this project and what is in it.
    pub project: Option<ProjectId>,
    /// Only those of aggregates of this kind.
    pub kind: Option<String>,
    /// Only those of this aggregate.
    pub aggregate: Option<Uuid>,
    /// Only those this user or key made.
    pub actor: Option<Uuid>,
    /// Only those with an event of this type.
    pub action: Option<String>,
    /// Only those made then or later.
    pub from: Option<Timestamp>,
    /// Only those made before.
    pub to: Option<Timestamp>,
}

/// A commit in the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its place in the log.
    pub position: Position,
    /// The project it is about.
    pub project: Option<ProjectId>,
    /// What people call the aggregate: its key, or a key's name.
    pub label: Option<String>,
    /// Who did what, when and why.
    pub commit: Commit,
    /// The link of the chain over the whole log that this commit is.
    pub row_hash: Digest,
}

impl Queries {
    /// The audit log of an organization, newest first.
    pub async fn audit(
        &self,
        organization: OrganizationId,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<Slice<AuditEntry>, QueryError> {
        let before: Option<Position> = page.begin(LIST)?;
        let rows = self
            .read(ProjectionName::Audit, |schema| {
                let mut query = select(schema, organization, filter, before, page.fetch());
                async move {
                    let rows = query.build().fetch_all(&self.pool).await;
                    rows.map_err(|source| QueryError::from_sql(ProjectionName::Audit, source))
                }
            })
            .await?;
        let entries = rows.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Slice::cut(entries, page, LIST, |entry: &AuditEntry| entry.position))
    }
}

fn select(
    schema: Schema,
    organization: OrganizationId,
    filter: &AuditFilter,
    before: Option<Position>,
    limit: i64,
) -> QueryBuilder<'_, Postgres> {
    let mut query = QueryBuilder::new(format!(
        "SELECT position, project, label, commit::text AS commit, row_hash \
         FROM {schema}.log WHERE org = "
    ));
    query.push_bind(organization.0);
    if let Some(project) = filter.project {
        query.push(" AND project = ").push_bind(project.0);
    }
    if let Some(kind) = &filter.kind {
        query.push(" AND aggregate_type = ").push_bind(kind);
    }
    if let Some(aggregate) = filter.aggregate {
        query.push(" AND aggregate_id = ").push_bind(aggregate);
    }
    if let Some(actor) = filter.actor {
        query.push(" AND actor_id = ").push_bind(actor);
    }
    if let Some(action) = &filter.action {
        query.push(" AND ").push_bind(action).push(" = ANY (actions)");
    }
    if let Some(from) = filter.from {
        query.push(" AND at >= ").push_bind(from.to_sqlx());
    }
    if let Some(to) = filter.to {
        query.push(" AND at < ").push_bind(to.to_sqlx());
    }
    if let Some(before) = before {
        query.push(" AND position < ").push_bind(before.as_i64());
    }
    query.push(" ORDER BY position DESC LIMIT ").push_bind(limit);
    query
}

fn entry(row: &PgRow) -> Result<AuditEntry, QueryError> {
    let read = || -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
        let hash: [u8; 32] = row.try_get("row_hash")?;
        Ok(AuditEntry {
            position: Position::from_i64(row.try_get("position")?).unwrap_or(Position::ZERO),
            project: row.try_get::<Option<Uuid>, _>("project")?.map(ProjectId),
            label: row.try_get("label")?,
            commit: serde_json::from_str(row.try_get("commit")?)?,
            row_hash: Digest::from_bytes(hash),
        })
    };
    read().map_err(|source| QueryError::unreadable("audit row", Uuid::nil(), source))
}
