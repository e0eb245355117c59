//! The questions to the table, and its rows.

use std::net::IpAddr;

use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx as _};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use super::cursor::Cursor;
use super::{Filter, LogError, Scope};
use crate::{Entry, EntryActor, EntrySubject};

const COLUMNS: &str = "\
SELECT id, at, kind, outcome, organization, actor_kind, actor_id, subject_kind, subject_id, session, \
       host(address) AS address, service, request, reason, detail::text AS detail \
FROM security.log WHERE ";

pub(super) fn newest_first(
    scope: Scope,
    filter: &Filter,
    before: Option<Cursor>,
    limit: i64,
) -> QueryBuilder<'_, Postgres> {
    let mut query = matching(scope, filter);
    if let Some(Cursor { at, id }) = before {
        query.push(" AND (at, id) < (").push_bind(at.to_sqlx());
        query.push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(limit);
    query
}

pub(super) fn oldest_first(
    scope: Scope,
    filter: &Filter,
    after: Option<Cursor>,
    limit: i64,
) -> QueryBuilder<'_, Postgres> {
    let mut query = matching(scope, filter);
    if let Some(Cursor { at, id }) = after {
        query.push(" AND (at, id) > (").push_bind(at.to_sqlx());
        query.push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY at, id LIMIT ").push_bind(limit);
    query
}

fn matching(scope: Scope, filter: &Filter) -> QueryBuilder<'_, Postgres> {
    let mut query = QueryBuilder::new(COLUMNS);
    match scope {
        Scope::Organization(id) => query.push("organization = ").push_bind(id),
        Scope::Installation => query.push("organization IS NULL"),
    };
    if let Some(from) = filter.from {
        query.push(" AND at >= ").push_bind(from.to_sqlx());
    }
    if let Some(to) = filter.to {
        query.push(" AND at < ").push_bind(to.to_sqlx());
    }
    if !filter.kinds.is_empty() {
        let kinds: Vec<&str> = filter.kinds.iter().map(|kind| kind.as_str()).collect();
        query.push(" AND kind = ANY (").push_bind(kinds).push(")");
    }
    if let Some(outcome) = filter.outcome {
        query.push(" AND outcome = ").push_bind(outcome.as_str());
    }
    if let Some(actor) = filter.actor {
        query.push(" AND actor_id = ").push_bind(actor);
    }
    if let Some(subject) = &filter.subject {
        query.push(" AND subject_id = ").push_bind(subject);
    }
    query
}

pub(super) fn entry(row: &PgRow) -> Result<Entry, LogError> {
    let read = || -> Result<Entry, Box<dyn std::error::Error + Send + Sync>> {
        let actor: Option<(String, Uuid)> =
            row.try_get::<Option<String>, _>("actor_kind")?.zip(row.try_get("actor_id")?);
        let subject: Option<(String, String)> =
            row.try_get::<Option<String>, _>("subject_kind")?.zip(row.try_get("subject_id")?);
        let address: Option<&str> = row.try_get("address")?;
        Ok(Entry {
            id: row.try_get("id")?,
            at: row.try_get::<SqlTimestamp, _>("at")?.to_jiff(),
            kind: row.try_get("kind")?,
            outcome: row.try_get("outcome")?,
            organization: row.try_get("organization")?,
            actor: actor.map(|(kind, id)| EntryActor { kind, id }),
            subject: subject.map(|(kind, id)| EntrySubject { kind, id }),
            session: row.try_get("session")?,
            address: address.map(str::parse::<IpAddr>).transpose()?,
            service: row.try_get("service")?,
            request: row.try_get("request")?,
            reason: row.try_get("reason")?,
            detail: serde_json::from_str(row.try_get("detail")?)?,
        })
    };
    read().map_err(|source| LogError::Unreadable { source })
}
