//! What a commit says about its command, beside the events.
//!
//! The executor fills it in directly. On the way through cqrs-es, whose metadata is a map of strings,
//! it travels under the envelope's field names.

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::{Actor, Causation, Via};

/// Who asked for a commit, when, how and why.
#[derive(Clone, Debug, PartialEq)]
pub struct CommitMeta {
    /// The command that was decided.
    pub command_id: Uuid,
    /// What started it.
    pub correlation_id: Uuid,
    /// What caused the command.
    pub causation: Causation,
    /// When it was decided; stored to the millisecond.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The way it came in.
    pub via: Via,
    /// Why it was done.
    pub comment: Option<String>,
}

/// The metadata of a cqrs-es commit does not say what the envelope needs.
#[derive(Debug, thiserror::Error)]
pub enum MetaError {
    /// A key is absent.
    #[error("the commit metadata needs the key `{key}`")]
    Missing {
        /// The absent key.
        key: &'static str,
    },
    /// A value cannot be read.
    #[error("the commit metadata under `{key}` cannot be read")]
    Invalid {
        /// The key.
        key: &'static str,
        /// Why it cannot be read.
        #[source]
        source: serde_json::Error,
    },
}

impl CommitMeta {
    /// As the metadata of cqrs-es: the envelope's names, each value as JSON.
    #[must_use]
    pub fn to_metadata(&self) -> HashMap<String, String> {
        let mut map = HashMap::new();
        let mut put = |key: &str, value: serde_json::Value| {
            map.insert(key.to_owned(), value.to_string());
        };
        put("command_id", serde_json::json!(self.command_id));
        put("correlation_id", serde_json::json!(self.correlation_id));
        put("causation", serde_json::json!(self.causation));
        put("at", serde_json::json!(self.at));
        put("actor", serde_json::json!(self.actor));
        put("via", serde_json::json!(self.via));
        put("comment", serde_json::json!(self.comment));
        map
    }

    /// Reads back what [`CommitMeta::to_metadata`] wrote.
    ///
    /// # Errors
    /// When a key is absent (`comment` may be) or its value cannot be read.
    pub fn from_metadata(map: &HashMap<String, String>) -> Result<Self, MetaError> {
        fn read<T: serde::de::DeserializeOwned>(
            map: &HashMap<String, String>,
            key: &'static str,
        ) -> Result<T, MetaError> {
            let text = map.get(key).ok_or(MetaError::Missing { key })?;
            serde_json::from_str(text).map_err(|source| MetaError::Invalid { key, source })
        }
        let comment = if map.contains_key("comment") { read(map, "comment")? } else { None };
        Ok(Self {
            command_id: read(map, "command_id")?,
            correlation_id: read(map, "correlation_id")?,
            causation: read(map, "causation")?,
            at: read(map, "at")?,
            actor: read(map, "actor")?,
            via: read(map, "via")?,
            comment,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ActorKind, CausationKind};

    #[test]
    fn survives_the_metadata_of_cqrs_es() {
        let meta = CommitMeta {
            command_id: Uuid::from_u128(1),
            correlation_id: Uuid::from_u128(2),
            causation: Causation { kind: CausationKind::Schedule, id: "nightly".to_owned() },
            at: "2026-11-22T20:49:31.123Z".parse().unwrap(),
            actor: Actor { kind: ActorKind::User, id: Uuid::from_u128(3) },
            via: Via::Api,
            comment: Some("\"quoted\"".to_owned()),
        };
        let mut map = meta.to_metadata();
        assert_eq!(CommitMeta::from_metadata(&map).unwrap(), meta);
        map.remove("actor");
        assert!(matches!(
            CommitMeta::from_metadata(&map),
            Err(MetaError::Missing { key: "actor" })
        ));
    }
}
