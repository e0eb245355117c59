//! Config published by hand, object by object.

use async_nats::jetstream::{self, stream};
use ff_auth::keys::{KeyKind as NewKind, generate};
use ff_evaluator::wire::{KeyKind, KeyObject, STREAM, head_subject};
use serde_json::{Value, json};

pub(crate) const ENVIRONMENT: &str = "e0000000-0000-8000-8000-000000000001";
pub(crate) const OTHER_ENVIRONMENT: &str = "e0000000-0000-8000-8000-000000000002";
pub(crate) const ORGANIZATION: &str = "a0000000-0000-8000-8000-000000000001";

/// Publishes one environment. The hash in its heads is none: ingest does not look at it.
pub(crate) struct Publishing {
    pub(crate) jetstream: jetstream::Context,
    environment: &'static str,
}

/// A key as its holder has it.
pub(crate) struct TestKey {
    pub(crate) text: String,
    id: &'static str,
    hash: String,
    kind: KeyKind,
}

impl TestKey {
    pub(crate) fn new(id: &'static str, kind: KeyKind) -> Self {
        let of = match kind {
            KeyKind::Server => NewKind::SdkServer,
            KeyKind::Client => NewKind::SdkClient,
        };
        let new = generate(of, &mut rand::rng());
        Self { text: new.plain.expose().to_owned(), id, hash: new.hash.to_string(), kind }
    }
}

impl Publishing {
    /// Makes the stream if there is none.
    pub(crate) async fn to(client: async_nats::Client, environment: &'static str) -> Self {
        let jetstream = jetstream::new(client);
        let config = stream::Config {
            name: STREAM.to_owned(),
            subjects: vec!["ff.cfg.>".to_owned(), "ff.pub.>".to_owned()],
            max_messages_per_subject: 1,
            ..stream::Config::default()
        };
        jetstream.get_or_create_stream(config).await.unwrap();
        Self { jetstream, environment }
    }

    /// The settings of an organization's environment.
    pub(crate) async fn settings(&self) {
        let settings = json!({
            "salt": "0123456789abcdef0123456789abcdef", "organization": ORGANIZATION,
        });
        self.put("settings", "environment", &settings).await;
    }

    pub(crate) async fn key(&self, key: &TestKey, expires_at: Option<jiff::Timestamp>) {
        let object =
            KeyObject { id: key.id.to_owned(), hash: key.hash.clone(), kind: key.kind, expires_at };
        self.put("key", key.id, &serde_json::to_value(object).unwrap()).await;
    }

    pub(crate) async fn revoke(&self, key: &TestKey) {
        self.send(format!("ff.cfg.{}.key.{}", self.environment, key.id), Vec::new()).await;
    }

    pub(crate) async fn put(&self, kind: &str, name: &str, object: &Value) {
        let subject = format!("ff.cfg.{}.{kind}.{name}", self.environment);
        self.send(subject, object.to_string().into()).await;
    }

    pub(crate) async fn head(&self) {
        let head = json!({"position": "1", "hash": ""}).to_string();
        self.send(head_subject(self.environment), head.into()).await;
    }

    async fn send(&self, subject: String, body: Vec<u8>) {
        self.jetstream.publish(subject, body.into()).await.unwrap().await.unwrap();
    }
}
