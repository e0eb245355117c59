//! Many rows of one table in one statement: an array per column, taken apart by `UNNEST`.

use std::collections::HashMap;

use ff_eventlog::Position;
use jiff_sqlx::Timestamp;
use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use crate::{database::SEPARATOR, name::Schema};

/// A table of the catalog: its name, and the columns beside those that all tables have.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Type)],
}

/// What a column holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    Text,
    Json,
    Uuid,
    Bool,
    Int,
    Time,
    /// A list of texts; see [`crate::database::list`].
    List,
}

/// A value of a column.
#[derive(Debug)]
pub(super) enum Cell {
    Text(String),
    Uuid(Option<Uuid>),
    Bool(bool),
    Int(Option<i64>),
    Time(Option<jiff::Timestamp>),
}

/// One row: what all tables have, and the table's own cells in the order of its columns.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) archived: bool,
    pub(super) version: u64,
    pub(super) created_at: jiff::Timestamp,
    pub(super) updated_at: jiff::Timestamp,
    pub(super) position: i64,
    pub(super) document: String,
    pub(super) cells: Vec<Cell>,
}

const COMMON: &[(&str, &str)] = &[
    ("id", "uuid"),
    ("archived", "boolean"),
    ("version", "bigint"),
    ("created_at", "timestamptz"),
    ("updated_at", "timestamptz"),
    ("position", "bigint"),
    ("document", "text"),
];

impl Type {
    /// The type that travels, and what becomes of `column` on arrival.
    fn sql(self, column: &str) -> (&'static str, String) {
        match self {
            Self::Text => ("text", column.to_owned()),
            Self::Json => ("text", format!("{column}::json")),
            Self::Uuid => ("uuid", column.to_owned()),
            Self::Bool => ("boolean", column.to_owned()),
            Self::Int => ("bigint", column.to_owned()),
            Self::Time => ("timestamptz", column.to_owned()),
            Self::List => ("text", format!("string_to_array({column}, chr({}))", SEPARATOR as u32)),
        }
    }
}

impl Table {
    /// Inserts the rows, or replaces those of the same ids. No id may come twice.
    pub(super) async fn upsert(
        &self,
        transaction: &mut PgConnection,
        schema: Schema,
        rows: Vec<Row>,
    ) -> Result<(), sqlx::Error> {
        let sql = self.statement(schema);
        let mut columns: Vec<Column> = Vec::with_capacity(self.columns.len());
        for (_, kind) in self.columns {
            columns.push(Column::of(*kind, rows.len()));
        }
        let count = rows.len();
        let mut ids = Vec::with_capacity(count);
        let mut archived = Vec::with_capacity(count);
        let mut versions = Vec::with_capacity(count);
        let mut created = Vec::with_capacity(count);
        let mut updated = Vec::with_capacity(count);
        let mut positions = Vec::with_capacity(count);
        let mut documents = Vec::with_capacity(count);
        for row in rows {
            ids.push(row.id);
            archived.push(row.archived);
            versions.push(row.version.cast_signed());
            created.push(Timestamp::from(row.created_at));
            updated.push(Timestamp::from(row.updated_at));
            positions.push(row.position);
            documents.push(row.document);
            for (column, cell) in columns.iter_mut().zip(row.cells) {
                column.push(cell);
            }
        }
        let mut query = sqlx::query(&sql)
            .bind(ids)
            .bind(archived)
            .bind(versions)
            .bind(created)
            .bind(updated)
            .bind(positions)
            .bind(documents);
        for column in columns {
            query = column.bind(query);
        }
        query.execute(transaction).await.map(drop)
    }

    fn statement(&self, schema: Schema) -> String {
        let common = COMMON.iter().map(|(name, sql)| {
            let value = if *name == "document" { "document::json" } else { name };
            (*name, *sql, value.to_owned())
        });
        let own = self.columns.iter().map(|(name, kind)| {
            let (sql, value) = kind.sql(name);
            (*name, sql, value)
        });
        let mut names = Vec::new();
        let mut arrays = Vec::new();
        let mut values = Vec::new();
        let mut updates = Vec::new();
        for (index, (name, sql, value)) in common.chain(own).enumerate() {
            names.push(name);
            arrays.push(format!("${}::{sql}[]", index + 1));
            values.push(value);
            updates.push(format!("{name} = EXCLUDED.{name}"));
        }
        let name = self.name;
        let (names, updates) = (names.join(", "), updates[1..].join(", "));
        let (arrays, values) = (arrays.join(", "), values.join(", "));
        format!(
            "INSERT INTO {schema}.{name} ({names}) SELECT {values} FROM UNNEST({arrays}) \
             AS r ({names}) ON CONFLICT (id) DO UPDATE SET {updates}"
        )
    }

