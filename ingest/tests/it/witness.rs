//! What the security log hears from ingest.

use async_nats::jetstream;
use ff_evaluator::wire::KeyKind;
use ff_front::Proxies;
use ff_ingest::Ingest;
use ff_security::{Recorder, RecorderOptions};
use ff_testkit::eventually;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::publishing::{ORGANIZATION, TestKey};
use crate::support::{SOON, answer, events, metric, options, publish, until_ready, url};

const USED: &str = "00000000-0000-8000-8000-000000000001";
const PAST: &str = "00000000-0000-8000-8000-000000000002";

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_used_and_refused_are_told() {
    let nats = ff_testkit::nats::server().await;
    let (publishing, _, _) = publish(nats.client().await).await;
    let (used, past) = (TestKey::new(USED, KeyKind::Client), TestKey::new(PAST, KeyKind::Server));
    publishing.key(&used, None).await;
    publishing.key(&past, Timestamp::from_second(1).ok()).await;
    publishing.head().await;
    let mut recording = RecorderOptions::default();
    recording.stream.max_bytes = 1024 * 1024;
    let recorder = Recorder::start(ff_security::connect(&nats.url).await.unwrap(), recording);
    let mut options = options(&nats.url);
    options.recorder = recorder.clone();
    options.proxies = Proxies::parse(["127.0.0.1"]).unwrap();
    let ingest = Ingest::start(options).await.unwrap();
    let http = reqwest::Client::new();
    until_ready(&http, &ingest).await;

    let send = async |key: &str| {
        let request = http.post(url(&ingest, "/v1/events")).header("X-Forwarded-For", "192.0.2.7");
        answer(request.bearer_auth(key).json(&events([metric()])).send().await.unwrap()).await.0
    };
    eventually(SOON, || async { send(&used.text).await == 202 }).await;
    let stranger = TestKey::new("k9", KeyKind::Server);
    let token = ff_auth::keys::generate(ff_auth::KeyKind::ApiToken, &mut rand::rng());
    for key in [&past.text, &stranger.text, "nonsense", token.plain.expose()] {
        assert_eq!(send(key).await, 401);
    }
    assert_eq!(http.post(url(&ingest, "/v1/events")).send().await.unwrap().status(), 401);
    recorder.close().await;

    let context = jetstream::new(nats.client().await);
    let stream = context.get_stream(ff_security::STREAM).await.unwrap();
    let mut told = Vec::new();
    for sequence in 1..=stream.cached_info().state.last_sequence {
        let message = stream.get_raw_message(sequence).await.unwrap();
        told.push(serde_json::from_slice::<Value>(&message.payload).unwrap());
    }
    let uses = told.iter().find(|message| message["type"] == "uses").unwrap();
    assert_eq!(
        (&uses["keys"][0]["key"], &uses["keys"][0]["service"]),
        (&json!(USED), &json!("ingest"))
    );
    let records: Vec<&Value> = told.iter().filter(|message| message["type"] == "record").collect();
    let seen: Vec<(&Value, &Value, &Value)> = records
        .iter()
        .map(|record| {
            assert_eq!(
                (&record["service"], &record["address"]),
                (&json!("ingest"), &json!("192.0.2.7"))
            );
            assert_eq!(record["organization"].is_null(), record["subject"].is_null());
            (&record["kind"], &record["reason"], &record["subject"]["id"])
        })
        .filter(|(_, reason, _)| **reason != "repeated")
        .collect();
    let refused = json!("key.refused");
    let none = &Value::Null;
    let (used, past) = (json!(USED), json!(PAST));
    let first = seen.iter().position(|(kind, _, _)| **kind == "key.used").unwrap();
    assert_eq!(seen[first].2, &used);
    assert_eq!(records[first]["organization"], ORGANIZATION);
    assert_eq!(
        seen[seen.len() - 4..],
        [
            (&refused, &json!("expired"), &past),
            (&refused, &json!("unknown"), none),
            (&refused, &json!("malformed"), none),
            (&refused, &json!("wrong_kind"), none),
        ]
    );
}
