//! What can go wrong with the log, apart by what the caller must do about it.

use crate::{DecodeError, Digest, Position, StreamKey};

/// The error below ours, of the client or the server.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Reading, watching or opening the log failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log cannot be reached; try again later.
    #[error("the event log cannot be reached, try again when NATS is back")]
    Unavailable {
        /// What the client said.
        #[source]
        source: Cause,
    },
    /// The server answered something that this code does not expect.
    #[error("the event log gave an unexpected answer to {operation}")]
    Unexpected {
        /// What was asked.
        operation: &'static str,
        /// What came back.
        #[source]
        source: Cause,
    },
    /// A stored commit is not as it was written.
    #[error(transparent)]
    Damaged(#[from] Defect),
    /// An event is of a type, version or shape that this program does not know.
    #[error("event {event} of the commit at position {position} cannot be decoded")]
    Undecodable {
        /// The commit.
        position: Position,
        /// The index of the event in the commit, from 0.
        event: usize,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// The position was given out by another epoch of the log.
    #[error(
        "position {position} is of epoch {}, but the log is in epoch {epoch}: rebuild from the start",
        position.epoch()
    )]
    ForeignEpoch {
        /// The position that was asked for.
        position: Position,
        /// The epoch of the log.
        epoch: u16,
    },
    /// The log ends before the position: it has lost commits that were seen before.
    #[error("position {position} is ahead of the log, which ends at {head}: the log lost commits")]
    AheadOfLog {
        /// The position that was asked for.
        position: Position,
        /// The end of the log.
        head: Position,
    },
    /// The stream exists with another configuration than this program needs.
    #[error("the stream {stream} is configured differently: {}", list(differences))]
    ConfigDiffers {
        /// The stream.
        stream: String,
        /// Each setting that differs.
        differences: Vec<ConfigDifference>,
    },
}

/// A setting of the stream that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} must be {expected}, is {found}")]
pub struct ConfigDifference {
    /// The name of the setting.
    pub setting: &'static str,
    /// What this program needs.
    pub expected: String,
    /// What the server has.
    pub found: String,
}

fn list(differences: &[ConfigDifference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A stored commit is not as it was written: the log is damaged or was tampered with.
#[derive(Debug, thiserror::Error)]
pub enum Defect {
    /// The bytes are no commit.
    #[error("the message at position {position} is not a commit")]
    Malformed {
        /// The message.
        position: Position,
        /// Why it cannot be read.
        #[source]
        source: serde_json::Error,
    },
    /// The envelope is of a version that this program does not know.
    #[error("the commit at position {position} has the unknown schema {schema}")]
    Schema {
        /// The commit.
        position: Position,
        /// Its schema.
        schema: u16,
    },
    /// The commit lies on the subject of another aggregate than it names.
    #[error("the commit at position {position} names {stream}, but lies on the subject {subject}")]
    Misplaced {
        /// The commit.
        position: Position,
        /// The stream it names.
        stream: StreamKey,
        /// Where it was found.
        subject: String,
    },
    /// A commit of the aggregate is missing or doubled.
    #[error("{stream} must go on with version {expected}, but position {position} has {found}")]
    Gap {
        /// The aggregate.
        stream: StreamKey,
        /// The commit that does not follow.
        position: Position,
        /// The version that should come.
        expected: u64,
        /// The version that came.
        found: u64,
    },
    /// The commit before this one is not the one it was written after.
    #[error("version {} of {stream} was altered: position {position} follows another", version)]
    Altered {
        /// The aggregate.
        stream: StreamKey,
        /// The commit whose `prev` does not match.
        position: Position,
        /// The version of the commit that was altered.
        version: u64,
        /// The two digests that should be one. Boxed, so that every result stays small.
        link: Box<BrokenLink>,
    },
    /// Messages are missing from the stream, which never deletes any.
    #[error("the log has no messages after position {after} and before {found}")]
    Hole {
        /// The last message before the hole.
        after: Position,
        /// The first message after it.
        found: Position,
    },
}

/// Where a chain of digests is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenLink {
    /// The digest that the later commit recorded.
    pub recorded: Option<Digest>,
    /// The digest of the commit before it as it is now.
    pub found: Option<Digest>,
}

impl Defect {
    /// The position where the defect shows.
    #[must_use]
    pub fn position(&self) -> Position {
        match self {
            Self::Malformed { position, .. }
            | Self::Schema { position, .. }
            | Self::Misplaced { position, .. }
            | Self::Gap { position, .. }
            | Self::Altered { position, .. }
            | Self::Hole { found: position, .. } => *position,
        }
    }
}

/// Appending failed. Only [`AppendError::Unknown`] leaves open whether anything was stored.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Someone else appended first: reload, look for the command, else decide again.
    #[error("another commit was first, reload and decide again")]
    Conflict,
    /// No answer came: it may be stored. Reload and look for the command.
    #[error("no acknowledgement came, reload and look for the command")]
    Unknown {
        /// What the client said.
        #[source]
        source: Cause,
    },
    /// Nothing was stored, the log cannot be reached; try again later.
    #[error("the event log cannot be reached, nothing was stored")]
    Unavailable {
        /// What the client said.
        #[source]
        source: Cause,
    },
    /// Nothing was stored, the server refused it.
    #[error("the event log refused the commit")]
    Refused {
        /// What the server said.
        #[source]
        source: Cause,
    },
    /// The commit does not fit in a message.
    #[error("the commit for {stream} has {bytes} bytes, at most {limit} fit: split the change")]
    TooLarge {
        /// The aggregate.
        stream: StreamKey,
        /// The size of the commit.
        bytes: usize,
        /// The largest size that is accepted.
        limit: usize,
    },
    /// More aggregates than one atomic batch takes.
    #[error("{drafts} aggregates in one change, at most {limit} fit: split the change")]
    TooMany {
        /// How many there were.
        drafts: usize,
        /// How many are accepted.
        limit: usize,
    },
    /// Two drafts for one aggregate.
    #[error("{stream} appears twice in one change, put its events in one draft")]
    Repeated {
        /// The aggregate.
        stream: StreamKey,
    },
    /// A draft without events.
    #[error("the draft for {stream} has no events, do not append it")]
    Empty {
        /// The aggregate.
        stream: StreamKey,
    },
    /// The kind of aggregate cannot be in a subject.
    #[error("`{kind}` is no kind of aggregate: use lower-case letters, digits, `_` and `-`")]
    BadKind {
        /// The kind.
        kind: String,
    },
    /// The commit cannot be written as JSON.
    #[error("the commit for {stream} cannot be written as JSON")]
    Encode {
        /// The aggregate.
        stream: StreamKey,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
}
