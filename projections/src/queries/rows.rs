//! What queries answer with, and how it is read from rows.

use ff_domain::{
    ApiKeyId, FlagId, OrganizationId, ProjectId, SegmentId, UserId, api_key::KeyPurpose,
    flag::Lifetime,
};
use ff_evaluator::ValueType;
use ff_eventlog::Position;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::QueryError;

/// The whole state of one thing, with its version.
#[derive(Debug, Clone, PartialEq)]
pub struct Document<T> {
    /// What it is.
    pub state: T,
    /// Whether it is put away.
    pub archived: bool,
    /// The number of its commits: what `If-Match` compares with.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// The commit that changed it last.
    pub position: Position,
}

/// Whether archived things are in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateFilter {
    /// Only those in use.
    #[default]
    Live,
    /// Only those put away.
    Archived,
    /// Both.
    All,
}

impl StateFilter {
    /// What the column `archived` must be.
    pub(super) fn archived(self) -> Option<bool> {
        match self {
            Self::Live => Some(false),
            Self::Archived => Some(true),
            Self::All => None,
        }
    }
}

/// A project in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectRow {
    /// Its id.
    pub id: ProjectId,
    /// Its organization.
    pub organization: OrganizationId,
    /// Its key.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The number of its commits.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// The commit that changed it last.
    pub position: Position,
}

/// A flag in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagRow {
    /// Its id.
    pub id: FlagId,
    /// Its key.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What its values are.
    pub kind: ValueType,
    /// Whether it is meant to be removed one day.
    pub lifetime: Lifetime,
    /// Who looks after it.
    pub owner: Option<UserId>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whether client-side keys may see it.
    pub client_side: bool,
    /// Whether it is put away.
    pub archived: bool,
    /// Keys of the environments in which it is on.
    pub enabled_in: Vec<String>,
    /// The number of its commits.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// The commit that changed it last.
    pub position: Position,
}

/// A segment in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentRow {
    /// Its id.
    pub id: SegmentId,
    /// Its key.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whether it is put away.
    pub archived: bool,
    /// The number of its commits.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// The commit that changed it last.
    pub position: Position,
}

/// A key, without its hash.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKeyRow {
    /// Its id.
    pub id: ApiKeyId,
    /// Its organization.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// What it lets in to.
    pub purpose: KeyPurpose,
    /// Its first characters.
    pub prefix: String,
    /// When it stops letting in.
    pub expires_at: Option<Timestamp>,
    /// The key that it was issued in place of.
    pub replaces: Option<ApiKeyId>,
    /// The key that was issued in place of it.
    pub replaced_by: Option<ApiKeyId>,
    /// Whether it lets nobody in any more.
    pub revoked: bool,
    /// The number of its commits.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// The commit that changed it last.
    pub position: Position,
}

/// Columns of every table of the catalog.
pub(super) struct Common {
    pub(super) version: u64,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) position: Position,
}

/// Reads the columns of a row. What does not fit is a mistake of the projection, not of the caller.
pub(super) struct Columns<'r> {
    row: &'r PgRow,
    pub(super) id: Uuid,
    what: &'static str,
}

impl<'r> Columns<'r> {
    pub(super) fn new(what: &'static str, row: &'r PgRow) -> Result<Self, QueryError> {
        let id = row.try_get("id");
        let id = id.map_err(|source| QueryError::unreadable(what, Uuid::nil(), source))?;
        Ok(Self { row, id, what })
    }

    pub(super) fn get<T>(&self, column: &str) -> Result<T, QueryError>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        self.row
            .try_get(column)
            .map_err(|source| QueryError::unreadable(self.what, self.id, source))
    }

    pub(super) fn time(&self, column: &str) -> Result<Timestamp, QueryError> {
        self.get::<jiff_sqlx::Timestamp>(column).map(jiff_sqlx::Timestamp::to_jiff)
    }

    /// A value that is named by a text.
    pub(super) fn named<T: DeserializeOwned>(&self, column: &str) -> Result<T, QueryError> {
        let name: String = self.get(column)?;
        serde_json::from_value(serde_json::Value::String(name))
            .map_err(|source| QueryError::unreadable(self.what, self.id, source))
    }

    /// A value that is stored as JSON; the query must select it as text.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, QueryError> {
        let text: &str = self.get(column)?;
        serde_json::from_str(text)
            .map_err(|source| QueryError::unreadable(self.what, self.id, source))
    }

    pub(super) fn common(&self) -> Result<Common, QueryError> {
        Ok(Common {
            version: self.get::<i64>("version")?.cast_unsigned(),
            created_at: self.time("created_at")?,
            updated_at: self.time("updated_at")?,
            position: self.position()?,
        })
    }

    pub(super) fn position(&self) -> Result<Position, QueryError> {
        Ok(Position::from_i64(self.get("position")?).unwrap_or(Position::ZERO))
    }

    pub(super) fn document<T: DeserializeOwned>(&self) -> Result<Document<T>, QueryError> {
        let Common { version, created_at, updated_at, position } = self.common()?;
        Ok(Document {
            state: self.json("document")?,
            archived: self.get("archived")?,
            version,
            created_at,
            updated_at,
            position,
        })
    }
}