    /// What is stored of some aggregates.
    pub(super) async fn load(
        &self,
        transaction: &mut PgConnection,
        schema: Schema,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Stored>, sqlx::Error> {
        let sql = format!(
            "SELECT id, archived, version, created_at, updated_at, position, document::text \
             FROM {schema}.{} WHERE id = ANY ($1)",
            self.name
        );
        let rows: Vec<(Uuid, bool, i64, Timestamp, Timestamp, i64, String)> =
            sqlx::query_as(&sql).bind(ids).fetch_all(transaction).await?;
        Ok(rows
            .into_iter()
            .map(|(id, archived, version, created_at, updated_at, position, document)| {
                let stored = Stored {
                    archived,
                    version: version.cast_unsigned(),
                    created_at: created_at.to_jiff(),
                    updated_at: updated_at.to_jiff(),
                    position: Position::from_i64(position).unwrap_or(Position::ZERO),
                    document,
                };
                (id, stored)
            })
            .collect())
    }
}

/// What a row keeps for the next commit.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) archived: bool,
    pub(super) version: u64,
    pub(super) created_at: jiff::Timestamp,
    pub(super) updated_at: jiff::Timestamp,
    pub(super) position: Position,
    pub(super) document: String,
}

/// The values of one column.
enum Column {
    Text(Vec<String>),
    Uuid(Vec<Option<Uuid>>),
    Bool(Vec<bool>),
    Int(Vec<Option<i64>>),
    Time(Vec<Option<Timestamp>>),
}

impl Column {
    fn of(kind: Type, rows: usize) -> Self {
        match kind {
            Type::Text | Type::Json | Type::List => Self::Text(Vec::with_capacity(rows)),
            Type::Uuid => Self::Uuid(Vec::with_capacity(rows)),
            Type::Bool => Self::Bool(Vec::with_capacity(rows)),
            Type::Int => Self::Int(Vec::with_capacity(rows)),
            Type::Time => Self::Time(Vec::with_capacity(rows)),
        }
    }

    fn push(&mut self, cell: Cell) {
        match (self, cell) {
            (Self::Text(column), Cell::Text(value)) => column.push(value),
            (Self::Uuid(column), Cell::Uuid(value)) => column.push(value),
            (Self::Bool(column), Cell::Bool(value)) => column.push(value),
            (Self::Int(column), Cell::Int(value)) => column.push(value),
            (Self::Time(column), Cell::Time(value)) => column.push(value.map(Timestamp::from)),
            // A shorter column than the others is refused by Postgres, and any test shows it.
            (_, cell) => debug_assert!(false, "{cell:?} is not of its column's type"),
        }
    }

    fn bind<'q>(self, query: Query<'q, Postgres, PgArguments>) -> Query<'q, Postgres, PgArguments> {
        match self {
            Self::Text(column) => query.bind(column),
            Self::Uuid(column) => query.bind(column),
            Self::Bool(column) => query.bind(column),
            Self::Int(column) => query.bind(column),
            Self::Time(column) => query.bind(column),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProjectionName;

    #[test]
    fn the_statement_names_every_column_once() {
        let table = Table { name: "things", columns: &[("key", Type::Text), ("tags", Type::List)] };
        let sql = table.statement(ProjectionName::Catalog.schema(1));
        assert_eq!(
            sql,
            "INSERT INTO read_catalog_1.things (id, archived, version, created_at, updated_at, \
             position, document, key, tags) SELECT id, archived, version, created_at, updated_at, \
             position, document::json, key, string_to_array(tags, chr(31)) FROM UNNEST(\
             $1::uuid[], $2::boolean[], $3::bigint[], $4::timestamptz[], $5::timestamptz[], \
             $6::bigint[], $7::text[], $8::text[], $9::text[]) AS r (id, archived, version, \
             created_at, updated_at, position, document, key, tags) ON CONFLICT (id) DO UPDATE SET \
             archived = EXCLUDED.archived, version = EXCLUDED.version, \
             created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at, \
             position = EXCLUDED.position, document = EXCLUDED.document, key = EXCLUDED.key, \
             tags = EXCLUDED.tags"
        );
    }
}
