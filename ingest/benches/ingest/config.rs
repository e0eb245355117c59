//! An environment with one key, a flag with an experiment, and a metric.

use std::net::SocketAddr;
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use ff_auth::keys::{KeyKind as NewKind, generate};
use ff_evaluator::wire::{KeyKind, KeyObject, STREAM, head_subject};
use serde_json::json;

const ENVIRONMENT: &str = "e0000000-0000-8000-8000-000000000001";

pub(crate) async fn publish(client: async_nats::Client) -> String {
    let jetstream = jetstream::new(client);
    let config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec!["ff.cfg.>".to_owned(), "ff.pub.>".to_owned()],
        max_messages_per_subject: 1,
        ..stream::Config::default()
    };
    jetstream.create_stream(config).await.unwrap();
    let key = generate(NewKind::SdkServer, &mut rand::rng());
    let object = KeyObject {
        id: "key".to_owned(),
        hash: key.hash.to_string(),
        kind: KeyKind::Server,
        expires_at: None,
    };
    let subject = |rest: &str| format!("ff.cfg.{ENVIRONMENT}.{rest}");
    for (subject, object) in [
        (subject("key.key"), serde_json::to_value(&object).unwrap()),
        (subject("flag.f1"), json!({"key": "checkout", "experiment": {"key": "checkout-2026"}})),
        (subject("metric.m1"), json!({"key": "revenue", "events": ["purchase"]})),
        (head_subject(ENVIRONMENT), json!({"position": "1", "hash": ""})),
    ] {
        let bytes = object.to_string().into();
        jetstream.publish(subject, bytes).await.unwrap().await.unwrap();
    }
    key.plain.expose().to_owned()
}

pub(crate) async fn until_served(address: SocketAddr, key: &str) {
    let client = reqwest::Client::new();
    ff_testkit::eventually(Duration::from_secs(60), || async {
        let request = client.post(format!("http://{address}/v1/events")).bearer_auth(key);
        let request = request.body("{\"events\":[]}");
        request.send().await.is_ok_and(|response| response.status() == 202)
    })
    .await;
}
