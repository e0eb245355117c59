//! Two environments to be served: one with 1,000 flags, one with 100.

use std::net::SocketAddr;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use ff_auth::keys::{KeyKind as NewKind, generate};
use ff_evaluator::wire::{
    ConfigHash, Head, KeyKind, KeyObject, ObjectKind, STREAM, head_subject, object_subject,
};
use serde_json::{Value, json};

/// The keys of the environments.
pub(crate) struct Published {
    pub(crate) large: String,
    pub(crate) small: String,
}

pub(crate) async fn publish(client: async_nats::Client) -> Published {
    let jetstream = jetstream::new(client);
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["ff.cfg.>".to_owned(), "ff.pub.>".to_owned()],
        max_messages_per_subject: 1,
        ..stream::Config::default()
    };
    jetstream.create_stream(config).await.unwrap();
    Published {
        large: environment(&jetstream, "large", 1000).await,
        small: environment(&jetstream, "small", 100).await,
    }
}

async fn environment(jetstream: &jetstream::Context, id: &str, flags: usize) -> String {
    let key = generate(NewKind::SdkServer, &mut rand::rng());
    let object = KeyObject {
        id: "key".to_owned(),
        hash: key.hash.to_string(),
        kind: KeyKind::Server,
        expires_at: None,
    };
    let settings = json!({"salt": "0123456789abcdef0123456789abcdef"});
    let mut objects = vec![
        (ObjectKind::Key, "key".to_owned(), serde_json::to_vec(&object).unwrap()),
        (ObjectKind::Settings, "environment".to_owned(), settings.to_string().into()),
    ];
    for number in 0..flags {
        objects.push((ObjectKind::Flag, format!("{number}"), flag(number).to_string().into()));
    }
    let mut hash = ConfigHash::default();
    let mut acknowledgements = Vec::new();
    for (kind, name, bytes) in objects {
        hash.put(kind, &name, &bytes);
        let subject = object_subject(id, kind, &name);
        acknowledgements.push(jetstream.publish(subject, bytes.into()).await.unwrap());
    }
    for acknowledgement in acknowledgements {
        acknowledgement.await.unwrap();
    }
    let head = Head { position: "1".to_owned(), hash: hash.hex() };
    let bytes = serde_json::to_vec(&head).unwrap();
    jetstream.publish(head_subject(id), bytes.into()).await.unwrap().await.unwrap();
    key.plain.expose().to_owned()
}

/// A rule of two conditions and a rollout for every second one, else simply on.
fn flag(number: usize) -> Value {
    let mut flag = json!({
        "key": format!("flag-{number}"), "type": "boolean", "enabled": true, "off_variation": "off",
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
        "default": {"variation": "on"},
    });
    if number.is_multiple_of(2) {
        let half = |key: &str| json!({"key": key, "weight": 50});
        flag["rules"] = json!([{
            "id": "rule-1",
            "if": {"and": [
                {"attribute": "country", "operator": "in", "value": ["US", "CA"]},
                {"attribute": "plan", "operator": "eq", "value": "pro"},
            ]},
            "then": {"rollout": {"variations": [half("on"), half("off")]}},
        }]);
    }
    flag
}

pub(crate) async fn until_served(address: SocketAddr, keys: [&str; 2]) {
    let client = reqwest::Client::new();
    for key in keys {
        ff_testkit::eventually(Duration::from_secs(60), || async {
            let request = client.get(format!("http://{address}/v1/config")).bearer_auth(key);
            request.send().await.is_ok_and(|response| response.status() == 200)
        })
        .await;
    }
}
