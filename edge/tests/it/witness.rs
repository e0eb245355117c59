//! What the security log hears from the edge.

use std::net::IpAddr;

use async_nats::jetstream;
use ff_edge::Edge;
use ff_evaluator::wire::{KeyKind, ObjectKind};
use ff_front::Proxies;
use ff_security::{Recorder, RecorderOptions};
use ff_testkit::nats::TestNats;
use jiff::Timestamp;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::publishing::{ENVIRONMENT, Publishing, TestKey, on};
use crate::support::{SOON, start_with, url};

const ORG: Uuid = Uuid::from_u128(0x0a);
const SERVER: Uuid = Uuid::from_u128(1);
const CLIENT: Uuid = Uuid::from_u128(2);
const PAST: Uuid = Uuid::from_u128(3);

struct World {
    nats: TestNats,
    edge: Edge,
    recorder: Recorder,
    http: Client,
    server: TestKey,
    client: TestKey,
    past: TestKey,
    _directory: TempDir,
}

impl World {
    /// An edge behind a proxy, with three keys of an organization.
    async fn new() -> Self {
        let nats = ff_testkit::nats::server().await;
        let mut publishing = Publishing::to(nats.client().await, ENVIRONMENT).await;
        let [server, client, past] =
            [(SERVER, KeyKind::Server), (CLIENT, KeyKind::Client), (PAST, KeyKind::Server)]
                .map(|(id, kind)| TestKey::new(&id.to_string(), kind));
        let settings = json!({"salt": "0123456789abcdef0123456789abcdef", "organization": ORG});
        publishing.put(ObjectKind::Settings, "environment", settings.to_string().into()).await;
        publishing.key(&server).await;
        publishing.key(&client).await;
        let over = past.object(Timestamp::from_second(1).ok());
        publishing.put(ObjectKind::Key, &past.id, over).await;
        publishing.flag(&on("a")).await;
        publishing.head("1").await;

        let recorder = {
            let client = ff_security::connect(&nats.url).await.unwrap();
            let mut options = RecorderOptions::default();
            options.stream.max_bytes = 1024 * 1024;
            Recorder::start(client, options)
        };
        let directory = tempfile::tempdir().unwrap();
        let edge = start_with(&nats.url, directory.path(), |options| {
            options.recorder = recorder.clone();
            options.proxies = Proxies::parse(["127.0.0.1"]).unwrap();
        })
        .await;
        let http = Client::new();
        ff_testkit::eventually(SOON, || async {
            http.get(url(&edge, "/readyz")).send().await.unwrap().status() == 200
        })
        .await;
        Self { nats, edge, recorder, http, server, client, past, _directory: directory }
    }

    async fn evaluate(&self, key: &str) -> u16 {
        let request = self.http.post(url(&self.edge, "/ofrep/v1/evaluate/flags/a"));
        self.send(request.json(&json!({})), key).await
    }

    async fn get(&self, path: &str, key: &str) -> u16 {
        self.send(self.http.get(url(&self.edge, path)), key).await
    }

    async fn send(&self, request: reqwest::RequestBuilder, key: &str) -> u16 {
        let request = request.bearer_auth(key).header("X-Forwarded-For", "192.0.2.7");
        request.send().await.unwrap().status().as_u16()
    }

    /// Everything that was told, in order.
    async fn told(&self) -> Vec<Value> {
        self.recorder.close().await;
        let context = jetstream::new(self.nats.client().await);
        let stream = context.get_stream(ff_security::STREAM).await.unwrap();
        let last = stream.cached_info().state.last_sequence;
        let mut messages = Vec::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await.unwrap();
            messages.push(serde_json::from_slice(&message.payload).unwrap());
        }
        messages
    }
}

fn of<'m>(messages: &'m [Value], kind: &str) -> Vec<&'m Value> {
    messages.iter().filter(|message| message["kind"] == kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_used_are_counted_and_told_once() {
    let world = World::new().await;
    for _ in 0..5 {
        assert_eq!(world.evaluate(&world.server.text).await, 200);
    }
    assert_eq!(world.get("/v1/config", &world.server.text).await, 200);
    // Let in, and then told that there is no such flag for clients: a use of the key.
    assert_eq!(world.evaluate(&world.client.text).await, 404);
    let told = world.told().await;
    let used = of(&told, "key.used");
    assert_eq!(used.len(), 2);
    assert_eq!(used[0]["subject"], json!({"kind": "key", "id": SERVER}));
    for record in used {
        assert_eq!((&record["organization"], &record["service"]), (&json!(ORG), &json!("edge")));
        assert_eq!(record["address"], json!("192.0.2.7".parse::<IpAddr>().unwrap()));
    }
    let uses = told.iter().find(|message| message["type"] == "uses").unwrap();
    let mut counts: Vec<(Value, Value)> = uses["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| (each["key"].clone(), each["uses"].clone()))
        .collect();
    counts.sort_by_key(|count| count.0.to_string());
    assert_eq!(counts, [(json!(SERVER), json!(6)), (json!(CLIENT), json!(1))]);
    assert!(of(&told, "key.refused").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_refused_are_told_with_why() {
    let world = World::new().await;
    let stranger = TestKey::new("k9", KeyKind::Server);
    let token = ff_auth::keys::generate(ff_auth::KeyKind::ApiToken, &mut rand::rng());
    assert_eq!(world.evaluate(&stranger.text).await, 401);
    assert_eq!(world.evaluate("nonsense").await, 401);
    assert_eq!(world.evaluate(token.plain.expose()).await, 401);
    assert_eq!(world.evaluate(&world.past.text).await, 401);
    assert_eq!(world.get("/v1/config", &world.client.text).await, 403);
    assert_eq!(world.get("/v1/stream", &world.client.text).await, 403);
    let ticket = "00".repeat(32);
    assert_eq!(world.get(&format!("/ofrep/v1/stream?ticket={ticket}"), "").await, 401);
    // Nobody, who is nobody to tell of.
    let nobody = world.http.get(url(&world.edge, "/v1/config")).send().await.unwrap();
    assert_eq!(nobody.status(), 401);

    let told = world.told().await;
    let refused: Vec<(&str, Value)> = of(&told, "key.refused")
        .into_iter()
        .map(|record| {
            assert_eq!(
                (&record["outcome"], &record["address"]),
                (&json!("refused"), &json!("192.0.2.7"))
            );
            assert_eq!(record["organization"].is_null(), record["subject"].is_null());
            (record["reason"].as_str().unwrap(), record["subject"]["id"].clone())
        })
        .collect();
    let nobody = || Value::Null;
    assert_eq!(
        refused,
        [
            ("unknown", nobody()),
            ("malformed", nobody()),
            ("wrong_kind", nobody()),
            ("expired", json!(PAST)),
            ("wrong_kind", json!(CLIENT)),
            ("wrong_kind", json!(CLIENT)),
            ("unknown", nobody()),
        ]
    );
}
