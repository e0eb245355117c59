//! The row that says how far a generation is, and which one is read.

use std::{fmt, str::FromStr};

use ff_eventlog::Position;
use sqlx::{PgConnection, Row as _, postgres::PgRow};

use crate::{ProjectionName, name::Schema, queries::CheckpointState};

/// Where projections announce how far they are.
pub(crate) const CHANNEL: &str = "ff_projection";

/// How far a generation is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checkpoint {
    pub(crate) schema: Schema,
    pub(crate) state: CheckpointState,
    pub(crate) position: Position,
    /// The shape of its tables; see [`crate::projection::Projection::FORMAT`].
    pub(crate) format: i32,
}

const COLUMNS: &str = "generation, state, position, format";

impl Checkpoint {
    fn read(name: ProjectionName, row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            schema: name.schema(row.try_get("generation")?),
            state: CheckpointState::of(row.try_get("state")?),
            position: Position::from_i64(row.try_get("position")?).unwrap_or(Position::ZERO),
            format: row.try_get("format")?,
        })
    }

    /// The generation that is read.
    pub(crate) async fn live(
        connection: &mut PgConnection,
        name: ProjectionName,
    ) -> Result<Option<Self>, sqlx::Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM projection.checkpoint \
             WHERE name = $1 AND state IN ('live', 'halted')"
        );
        let row = sqlx::query(&sql).bind(name.as_str()).fetch_optional(connection).await?;
        row.map(|row| Self::read(name, &row)).transpose()
    }

    /// Holds the generation that is read until the end of the transaction; waits for whoever works on it.
    pub(crate) async fn hold_live(
        transaction: &mut PgConnection,
        name: ProjectionName,
    ) -> Result<Option<Self>, sqlx::Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM projection.checkpoint \
             WHERE name = $1 AND state IN ('live', 'halted') FOR UPDATE"
        );
        let row = sqlx::query(&sql).bind(name.as_str()).fetch_optional(transaction).await?;
        row.map(|row| Self::read(name, &row)).transpose()
    }

    /// Holds a generation until the end of the transaction, unless someone else does.
    pub(crate) async fn claim(
        transaction: &mut PgConnection,
        schema: Schema,
    ) -> Result<Option<Self>, sqlx::Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM projection.checkpoint \
             WHERE name = $1 AND generation = $2 FOR UPDATE SKIP LOCKED"
        );
        let row = sqlx::query(&sql)
            .bind(schema.name.as_str())
            .bind(schema.generation)
            .fetch_optional(transaction)
            .await?;
        row.map(|row| Self::read(schema.name, &row)).transpose()
    }

    /// Makes the row of a new generation.
    pub(crate) async fn insert(
        transaction: &mut PgConnection,
        schema: Schema,
        state: &'static str,
        format: i32,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO projection.checkpoint (name, generation, state, format) \
             VALUES ($1, $2, $3, $4)",
        )
        .bind(schema.name.as_str())
        .bind(schema.generation)
        .bind(state)
        .bind(format)
        .execute(transaction)
        .await
        .map(drop)
    }

    /// Notes how far a generation is. What had halted goes on with that.
    pub(crate) async fn advance(
        transaction: &mut PgConnection,
        schema: Schema,
        position: Position,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE projection.checkpoint SET position = $3, updated_at = now(), error = NULL, \
             state = CASE state WHEN 'halted' THEN 'live' ELSE state END \
             WHERE name = $1 AND generation = $2",
        )
        .bind(schema.name.as_str())
        .bind(schema.generation)
        .bind(position.as_i64())
        .execute(transaction)
        .await
        .map(drop)
    }

    /// Gives a generation another state.
    pub(crate) async fn set_state(
        transaction: &mut PgConnection,
        schema: Schema,
        state: &'static str,
        error: Option<&str>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE projection.checkpoint SET state = $3, error = $4, updated_at = now() \
             WHERE name = $1 AND generation = $2",
        )
        .bind(schema.name.as_str())
        .bind(schema.generation)
        .bind(state)
        .bind(error)
        .execute(transaction)
        .await
        .map(drop)
    }
}

/// What is told to readers when a transaction is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announcement {
    pub(crate) schema: Schema,
    pub(crate) position: Position,
}

impl Announcement {
    pub(crate) async fn send(self, transaction: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT pg_notify($1, $2)")
            .bind(CHANNEL)
            .bind(self.to_string())
            .execute(transaction)
            .await
            .map(drop)
    }
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.schema.name, self.schema.generation, self.position)
    }
}

/// The text is no announcement of this version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotAnAnnouncement;

impl FromStr for Announcement {
    type Err = NotAnAnnouncement;

    fn from_str(text: &str) -> Result<Self, NotAnAnnouncement> {
        let mut words = text.split(' ');
        let mut next = || words.next().ok_or(NotAnAnnouncement);
        let name: ProjectionName = next()?.parse().map_err(|_| NotAnAnnouncement)?;
        let generation = next()?.parse().map_err(|_| NotAnAnnouncement)?;
        let position = next()?.parse().map_err(|_| NotAnAnnouncement)?;
        Ok(Self { schema: name.schema(generation), position })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_understood() {
        let schema = ProjectionName::Catalog.schema(2);
        let announcement = Announcement { schema, position: Position::new(1, 7) };
        assert_eq!(announcement.to_string().parse(), Ok(announcement));
        assert_eq!("catalog 2".parse::<Announcement>(), Err(NotAnAnnouncement));
        assert_eq!("else 2 7".parse::<Announcement>(), Err(NotAnAnnouncement));
    }
}
