//! Sending statements, with what they were for when they fail.

use clickhouse::{Client, Row, RowOwned, RowRead, RowWrite};

use super::error::StoreError;

/// A client that reads and writes rows.
#[derive(Clone)]
pub(super) struct Reader(Client);

impl Reader {
    pub(super) fn new(client: Client) -> Self {
        Self(client)
    }

    /// All rows of a statement, which must fit in memory.
    pub(super) async fn rows<R: RowOwned + RowRead>(
        &self,
        action: &'static str,
        statement: &str,
    ) -> Result<Vec<R>, StoreError> {
        let query = self.0.query(&escaped(statement));
        query.fetch_all::<R>().await.map_err(|source| failed(action, source))
    }

    /// The only row of a statement.
    pub(super) async fn row<R: RowOwned + RowRead>(
        &self,
        action: &'static str,
        statement: &str,
    ) -> Result<R, StoreError> {
        let query = self.0.query(&escaped(statement));
        query.fetch_one::<R>().await.map_err(|source| failed(action, source))
    }

    /// A statement that answers nothing.
    pub(super) async fn run(
        &self,
        action: &'static str,
        statement: &str,
    ) -> Result<(), StoreError> {
        let query = self.0.query(&escaped(statement));
        query.execute().await.map_err(|source| failed(action, source))
    }

    /// Writes rows in one insert: all of them can be read at once, or none.
    pub(super) async fn insert<R>(
        &self,
        action: &'static str,
        table: &'static str,
        rows: &[R],
    ) -> Result<(), StoreError>
    where
        R: RowOwned + RowWrite + Row,
    {
        let written = async {
            let mut insert = self.0.insert::<R>(table).await?;
            for row in rows {
                insert.write(row).await?;
            }
            insert.end().await
        };
        written.await.map_err(|source| failed(action, source))
    }
}

/// The client would take a question mark for a place to put a value in.
fn escaped(statement: &str) -> String {
    statement.replace('?', "??")
}

fn failed(action: &'static str, source: clickhouse::error::Error) -> StoreError {
    StoreError::Query { action, source: Box::new(source) }
}
