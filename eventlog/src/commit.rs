//! The envelope of a commit, field by field as it is stored.
//!
//! The bytes in the log are the JSON of [`Commit`]. Readers tolerate fields they do not know; the
//! digest is taken of the bytes as found, never of a re-encoding.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{Defect, Digest, Position, StreamKey, Tip};

/// The version of the envelope that this code writes and reads.
pub const SCHEMA: u16 = 1;

/// All events of one command against one aggregate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Commit {
    /// The version of this envelope.
    pub schema: u16,
    /// The command that was decided; one command makes at most one commit per aggregate.
    pub command_id: Uuid,
    /// What started it: the same for every commit that follows from one request.
    pub correlation_id: Uuid,
    /// What caused the command.
    pub causation: Causation,
    /// The organization that owns the aggregate.
    pub org: Uuid,
    /// The aggregate that changed.
    pub aggregate: AggregateRef,
    /// The number of this commit in its aggregate, from 1 without a gap.
    pub version: u64,
    /// The digest of the aggregate's commit before this one, none for the first.
    pub prev: Option<Digest>,
    /// When the command was decided, to the millisecond.
    #[serde(with = "milliseconds")]
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The way it came in.
    pub via: Via,
    /// Why it was done, in the words of who did it.
    #[serde(default)]
    pub comment: Option<String>,
    /// What happened, in order.
    pub events: Vec<EventRecord>,
}

impl Commit {
    /// The stream that this commit says it belongs to.
    #[must_use]
    pub fn stream(&self) -> StreamKey {
        StreamKey::new(self.org, Cow::Owned(self.aggregate.kind.clone()), self.aggregate.id)
    }
}

/// One event with its wire name, its version and its data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventRecord {
    /// The wire name, `flag.turned_on`; it never changes.
    #[serde(rename = "type")]
    pub kind: String,
    /// The version of the data's shape, from 1.
    pub v: u16,
    /// The event's own fields, null where it has none.
    #[serde(default)]
    pub data: Value,
}

/// The aggregate of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AggregateRef {
    /// The kind of aggregate.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: Uuid,
}

/// What caused a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Causation {
    /// The kind of cause.
    pub kind: CausationKind,
    /// The id of the cause: of a command, a schedule or a guardrail.
    pub id: String,
}

/// The kinds of causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CausationKind {
    /// Another command, or the command itself when someone asked for it.
    Command,
    /// A schedule that came due.
    Schedule,
    /// A guardrail metric that was breached.
    Guardrail,
}

/// Who did it. Names and addresses are never in the log, only ids.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// The kind of principal.
    pub kind: ActorKind,
    /// Its id.
    pub id: Uuid,
}

/// The kinds of principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person.
    User,
    /// A program with an API key.
    ApiKey,
    /// The platform itself.
    System,
}

/// The way a command came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The admin UI.
    Ui,
    /// The REST API.
    Api,
    /// The command line.
    Cli,
}

/// A commit as it was found in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its place in the total order.
    pub position: Position,
    /// The commit.
    pub commit: Commit,
    /// SHA-256 of `bytes`.
    pub digest: Digest,
    /// The commit exactly as stored.
    pub bytes: Bytes,
}

impl Recorded {
    /// Reads the stored bytes of the commit at `position`.
    pub(crate) fn parse(position: Position, bytes: Bytes) -> Result<Self, Defect> {
        let commit: Commit = serde_json::from_slice(&bytes)
            .map_err(|source| Defect::Malformed { position, source })?;
        if commit.schema != SCHEMA {
            return Err(Defect::Schema { position, schema: commit.schema });
        }
        Ok(Self { position, commit, digest: Digest::of(&bytes), bytes })
    }

    /// The tip of the aggregate after this commit.
    #[must_use]
    pub fn tip(&self) -> Tip {
        Tip {
            sequence: self.position.sequence(),
            version: self.commit.version,
            digest: self.digest,
        }
    }
}

/// RFC 3339 with exactly three decimals.
mod milliseconds {
    use std::borrow::Cow;

    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{at:.3}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        Cow::<'de, str>::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_envelope_is_stable() {
        let text = r#"{"schema":1,"command_id":"00000000-0000-0000-0000-000000000001","correlation_id":"00000000-0000-0000-0000-000000000002","causation":{"kind":"guardrail","id":"g1"},"org":"00000000-0000-0000-0000-000000000003","aggregate":{"type":"flag","id":"00000000-0000-0000-0000-000000000004"},"version":1,"prev":null,"at":"2026-11-22T20:49:31.120Z","actor":{"kind":"api_key","id":"00000000-0000-0000-0000-000000000005"},"via":"ui","comment":"why","events":[{"type":"flag.turned_on","v":1,"data":{"b":1,"a":2}}]}"#;
        let commit: Commit = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&commit).unwrap(), text);
    }

    #[test]
    fn unknown_fields_are_tolerated_and_an_unknown_schema_is_not() {
        let mut envelope = json!({
            "schema": 1, "command_id": Uuid::nil(), "correlation_id": Uuid::nil(),
            "causation": {"kind": "command", "id": "x"}, "org": Uuid::nil(),
            "aggregate": {"type": "flag", "id": Uuid::nil()}, "version": 1, "prev": null,
            "at": "2026-11-22T20:49:31.123Z", "actor": {"kind": "system", "id": Uuid::nil()},
            "via": "cli", "events": [], "later": {"more": true},
        });
        let parse = |envelope: &Value| {
            Recorded::parse(Position::new(1, 1), serde_json::to_vec(envelope).unwrap().into())
        };
        assert_eq!(parse(&envelope).unwrap().commit.comment, None);
        envelope["schema"] = json!(2);
        assert!(matches!(parse(&envelope), Err(Defect::Schema { schema: 2, .. })));
    }
}
