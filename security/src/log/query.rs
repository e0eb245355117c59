//! The questions to the table, and its rows.

use std::net::IpAddr;

use jiff_sqlx::{Timestamp as SqlTimestamp, ToSqlx as _};
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder, Row as _};
use uuid::Uuid;

use super::cursor::Cursor;
use super::{Filter, LogError, Scope, Stay};
use crate::{Entry, EntryActor, EntrySubject};

const COLUMNS: &str = "\
SELECT id, at, kind, outcome, organization, actor_kind, actor_id, subject_kind, subject_id, session, \
       host(address) AS address, service, request, reason, detail::text AS detail \
FROM security.log WHERE ";

/// In which order, and what lies beyond a cursor.
#[derive(Clone, Copy)]
pub(super) enum Order {
    NewestFirst,
    OldestFirst,
}

impl Order {
    const fn by(self) -> &'static str {
        match self {
            Self::NewestFirst => " ORDER BY at DESC, id DESC LIMIT ",
            Self::OldestFirst => " ORDER BY at, id LIMIT ",
        }
    }

    const fn beyond(self) -> &'static str {
        match self {
            Self::NewestFirst => " AND (at, id) < (",
            Self::OldestFirst => " AND (at, id) > (",
        }
    }
}

/// Records in an order, so many of them from a cursor on. Each part of a scope is asked for by itself, since one index
/// leads to it in that order, and what comes first of all is taken.
pub(super) fn records<'q>(
    scope: &'q Scope,
    filter: &'q Filter,
    order: Order,
    from: Option<Cursor>,
    limit: i64,
) -> QueryBuilder<'q, Postgres> {
    let mut query = QueryBuilder::new("SELECT * FROM (");
    let parts: &[Part<'q>] = match scope {
        Scope::Organization { id, stays } => &[Part::Organization(*id), Part::People(stays)],
        Scope::Installation => &[Part::Installation],
    };
    for (index, part) in parts.iter().enumerate() {
        query.push(if index == 0 { "(" } else { " UNION ALL (" }).push(COLUMNS);
        part.push(&mut query);
        narrow(&mut query, filter);
        if let Some(Cursor { at, id }) = from {
            query.push(order.beyond()).push_bind(at.to_sqlx());
            query.push(", ").push_bind(id).push(")");
        }
        query.push(order.by()).push_bind(limit).push(")");
    }
    query.push(") AS found").push(order.by()).push_bind(limit);
    query
}

/// A part of a scope, for which there is an index.
enum Part<'q> {
    Organization(Uuid),
    People(&'q [Stay]),
    Installation,
}

impl Part<'_> {
    fn push(&self, query: &mut QueryBuilder<'_, Postgres>) {
        match self {
            Self::Organization(id) => {
                query.push("organization = ").push_bind(*id);
            }
            Self::People(stays) => {
                let people: Vec<Uuid> = stays.iter().map(|stay| stay.person).collect();
                let from: Vec<_> = stays.iter().map(|stay| stay.from.to_sqlx()).collect();
                let to: Vec<_> = stays.iter().map(|stay| stay.to.map(|to| to.to_sqlx())).collect();
                // Whose they are is said twice, so that the index on people is of use.
                query.push("organization IS NULL AND holder = ANY (").push_bind(people.clone());
                query.push(") AND EXISTS (SELECT FROM UNNEST(").push_bind(people);
                query.push("::uuid[], ").push_bind(from).push("::timestamptz[], ").push_bind(to);
                query.push(
                    "::timestamptz[]) AS stay (person, since, until) WHERE stay.person = log.holder \
                     AND log.at >= stay.since AND (stay.until IS NULL OR log.at < stay.until))",
                );
            }
            Self::Installation => {
                query.push("organization IS NULL");
            }
        }
    }
}

fn narrow<'q>(query: &mut QueryBuilder<'q, Postgres>, filter: &'q Filter) {
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
