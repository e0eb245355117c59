//! What travels in FF_SECURITY.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entry::BadEntry;
use crate::{Entry, Service};

/// A message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Message {
    /// Something that happened.
    Record(Box<Entry>),
    /// How often keys were used.
    Uses(Uses),
}

/// How often keys were used since the last message of the same process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Uses {
    /// A message that is delivered twice counts once by it.
    pub(crate) id: Uuid,
    pub(crate) at: Timestamp,
    pub(crate) keys: Vec<KeyUse>,
}

/// One key at one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeyUse {
    pub(crate) key: Uuid,
    pub(crate) service: Service,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) organization: Option<Uuid>,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) uses: u64,
}

/// A message that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it is no message of this platform")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Entry(#[from] BadEntry),
}

impl Message {
    /// Where it is published: records of an organization apart from those of others.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Record(entry) => match entry.organization {
                Some(organization) => format!("{}.{organization}", crate::stream::PREFIX),
                None => format!("{}._", crate::stream::PREFIX),
            },
            Self::Uses(_) => format!("{}._", crate::stream::PREFIX),
        }
    }

    /// What it is recognised by when it is sent again.
    pub(crate) fn id(&self) -> Uuid {
        match self {
            Self::Record(entry) => entry.id,
            Self::Uses(uses) => uses.id,
        }
    }

    pub(crate) fn write(&self) -> Bytes {
        serde_json::to_vec(self).expect("texts, ids and numbers can be written").into()
    }

    pub(crate) fn read(payload: &[u8]) -> Result<Self, Unreadable> {
        let message = serde_json::from_slice(payload)?;
        if let Self::Record(entry) = &message {
            entry.check()?;
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Outcome, Record};

    #[test]
    fn messages_survive_the_way() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let record = Record::new(now, Kind::SignOut, Outcome::Ok, Service::Control);
        let key = KeyUse {
            key: Uuid::from_u128(1),
            service: Service::Edge,
            organization: None,
            first: now,
            last: now,
            uses: 7,
        };
        let uses = Uses { id: Uuid::from_u128(2), at: now, keys: vec![key] };
        for message in [Message::Record(Box::new(record.into())), Message::Uses(uses)] {
            assert_eq!(Message::read(&message.write()).unwrap(), message);
            assert_eq!(message.subject(), "ff.sec._");
        }
    }

    #[test]
    fn records_of_an_organization_have_a_subject_of_their_own() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let record = Record::new(now, Kind::SignOut, Outcome::Ok, Service::Control);
        let id = Uuid::from_u128(7);
        assert_eq!(
            Message::Record(Box::new(record.organization(id).into())).subject(),
            format!("ff.sec.{id}")
        );
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for payload in ["", "{}", r#"{"type":"other"}"#, r#"{"type":"record","kind":"x"}"#] {
            assert!(
                matches!(Message::read(payload.as_bytes()), Err(Unreadable::Json(_))),
                "{payload}"
            );
        }
    }
}
