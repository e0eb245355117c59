//! From a decision to the bytes of a commit.

use std::collections::HashSet;

use bytes::Bytes;
use jiff::Timestamp;

use crate::{
    AggregateRef, AppendError, Commit, CommitMeta, Digest, EventRecord, Position, Recorded, SCHEMA,
    StreamKey,
};

/// The last known commit of an aggregate: what the next one is compared with and chained to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its stream sequence.
    pub sequence: u64,
    /// Its version.
    pub version: u64,
    /// Its digest.
    pub digest: Digest,
}

/// A commit that is to be appended.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The aggregate.
    pub stream: StreamKey,
    /// The commit it follows; `None` means that the aggregate must not exist yet.
    pub tip: Option<Tip>,
    /// Who, when, how and why.
    pub meta: CommitMeta,
    /// What happened, at least one event.
    pub events: Vec<EventRecord>,
}

/// A draft with its version, its link and its bytes: all but its position.
pub(crate) struct Sealed {
    pub(crate) stream: StreamKey,
    /// The sequence that must be the last of the aggregate, 0 for none.
    pub(crate) expected: u64,
    pub(crate) bytes: Bytes,
    commit: Commit,
}

impl Sealed {
    pub(crate) fn recorded(self, position: Position) -> Recorded {
        let digest = Digest::of(&self.bytes);
        Recorded { position, commit: self.commit, digest, bytes: self.bytes }
    }
}

/// The most commits that one atomic batch of JetStream takes.
const MAX_BATCH: usize = 1000;

/// Checks the drafts of one append and makes their bytes; `limit` is the largest commit.
pub(crate) fn seal(drafts: Vec<Draft>, limit: usize) -> Result<Vec<Sealed>, AppendError> {
    if drafts.len() > MAX_BATCH {
        return Err(AppendError::TooMany { drafts: drafts.len(), limit: MAX_BATCH });
    }
    let mut seen = HashSet::with_capacity(drafts.len());
    let mut sealed = Vec::with_capacity(drafts.len());
    for draft in drafts {
        if !seen.insert(draft.stream.clone()) {
            return Err(AppendError::Repeated { stream: draft.stream });
        }
        sealed.push(seal_one(draft, limit)?);
    }
    Ok(sealed)
}

fn seal_one(draft: Draft, limit: usize) -> Result<Sealed, AppendError> {
    let Draft { stream, tip, meta, events } = draft;
    if !stream.has_valid_kind() {
        return Err(AppendError::BadKind { kind: stream.kind.into_owned() });
    }
    if events.is_empty() {
        return Err(AppendError::Empty { stream });
    }
    let commit = Commit {
        schema: SCHEMA,
        command_id: meta.command_id,
        correlation_id: meta.correlation_id,
        causation: meta.causation,
        org: stream.org,
        aggregate: AggregateRef { kind: stream.kind.clone().into_owned(), id: stream.id },
        version: tip.map_or(0, |tip| tip.version) + 1,
        prev: tip.map(|tip| tip.digest),
        at: to_millisecond(meta.at),
        actor: meta.actor,
        via: meta.via,
        comment: meta.comment,
        events,
    };
    let bytes: Bytes = match serde_json::to_vec(&commit) {
        Ok(bytes) => bytes.into(),
        Err(source) => return Err(AppendError::Encode { stream, source }),
    };
    if bytes.len() > limit {
        return Err(AppendError::TooLarge { stream, bytes: bytes.len(), limit });
    }
    Ok(Sealed { stream, expected: tip.map_or(0, |tip| tip.sequence), bytes, commit })
}

/// What is returned must equal what is read back, so the commit keeps no more than is written.
fn to_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond())
        .expect("a timestamp without its fraction of a millisecond is still in range")
}
