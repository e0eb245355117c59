//! What is in the stream, read from outside.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream;
use async_nats::jetstream::consumer::push::OrderedConfig;
use bytes::Bytes;
use ff_domain::EnvironmentId;
use ff_evaluator::wire::{ConfigHash, Head, ObjectKind, STREAM, SettingsObject, head_subject};
use ff_eventlog::Position;
use futures::StreamExt;
use serde_json::Value;
use uuid::Uuid;

/// The newest message of every subject.
pub(crate) struct Published(BTreeMap<String, Bytes>);

impl Published {
    /// `None` while there is no stream, or it cannot be reached.
    pub(crate) async fn read(client: &async_nats::Client) -> Option<Self> {
        let config =
            OrderedConfig { deliver_subject: client.new_inbox(), ..OrderedConfig::default() };
        let jetstream = jetstream::new(client.clone());
        let consumer = jetstream.create_consumer_on_stream(config, STREAM).await.ok()?;
        let mut found = BTreeMap::new();
        let mut pending = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.ok()?;
        while pending > 0 {
            let message = messages.next().await?.ok()?;
            pending = message.info().ok()?.pending;
            found.insert(message.subject.to_string(), message.payload.clone());
        }
        Some(Self(found))
    }

    pub(crate) fn position(&self) -> Option<Position> {
        let checkpoint: Value = serde_json::from_slice(self.0.get("ff.pub._position")?).ok()?;
        checkpoint["position"].as_str()?.parse().ok()
    }

    pub(crate) fn head(&self, environment: EnvironmentId) -> Head {
        serde_json::from_slice(&self.0[&head_subject(&environment.to_string())]).unwrap()
    }

    pub(crate) fn environments(&self) -> Vec<String> {
        let names: BTreeSet<String> =
            self.live("ff.cfg.").map(|subject| part(subject, 2).to_owned()).collect();
        names.into_iter().collect()
    }

    /// The kinds of an environment's objects, one for each object.
    pub(crate) fn kinds(&self, environment: EnvironmentId) -> Vec<&str> {
        let prefix = format!("ff.cfg.{environment}.");
        let subjects = self.live(&prefix).filter(|subject| !subject.ends_with("._head"));
        let kinds: Vec<&str> = subjects.map(|subject| part(subject, 3)).collect();
        kinds
    }

    pub(crate) fn subjects(&self, kind: &str) -> Vec<String> {
        self.live("ff.cfg.").filter(|subject| part(subject, 3) == kind).map(str::to_owned).collect()
    }

    pub(crate) fn object(&self, environment: EnvironmentId, kind: &str, id: Uuid) -> Value {
        serde_json::from_slice(&self.0[&format!("ff.cfg.{environment}.{kind}.{id}")]).unwrap()
    }

    /// What holds for a whole environment.
    pub(crate) fn settings(&self, environment: EnvironmentId) -> SettingsObject {
        let bytes = &self.0[&format!("ff.cfg.{environment}.settings.environment")];
        serde_json::from_slice(bytes).unwrap()
    }

    /// All objects of all environments, without the heads.
    pub(crate) fn config_objects(&self) -> BTreeMap<&str, &Bytes> {
        self.matching(|subject| subject.starts_with("ff.cfg.") && !subject.ends_with("._head"))
    }

    /// The publisher's own state, without the checkpoint.
    pub(crate) fn own_objects(&self) -> BTreeMap<&str, &Bytes> {
        self.matching(|subject| subject.starts_with("ff.pub.") && subject != "ff.pub._position")
    }

    /// Every head must have the hash of the objects beside it.
    pub(crate) fn check_hashes(&self) {
        let environments: BTreeSet<&str> = self
            .0
            .keys()
            .filter(|key| key.starts_with("ff.cfg."))
            .map(|key| part(key, 2))
            .collect();
        for environment in environments {
            let mut hash = ConfigHash::default();
            for (subject, bytes) in self.config_objects() {
                if part(subject, 2) == environment {
                    let named = |kind: &ObjectKind| kind.as_str() == part(subject, 3);
                    let kind = ObjectKind::ALL.into_iter().find(named).expect("it is a kind");
                    hash.put(kind, part(subject, 4), bytes);
                }
            }
            let id: Uuid = environment.parse().unwrap();
            assert_eq!(self.head(EnvironmentId(id)).hash, hash.hex(), "{environment}");
        }
    }

    fn live(&self, prefix: &str) -> impl Iterator<Item = &str> {
        let prefix = prefix.to_owned();
        self.0
            .iter()
            .filter(move |(subject, bytes)| subject.starts_with(&prefix) && !bytes.is_empty())
            .map(|(subject, _)| subject.as_str())
    }

    fn matching(&self, wanted: impl Fn(&str) -> bool) -> BTreeMap<&str, &Bytes> {
        self.0
            .iter()
            .filter(|(subject, bytes)| wanted(subject) && !bytes.is_empty())
            .map(|(subject, bytes)| (subject.as_str(), bytes))
            .collect()
    }
}

/// Writes a message past the publisher.
pub(crate) async fn write(client: &async_nats::Client, subject: &str, body: &'static str) {
    let jetstream = jetstream::new(client.clone());
    jetstream.publish(subject.to_owned(), body.into()).await.unwrap().await.unwrap();
}

fn part(subject: &str, index: usize) -> &str {
    subject.split('.').nth(index).unwrap_or_default()
}
