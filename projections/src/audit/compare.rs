//! The log beside the rows of the audit log, read once from the beginning.

use ff_eventlog::{EventLog, LogError, Position, Recorded, TailItem};
use futures::{StreamExt as _, stream::BoxStream};

use super::AuditFinding;
use crate::ProjectionError;

/// The log beside the rows.
pub(super) struct Comparison {
    tail: BoxStream<'static, Result<TailItem, LogError>>,
    next: Option<Recorded>,
    /// What comes after has no row yet.
    end: Position,
    done: bool,
}

impl Comparison {
    pub(super) async fn start<L: EventLog>(
        log: &L,
        end: Position,
    ) -> Result<Self, ProjectionError> {
        let tail = log.tail(Position::ZERO);
        let mut comparison = Self { tail, next: None, end, done: end == Position::ZERO };
        comparison.advance().await?;
        Ok(comparison)
    }

    async fn advance(&mut self) -> Result<(), ProjectionError> {
        self.next = None;
        while !self.done {
            match self.tail.next().await {
                Some(Ok(TailItem::Commit(commit))) if commit.position > self.end => {
                    self.done = true;
                }
                Some(Ok(TailItem::Commit(commit))) => {
                    self.done = commit.position == self.end;
                    self.next = Some(commit);
                    return Ok(());
                }
                Some(Ok(TailItem::CaughtUp(_))) => self.done = true,
                // What is wrong with the log itself is found by its own check.
                Some(Err(LogError::Damaged(_))) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err(ProjectionError::TailEnded),
            }
        }
        Ok(())
    }

    pub(super) async fn with(
        &mut self,
        position: Position,
        commit: &str,
        findings: &mut Vec<AuditFinding>,
    ) -> Result<(), ProjectionError> {
        while let Some(missed) = self.next.as_ref().filter(|next| next.position < position) {
            findings.push(AuditFinding::NoRow { position: missed.position });
            self.advance().await?;
        }
        match &self.next {
            Some(logged) if logged.position == position => {
                if logged.bytes != commit.as_bytes() {
                    findings.push(AuditFinding::DiffersFromLog { position });
                }
                self.advance().await?;
            }
            _ => findings.push(AuditFinding::NotOnLog { position }),
        }
        Ok(())
    }

    pub(super) async fn rest(
        &mut self,
        findings: &mut Vec<AuditFinding>,
    ) -> Result<(), ProjectionError> {
        while let Some(commit) = &self.next {
            findings.push(AuditFinding::NoRow { position: commit.position });
            self.advance().await?;
        }
        Ok(())
    }
}
