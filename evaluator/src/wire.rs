//! How an environment's config travels from the publisher to the edges, and from an edge to SDKs.
//!
//! Each object (flag, segment, key, metric, and the environment's settings) is one message; the newest of each is
//! kept by the stream. A change ends with the `_head`, which names the position and the hash of the whole config: an edge
//! applies what it received when the head arrives, so it never shows half a change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The stream that keeps the newest message of every config object.
pub const STREAM: &str = "FF_CONFIG";

/// What an object of the config is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A [`crate::FlagDefinition`]; its name is the flag's id.
    Flag,
    /// A [`crate::SegmentDefinition`]; its name is the segment's id.
    Segment,
    /// A [`KeyObject`]; its name is the key's id.
    Key,
    /// The [`SettingsObject`]; its name is `environment`.
    Settings,
    /// A [`MetricObject`]; its name is the metric's id. For ingest; edges keep it for the hash and do not use it.
    Metric,
}

impl ObjectKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Flag, Self::Segment, Self::Key, Self::Settings, Self::Metric];

    /// Its name in a subject.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Segment => "segment",
            Self::Key => "key",
            Self::Settings => "settings",
            Self::Metric => "metric",
        }
    }
}

/// Where an object of an environment's config is published.
pub fn object_subject(environment_id: &str, kind: ObjectKind, name: &str) -> String {
    format!("ff.cfg.{environment_id}.{}.{name}", kind.as_str())
}

/// Where the head of an environment's config is published.
pub fn head_subject(environment_id: &str) -> String {
    format!("ff.cfg.{environment_id}._head")
}

/// Ends every change of an environment's config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The commit this config corresponds to, as a decimal string.
    pub position: String,
    /// The hash of the whole config; see [`ConfigHash`].
    pub hash: String,
}

/// A key that may read an environment's config or evaluations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyObject {
    /// The key's id.
    pub id: String,
    /// SHA-256 of the whole key, hex.
    pub hash: String,
    /// Whether it is a server's or a client's.
    pub kind: KeyKind,
    /// When it stops working, RFC 3339; absent means never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<jiff::Timestamp>,
}

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// Sees every flag and its rules.
    Server,
    /// Sees only flags marked for clients, and never a rule.
    Client,
}

/// What holds for a whole environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsObject {
    /// First part of every bucketing input.
    pub salt: String,
    /// The id of the organization it belongs to; absent in what an older publisher wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The id of its project; absent in what an older publisher wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
}

/// A metric, as far as whoever takes its events needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricObject {
    /// The metric's key, unique in its project.
    pub key: String,
    /// The names under which its events arrive, in alphabetical order, each once.
    pub events: Vec<String>,
}

/// The hash of a whole config: SHA-256 over `kind/name:sha256(object bytes)\n` in the order of kinds and names.
/// Publisher and edge keep one each and compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigHash {
    objects: BTreeMap<(ObjectKind, String), [u8; 32]>,
}

impl ConfigHash {
    /// Notes the bytes of an object as published.
    pub fn put(&mut self, kind: ObjectKind, name: &str, bytes: &[u8]) {
        self.objects.insert((kind, name.to_owned()), Sha256::digest(bytes).into());
    }

    /// Notes that an object is gone. In the stream that is a message with an empty body.
    pub fn remove(&mut self, kind: ObjectKind, name: &str) {
        self.objects.remove(&(kind, name.to_owned()));
    }

    /// Whether these very bytes are noted for an object.
    pub fn holds(&self, kind: ObjectKind, name: &str, bytes: &[u8]) -> bool {
        self.objects
            .get(&(kind, name.to_owned()))
            .is_some_and(|known| *known == <[u8; 32]>::from(Sha256::digest(bytes)))
    }

    /// The hash, hex.
    pub fn hex(&self) -> String {
        let mut all = Sha256::new();
        for ((kind, name), digest) in &self.objects {
            all.update(kind.as_str());
            all.update(b"/");
            all.update(name);
            all.update(b":");
            all.update(digest);
            all.update(b"\n");
        }
        all.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
