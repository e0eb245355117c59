//! The log as a file, and a log out of a file.
//!
//! One JSON line per commit: its position, its digest and the commit itself, byte for byte as it is
//! stored. Lines of a later export may follow those of an earlier one. An import keeps sequences,
//! versions and digests, and starts a new epoch, so that no position of the lost log is given out
//! again.

use std::collections::HashMap;

use bytes::Bytes;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

use crate::chain::Chain;
use crate::jetstream::Restore;
use crate::{
    Defect, Digest, EventLog, LogError, LogOptions, Position, Recorded, StreamKey, TailItem,
};

#[derive(Serialize)]
struct LineOut<'a> {
    position: Position,
    digest: Digest,
    commit: &'a RawValue,
}

#[derive(Deserialize)]
struct LineIn {
    position: Position,
    digest: Digest,
    commit: Box<RawValue>,
}

/// What was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportReport {
    /// How many commits.
    pub commits: u64,
    /// The position of the last, or where the export began.
    pub head: Position,
}

/// An export failed.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The log cannot be read, or is damaged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The file cannot be written.
    #[error("the export cannot be written")]
    Write(#[from] std::io::Error),
    /// A commit's bytes do not fit in a line of JSON, which no commit of ours does.
    #[error("the commit at position {position} is not one line of JSON and cannot be exported")]
    NotALine {
        /// The commit.
        position: Position,
    },
}

/// Writes every commit after `after` that the log has now.
///
/// # Errors
/// See [`TransferError`]. A damaged log is not exported: `verify` tells what is wrong with it.
pub async fn export(
    log: &impl EventLog,
    mut writer: impl AsyncWrite + Unpin,
    after: Position,
) -> Result<ExportReport, TransferError> {
    let mut report = ExportReport { commits: 0, head: after };
    let mut tail = log.tail(after);
    while let Some(item) = tail.next().await {
        match item? {
            TailItem::Commit(commit) => {
                let position = commit.position;
                let mut line = line(&commit).ok_or(TransferError::NotALine { position })?;
                line.push(b'\n');
                writer.write_all(&line).await?;
                report = ExportReport { commits: report.commits + 1, head: position };
            }
            TailItem::CaughtUp(_) => break,
        }
    }
    writer.flush().await?;
    Ok(report)
}

fn line(commit: &Recorded) -> Option<Vec<u8>> {
    let raw: &RawValue = serde_json::from_slice(&commit.bytes).ok()?;
    let exact = raw.get().len() == commit.bytes.len() && !commit.bytes.contains(&b'\n');
    let line = LineOut { position: commit.position, digest: commit.digest, commit: raw };
    serde_json::to_vec(&line).ok().filter(|_| exact)
}

/// What was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// How many commits.
    pub commits: u64,
    /// How many aggregates they belong to.
    pub aggregates: usize,
    /// The position of the last, in the new epoch.
    pub head: Position,
}

/// An import failed. The stream, if it was begun, opens for no one: delete it and import again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The log cannot be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The file cannot be read.
    #[error("the import cannot be read")]
    Read(#[from] std::io::Error),
    /// There is nothing in the file.
    #[error("the import has no commits")]
    Nothing,
    /// The stream holds commits already.
    #[error("the stream has {messages} messages, import into an empty one")]
    NotEmpty {
        /// How many.
        messages: u64,
    },
    /// The epoch that was asked for was used before.
    #[error("epoch {epoch} was used, choose one above {used} and at most {}", Position::MAX_EPOCH)]
    EpochUsed {
        /// The epoch that was asked for.
        epoch: u16,
        /// The epoch of the export.
        used: u16,
    },
    /// A line is no line of an export.
    #[error("line {line} is not of an export")]
    Line {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The commit on a line is not the one that was exported.
    #[error("the commit on line {line} was altered")]
    Altered {
        /// The line, from 1.
        line: u64,
    },
    /// A line is missing, doubled or out of order.
    #[error("line {line} must have sequence {line}, has position {position}")]
    OutOfOrder {
        /// The line, from 1.
        line: u64,
        /// The position on it.
        position: Position,
    },
    /// The commit on a line is damaged, or does not follow the one before it.
    #[error("the commit on line {line} is damaged")]
    Damaged {
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        #[source]
        source: Defect,
    },
}

/// Fills an absent or empty stream with an export that begins at the first commit.
///
/// # Errors
/// See [`ImportError`].
pub async fn import(
    options: &LogOptions,
    mut reader: impl AsyncBufRead + Unpin,
) -> Result<ImportReport, ImportError> {
    let mut chains: HashMap<StreamKey, Chain> = HashMap::new();
    let mut restore: Option<Restore> = None;
    let mut buffer = Vec::new();
    let mut number = 0;
    loop {
        buffer.clear();
        if reader.read_until(b'\n', &mut buffer).await? == 0 {
            break;
        }
        number += 1;
        let commit = parse(number, &buffer)?;
        let key = commit.commit.stream();
        chains
            .entry(key.clone())
            .or_default()
            .push(&key, &commit)
            .map_err(|source| ImportError::Damaged { line: number, source })?;
        let restore = match &mut restore {
            Some(restore) => restore,
            None => {
                let epoch = next_epoch(options, commit.position.epoch())?;
                restore.insert(Restore::begin(options, epoch).await?)
            }
        };
        restore.push(&key, commit.bytes).await?;
    }
    let head = restore.ok_or(ImportError::Nothing)?.finish().await?;
    Ok(ImportReport { commits: number, aggregates: chains.len(), head })
}

fn parse(number: u64, line: &[u8]) -> Result<Recorded, ImportError> {
    let LineIn { position, digest, commit } = serde_json::from_slice(line)
        .map_err(|source| ImportError::Line { line: number, source })?;
    if position.sequence() != number {
        return Err(ImportError::OutOfOrder { line: number, position });
    }
    let bytes = Bytes::copy_from_slice(commit.get().as_bytes());
    if Digest::of(&bytes) != digest {
        return Err(ImportError::Altered { line: number });
    }
    Recorded::parse(position, bytes).map_err(|source| ImportError::Damaged { line: number, source })
}

fn next_epoch(options: &LogOptions, used: u16) -> Result<u16, ImportError> {
    let epoch = options.epoch.unwrap_or(used.saturating_add(1));
    if epoch > used && epoch <= Position::MAX_EPOCH {
        Ok(epoch)
    } else {
        Err(ImportError::EpochUsed { epoch, used })
    }
}
