//! Config published by hand, object by object.

use async_nats::jetstream::{self, stream};
use ff_auth::keys::{KeyKind as NewKind, generate};
use ff_evaluator::wire::{
    ConfigHash, Head, KeyKind, KeyObject, ObjectKind, STREAM, head_subject, object_subject,
};
use serde_json::{Value, json};

pub(crate) const ENVIRONMENT: &str = "e0000000-0000-8000-8000-000000000001";

/// Publishes one environment.
pub(crate) struct Publishing {
    pub(crate) jetstream: jetstream::Context,
    pub(crate) environment: String,
    hash: ConfigHash,
}

/// A key as its holder has it.
pub(crate) struct TestKey {
    pub(crate) text: String,
    pub(crate) id: String,
    hash: String,
    kind: KeyKind,
}

impl TestKey {
    pub(crate) fn new(id: &str, kind: KeyKind) -> Self {
        let of = match kind {
            KeyKind::Server => NewKind::SdkServer,
            KeyKind::Client => NewKind::SdkClient,
        };
        let new = generate(of, &mut rand::rng());
        let hash = new.hash.to_string();
        Self { text: new.plain.expose().to_owned(), id: id.to_owned(), hash, kind }
    }

    pub(crate) fn object(&self, expires_at: Option<jiff::Timestamp>) -> Vec<u8> {
        let object =
            KeyObject { id: self.id.clone(), hash: self.hash.clone(), kind: self.kind, expires_at };
        serde_json::to_vec(&object).unwrap()
    }
}

impl Publishing {
    /// Makes the stream if there is none.
    pub(crate) async fn to(client: async_nats::Client, environment: &str) -> Self {
        let jetstream = jetstream::new(client);
        let config = stream::Config {
            name: STREAM.to_owned(),
            subjects: vec!["ff.cfg.>".to_owned(), "ff.pub.>".to_owned()],
            max_messages_per_subject: 1,
            allow_direct: true,
            allow_atomic_publish: true,
            ..stream::Config::default()
        };
        jetstream.get_or_create_stream(config).await.unwrap();
        Self { jetstream, environment: environment.to_owned(), hash: ConfigHash::default() }
    }

    pub(crate) async fn send(&self, subject: String, body: Vec<u8>) {
        self.jetstream.publish(subject, body.into()).await.unwrap().await.unwrap();
    }

    pub(crate) async fn put(&mut self, kind: ObjectKind, name: &str, body: Vec<u8>) {
        if body.is_empty() {
            self.hash.remove(kind, name);
        } else {
            self.hash.put(kind, name, &body);
        }
        self.send(object_subject(&self.environment, kind, name), body).await;
    }

    pub(crate) async fn settings(&mut self) {
        let salt = json!({"salt": "0123456789abcdef0123456789abcdef"});
        self.put(ObjectKind::Settings, "environment", salt.to_string().into()).await;
    }

    pub(crate) async fn flag(&mut self, flag: &Value) {
        let name = format!("id-of-{}", flag["key"].as_str().unwrap());
        self.put(ObjectKind::Flag, &name, flag.to_string().into()).await;
    }

    pub(crate) async fn remove_flag(&mut self, key: &str) {
        self.put(ObjectKind::Flag, &format!("id-of-{key}"), Vec::new()).await;
    }

    pub(crate) async fn key(&mut self, key: &TestKey) {
        self.put(ObjectKind::Key, &key.id, key.object(None)).await;
    }

    pub(crate) async fn revoke(&mut self, key: &TestKey) {
        self.put(ObjectKind::Key, &key.id, Vec::new()).await;
    }

    pub(crate) async fn head(&self, position: &str) {
        let head = Head { position: position.to_owned(), hash: self.hash.hex() };
        self.send(head_subject(&self.environment), serde_json::to_vec(&head).unwrap()).await;
    }
}

/// A boolean flag that is on for everyone, for servers' keys only.
pub(crate) fn on(key: &str) -> Value {
    json!({
        "key": key, "type": "boolean", "enabled": true, "off_variation": "off",
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
        "default": {"variation": "on"},
    })
}

/// The same, served off.
pub(crate) fn off(key: &str) -> Value {
    let mut flag = on(key);
    flag["enabled"] = json!(false);
    flag
}

/// The same, also for clients' keys.
pub(crate) fn for_clients(mut flag: Value) -> Value {
    flag["client_side"] = json!(true);
    flag
}
