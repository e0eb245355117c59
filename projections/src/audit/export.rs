//! The audit log as lines of JSON, to be kept where the database's owner cannot write.

use ff_eventlog::{Digest, Position};
use futures::TryStreamExt as _;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{PgPool, Row as _};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::{SignedHead, heads};
use crate::{ProjectionError, ProjectionName, checkpoint::Checkpoint};

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportReport {
    /// How many rows.
    pub rows: u64,
    /// The last of them.
    pub position: Position,
    /// How many signed heads.
    pub heads: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Row {
        position: Position,
        row_hash: Digest,
        /// Byte by byte as it was hashed.
        commit: &'a RawValue,
    },
    Head(&'a SignedHead),
}

/// Writes the rows after `after`, in order, and then all signed heads: one JSON object a line, `{"row":{…}}` or
/// `{"head":{…}}`. The commit in a row is byte by byte what was hashed.
pub async fn export(
    pool: &PgPool,
    after: Position,
    mut to: impl AsyncWrite + Unpin,
) -> Result<ExportReport, ProjectionError> {
    let error = ProjectionError::sql("read the audit log");
    let mut report = ExportReport { rows: 0, position: after, heads: 0 };
    let mut connection = pool.acquire().await.map_err(&error)?;
    let live = Checkpoint::live(&mut connection, ProjectionName::Audit).await.map_err(&error)?;
    if let Some(Checkpoint { schema, position: end, .. }) = live {
        let sql = format!(
            "SELECT position, commit::text AS commit, row_hash FROM {schema}.log \
             WHERE position > $1 AND position <= $2 ORDER BY position"
        );
        let mut rows =
            sqlx::query(&sql).bind(after.as_i64()).bind(end.as_i64()).fetch(&mut *connection);
        while let Some(row) = rows.try_next().await.map_err(&error)? {
            let position = Position::from_i64(row.try_get("position").map_err(&error)?);
            let position = position.unwrap_or(Position::ZERO);
            let hash: [u8; 32] = row.try_get("row_hash").map_err(&error)?;
            let commit: &str = row.try_get("commit").map_err(&error)?;
            let commit = serde_json::from_str(commit).map_err(json)?;
            let row_hash = Digest::from_bytes(hash);
            write(&mut to, &Line::Row { position, row_hash, commit }).await?;
            report.rows += 1;
            report.position = position;
        }
    }
    drop(connection);
    for head in heads(pool).await? {
        write(&mut to, &Line::Head(&head)).await?;
        report.heads += 1;
    }
    to.flush().await.map_err(ProjectionError::Export)?;
    Ok(report)
}

fn json(error: serde_json::Error) -> ProjectionError {
    ProjectionError::Export(error.into())
}

async fn write(to: &mut (impl AsyncWrite + Unpin), line: &Line<'_>) -> Result<(), ProjectionError> {
    let mut bytes = serde_json::to_vec(line).map_err(json)?;
    bytes.push(b'\n');
    to.write_all(&bytes).await.map_err(ProjectionError::Export)
}
