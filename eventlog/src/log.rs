//! The contract of an event log, whatever keeps it.

use std::future::Future;

use futures::stream::{BoxStream, StreamExt as _};

use crate::{AppendError, Draft, LogError, Position, Recorded, StreamKey, Tip};

/// How recent a reading must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Any replica may answer. A stale answer only makes the next append a conflict.
    Any,
    /// Everything that was acknowledged before the call is in the answer.
    Leader,
}

/// What a tail delivers.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "nearly every item is a commit")]
pub enum TailItem {
    /// The next commit.
    Commit(Recorded),
    /// Everything the log had when this was said has been delivered, up to this position.
    CaughtUp(Position),
}

/// Commits of all aggregates in one total order.
///
/// Cheap to clone; clones share one connection.
pub trait EventLog: Clone + Send + Sync + 'static {
    /// The commits of one aggregate after `after`, from the first if `None`, in order.
    ///
    /// Versions must go on without a gap and every commit must name the digest of the one before.
    ///
    /// # Errors
    /// [`LogError::Damaged`] for a gap or an altered commit, [`LogError::Unavailable`] when the log
    /// cannot be reached.
    fn history(
        &self,
        key: &StreamKey,
        after: Option<&Tip>,
        read: Freshness,
    ) -> impl Future<Output = Result<Vec<Recorded>, LogError>> + Send;

    /// Appends one commit per draft, all or none, each only if its aggregate is still at its tip.
    ///
    /// The answer is in the order of the drafts.
    ///
    /// # Errors
    /// See [`AppendError`]. It never waits longer than the configured time.
    fn append(
        &self,
        drafts: Vec<Draft>,
    ) -> impl Future<Output = Result<Vec<Recorded>, AppendError>> + Send;

    /// Every commit after `after`, and then each new one as it comes.
    ///
    /// It outlives the connection and the server: it neither misses nor doubles a commit. A
    /// [`LogError::Damaged`] is about one message, and the stream goes on after it; any other error
    /// is the last item.
    fn tail(&self, after: Position) -> BoxStream<'static, Result<TailItem, LogError>>;

    /// As [`tail`](Self::tail), but only commits of aggregates of these kinds. Between two of them positions are left
    /// out, and while nothing comes it says again and again that it is caught up: who hears nothing for long knows that
    /// what it knows may be old.
    fn tail_of(
        &self,
        after: Position,
        kinds: &'static [&'static str],
    ) -> BoxStream<'static, Result<TailItem, LogError>> {
        let wanted = |item: &Result<TailItem, LogError>| match item {
            Ok(TailItem::Commit(commit)) => kinds.contains(&commit.commit.aggregate.kind.as_str()),
            _ => true,
        };
        self.tail(after).filter(move |item| std::future::ready(wanted(item))).boxed()
    }

    /// The position of the last commit, or of the log's beginning if it is empty.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when the log cannot be reached.
    fn head(&self) -> impl Future<Output = Result<Position, LogError>> + Send;
}
