//! The log as a file: everything of a time, oldest first.
//!
//! It is read in parts, each a query of its own, so that a slow download holds neither a connection nor a transaction.
//! What is written meanwhile with an older time than the part that was read last is not in it.

use bytes::Bytes;
use futures::stream::{self, Stream, TryStreamExt as _};
use jiff::Timestamp;
use sqlx::PgPool;

use super::cursor::Cursor;
use super::{Filter, Log, LogError, Scope, csv, query};
use crate::Entry;

/// Rows of a part.
const PART: usize = 1000;

/// What a file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An object a line.
    JsonLines,
    /// RFC 4180, with a header.
    Csv,
}

impl Format {
    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }

    fn header(self) -> Vec<u8> {
        match self {
            Self::JsonLines => Vec::new(),
            Self::Csv => csv::header(),
        }
    }

    fn write(self, entries: &[Entry]) -> Vec<u8> {
        let mut out = Vec::with_capacity(entries.len() * 512);
        for entry in entries {
            match self {
                Self::JsonLines => {
                    serde_json::to_writer(&mut out, entry).expect("an entry can be written");
                    out.push(b'\n');
                }
                Self::Csv => csv::write(&mut out, entry),
            }
        }
        out
    }
}

impl Log {
    /// The records from `from` on and before `to`, oldest first.
    pub fn export(
        &self,
        scope: Scope,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> impl Stream<Item = Result<Entry, LogError>> + Send + use<> {
        self.parts(scope, from, to)
            .map_ok(|part| stream::iter(part.into_iter().map(Ok)))
            .try_flatten()
    }

    /// The same, as the bytes of a file.
    pub fn export_as(
        &self,
        format: Format,
        scope: Scope,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> impl Stream<Item = Result<Bytes, LogError>> + Send + use<> {
        let parts = self.parts(scope, from, to).map_ok(move |part| format.write(&part).into());
        let header = Some(format.header()).filter(|header| !header.is_empty());
        futures::StreamExt::chain(stream::iter(header.map(|header| Ok(header.into()))), parts)
    }

    fn parts(
        &self,
        scope: Scope,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> impl Stream<Item = Result<Vec<Entry>, LogError>> + Send + use<> {
        let pool = self.pool.clone();
        let filter = Filter { from, to, ..Filter::default() };
        let start = Some((pool, scope, filter, None));
        stream::try_unfold(start, |state| async move {
            let Some((pool, scope, filter, after)) = state else { return Ok(None) };
            let entries = part(&pool, &scope, &filter, after).await?;
            let Some(last) = entries.last() else { return Ok(None) };
            let after = Some(Cursor::at(last));
            let next = (entries.len() == PART).then_some((pool, scope, filter, after));
            Ok(Some((entries, next)))
        })
    }
}

async fn part(
    pool: &PgPool,
    scope: &Scope,
    filter: &Filter,
    after: Option<Cursor>,
) -> Result<Vec<Entry>, LogError> {
    let limit = i64::try_from(PART).unwrap_or(i64::MAX);
    let mut query = query::records(scope, filter, query::Order::OldestFirst, after, limit);
    let rows = query.build().fetch_all(pool).await.map_err(LogError::sql("export records"))?;
    rows.iter().map(query::entry).collect()
}
