//! An ingest with its NATS server, requests to it, and what the stream has in the end.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream;
use ff_evaluator::wire::KeyKind;
use ff_ingest::record::{Record, STREAM};
use ff_ingest::{HashSecret, Ingest, IngestOptions};
use ff_testkit::eventually;
use ff_testkit::nats::TestNats;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::publishing::{ENVIRONMENT, Publishing, TestKey};

/// After this a test fails; nothing takes nearly as long.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Fixture {
    pub(crate) nats: TestNats,
    pub(crate) publishing: Publishing,
    pub(crate) server: TestKey,
    pub(crate) client: TestKey,
    pub(crate) ingest: Ingest,
    pub(crate) http: Client,
}

pub(crate) fn options(nats: &str) -> IngestOptions {
    let mut options = IngestOptions::new("127.0.0.1:0".parse().unwrap(), nats);
    // Servers of many tests share a disk, and each sets this much aside.
    options.streams.max_bytes = 64 * 1024 * 1024;
    options.streams.parked_max_bytes = 1024 * 1024;
    options.hash_secret = Some(HashSecret { epoch: 3, secret: "a secret of a test".into() });
    options
}

/// An ingest with a server of its own, and a server's and a client's key.
pub(crate) async fn ingesting() -> Fixture {
    ingesting_with(|_| {}).await
}

pub(crate) async fn ingesting_with(change: impl FnOnce(&mut IngestOptions)) -> Fixture {
    let nats = ff_testkit::nats::server().await;
    let (publishing, server, client) = publish(nats.client().await).await;
    let mut options = options(&nats.url);
    change(&mut options);
    let ingest = Ingest::start(options).await.unwrap();
    let fixture = Fixture { nats, publishing, server, client, ingest, http: Client::new() };
    fixture.until_ready().await;
    fixture
}

pub(crate) async fn publish(client: async_nats::Client) -> (Publishing, TestKey, TestKey) {
    let publishing = Publishing::to(client, ENVIRONMENT).await;
    let server = TestKey::new("k1", KeyKind::Server);
    let client = TestKey::new("k2", KeyKind::Client);
    publishing.settings().await;
    publishing.key(&server, None).await;
    publishing.key(&client, None).await;
    publishing.head().await;
    (publishing, server, client)
}

pub(crate) fn url(ingest: &Ingest, path: &str) -> String {
    format!("http://{}{path}", ingest.address())
}

pub(crate) async fn until_ready(http: &Client, ingest: &Ingest) {
    eventually(SOON, || async {
        http.get(url(ingest, "/readyz")).send().await.is_ok_and(|response| response.status() == 200)
    })
    .await;
}

impl Fixture {
    pub(crate) async fn until_ready(&self) {
        until_ready(&self.http, &self.ingest).await;
    }

    pub(crate) fn post(&self) -> RequestBuilder {
        self.http.post(url(&self.ingest, "/v1/events")).bearer_auth(&self.server.text)
    }

    pub(crate) async fn send(&self, body: &Value) -> (u16, Value) {
        answer(self.post().json(body).send().await.unwrap()).await
    }

    /// Sends a body as it is, with these headers.
    pub(crate) async fn send_raw(
        &self,
        body: impl Into<Vec<u8>>,
        headers: &[(&str, &str)],
    ) -> (u16, Value) {
        let mut request = self.post().body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.send().await.unwrap()).await
    }

    pub(crate) async fn status_with(&self, key: &str) -> (u16, Value) {
        let request = self.http.post(url(&self.ingest, "/v1/events")).header("X-API-Key", key);
        answer(request.json(&events([metric()])).send().await.unwrap()).await
    }

    pub(crate) async fn records(&self) -> Vec<Record> {
        records(self.nats.client().await).await
    }

    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let url = url(&self.ingest, "/metrics");
        let text = self.http.get(url).send().await.unwrap().text().await.unwrap();
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }
}

pub(crate) async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// The payloads of all messages of telemetry.
pub(crate) async fn messages(client: async_nats::Client) -> Vec<bytes::Bytes> {
    let stream = jetstream::new(client).get_stream(STREAM).await.unwrap();
    let state = stream.cached_info().state.clone();
    let mut messages = Vec::new();
    for sequence in state.first_sequence.max(1)..=state.last_sequence {
        messages.push(stream.get_raw_message(sequence).await.unwrap().payload);
    }
    messages
}

pub(crate) async fn records(client: async_nats::Client) -> Vec<Record> {
    let mut records = Vec::new();
    for message in messages(client).await {
        assert!(message.len() <= 512 * 1024);
        let lines = message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        records.extend(lines.map(|line| serde_json::from_slice::<Record>(line).unwrap()));
    }
    records
}

/// The ids of exposures and metric events.
pub(crate) fn ids(records: &[Record]) -> BTreeSet<Uuid> {
    let ids = records.iter().filter_map(|record| match record {
        Record::Exposure(exposure) => Some(exposure.id),
        Record::Metric(metric) => Some(metric.id),
        Record::Sender(_) => None,
    });
    ids.collect()
}

pub(crate) fn events(events: impl IntoIterator<Item = Value>) -> Value {
    json!({"events": events.into_iter().collect::<Vec<_>>()})
}

pub(crate) fn exposure() -> Value {
    json!({"type": "exposure", "id": Uuid::new_v4(), "at": jiff::Timestamp::now(), "user_key": "u1",
        "flag": "checkout", "variation": "on", "rule": "e1:1", "experiment": "e1", "position": "7",
        "attributes": {"plan": "pro"}})
}

pub(crate) fn metric() -> Value {
    json!({"type": "metric", "id": Uuid::new_v4(), "at": jiff::Timestamp::now(), "user_key": "u1",
        "metric": "purchase", "value": 2.5})
}

pub(crate) fn id(event: &Value) -> Uuid {
    event["id"].as_str().unwrap().parse().unwrap()
}

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 3).unwrap()
}
