//! The security log as people read it.
//!
//! What belongs to an organization is seen by that organization, and so is what its people did at the doors of the
//! installation while they belonged to it: a password is of no organization, but who signs in with it matters to each of
//! theirs. What belongs to none (a wrong key, a sign-in of somebody unknown) is seen by the operator.

mod csv;
mod cursor;
mod erase;
mod error;
mod export;
mod query;

use std::collections::HashMap;

use jiff::Timestamp;
use jiff_sqlx::Timestamp as SqlTimestamp;
use sqlx::{PgPool, Row as _};
use uuid::Uuid;

use crate::{Entry, Kind, Outcome};
use cursor::Cursor;
pub use error::LogError;
pub use export::Format;

/// Whose records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Those of an organization.
    Organization {
        /// Which.
        id: Uuid,
        /// Who belonged to it when: what of no organization they did meanwhile is among the records.
        stays: Vec<Stay>,
    },
    /// Those of no organization.
    Installation,
}

/// A time for which somebody belonged to an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// Who.
    pub person: Uuid,
    /// From then on.
    pub from: Timestamp,
    /// And before that; absent if they still do.
    pub to: Option<Timestamp>,
}

/// Which records. What is absent or empty excludes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only those from then on.
    pub from: Option<Timestamp>,
    /// Only those before.
    pub to: Option<Timestamp>,
    /// Only those of these kinds.
    pub kinds: Vec<Kind>,
    /// Only those with this outcome.
    pub outcome: Option<Outcome>,
    /// Only those this person or key did.
    pub actor: Option<Uuid>,
    /// Only those done to this: an id, or the key of a role.
    pub subject: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The records, newest first.
    pub items: Vec<Entry>,
    /// Where the next part begins; absent at the end.
    pub next: Option<String>,
}

/// When and how often a key was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastUse {
    /// When last; known within about a minute.
    pub at: Timestamp,
    /// At which service that was.
    pub service: String,
    /// How often, at all services together.
    pub uses: u64,
}

/// Reads the security log.
#[derive(Debug, Clone)]
pub struct Log {
    pool: PgPool,
}

impl Log {
    /// How long a part of a list is unless asked otherwise.
    pub const DEFAULT_LIMIT: u32 = 50;
    /// How long it can be.
    pub const MAX_LIMIT: u32 = 200;

    /// Reads from this database.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A part of the records, newest first, after the one where `cursor` was handed out.
    ///
    /// # Errors
    /// When the limit or the cursor cannot be used, or the database does not answer.
    pub async fn list(
        &self,
        scope: &Scope,
        filter: &Filter,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page, LogError> {
        let limit = limit.unwrap_or(Self::DEFAULT_LIMIT);
        if !(1..=Self::MAX_LIMIT).contains(&limit) {
            return Err(LogError::BadLimit { limit, max: Self::MAX_LIMIT });
        }
        let before = cursor.map(Cursor::read).transpose()?;
        // One more than fits, to see whether there is more.
        let (order, most) = (query::Order::NewestFirst, i64::from(limit) + 1);
        let mut query = query::records(scope, filter, order, before, most);
        let rows =
            query.build().fetch_all(&self.pool).await.map_err(LogError::sql("list records"))?;
        let mut items = rows.iter().map(query::entry).collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| Cursor::at(last).write());
        Ok(Page { items, next })
    }

    /// When these keys were used last. Those that never were, or not for as long as this is kept, are left out.
    ///
    /// Which keys may be asked for is the caller's to check: this knows ids alone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn last_used(&self, keys: &[Uuid]) -> Result<HashMap<Uuid, LastUse>, LogError> {
        const SQL: &str = "\
            SELECT DISTINCT ON (key_id) key_id, last_used, service, \
                   (sum(uses) OVER (PARTITION BY key_id))::bigint AS uses \
            FROM security.key_use WHERE key_id = ANY ($1) ORDER BY key_id, last_used DESC, service";
        let sql = LogError::sql("read when keys were used");
        let rows = sqlx::query(SQL).bind(keys).fetch_all(&self.pool).await.map_err(&sql)?;
        let read = |row: &sqlx::postgres::PgRow| -> Result<_, sqlx::Error> {
            let last = LastUse {
                at: row.try_get::<SqlTimestamp, _>("last_used")?.to_jiff(),
                service: row.try_get("service")?,
                uses: u64::try_from(row.try_get::<i64, _>("uses")?).unwrap_or(0),
            };
            Ok((row.try_get("key_id")?, last))
        };
        rows.iter().map(|row| read(row).map_err(&sql)).collect()
    }
}
