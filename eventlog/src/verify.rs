//! The walk over the whole log that proves it unharmed.

use std::collections::HashMap;

use futures::StreamExt;

use crate::chain::Chain;
use crate::{Defect, EventLog, LogError, Position, StreamKey, TailItem};

/// How often progress is told, in commits.
const STEP: u64 = 1000;

/// How far a walk has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last commit that was seen.
    pub position: Position,
    /// The end of the log when the walk began.
    pub head: Position,
}

/// What a walk over the log found.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// How many messages were read.
    pub commits: u64,
    /// How many aggregates they belong to.
    pub aggregates: usize,
    /// Where the walk ended.
    pub head: Position,
    /// Everything that is wrong, in the order of the log.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// A defect and where it shows.
#[derive(Debug)]
pub struct Finding {
    /// Where it shows.
    pub position: Position,
    /// What is wrong.
    pub defect: Defect,
}

impl From<Defect> for Finding {
    fn from(defect: Defect) -> Self {
        Self { position: defect.position(), defect }
    }
}

/// Reads every commit and checks the stream for holes, and each aggregate for version continuity and
/// an unbroken chain of digests. A damaged log is a report with findings, not an error.
///
/// # Errors
/// When the log cannot be read to its end.
pub async fn verify(
    log: &impl EventLog,
    mut progress: impl FnMut(Progress),
) -> Result<VerifyReport, LogError> {
    let head = log.head().await?;
    let mut report = VerifyReport { head, ..VerifyReport::default() };
    let mut chains: HashMap<StreamKey, Chain> = HashMap::new();
    let mut tail = log.tail(Position::ZERO);
    while let Some(item) = tail.next().await {
        match item {
            Ok(TailItem::Commit(commit)) => {
                let key = commit.commit.stream();
                report.commits += 1;
                report.head = commit.position;
                if let Err(defect) = chains.entry(key.clone()).or_default().push(&key, &commit) {
                    report.findings.push(defect.into());
                }
                if report.commits.is_multiple_of(STEP) {
                    progress(Progress { position: commit.position, head });
                }
            }
            Ok(TailItem::CaughtUp(position)) => {
                report.head = position;
                progress(Progress { position, head });
                break;
            }
            Err(LogError::Damaged(defect)) => {
                if !matches!(defect, Defect::Hole { .. }) {
                    report.commits += 1;
                }
                report.findings.push(defect.into());
            }
            Err(error) => return Err(error),
        }
    }
    report.aggregates = chains.len();
    Ok(report)
}
