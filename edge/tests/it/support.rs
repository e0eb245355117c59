//! An edge with its NATS server, and requests to it.

use std::path::Path;
use std::time::Duration;

use ff_edge::{Edge, EdgeOptions};
use ff_evaluator::wire::KeyKind;
use ff_testkit::eventually;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::publishing::{ENVIRONMENT, Publishing, TestKey};

/// After this a test fails; nothing takes nearly as long.
pub(crate) const SOON: Duration = Duration::from_secs(30);

pub(crate) struct Fixture {
    pub(crate) nats: ff_testkit::nats::TestNats,
    pub(crate) publishing: Publishing,
    pub(crate) server: TestKey,
    pub(crate) client: TestKey,
    pub(crate) directory: TempDir,
    pub(crate) edge: Edge,
    pub(crate) http: Client,
}

/// An edge that follows a server of its own, with a server's and a client's key and these flags at position 1.
pub(crate) async fn serving(flags: &[Value]) -> Fixture {
    serving_with(flags, |_| {}).await
}

/// The same, set up otherwise.
pub(crate) async fn serving_with(
    flags: &[Value],
    change: impl FnOnce(&mut EdgeOptions),
) -> Fixture {
    let nats = ff_testkit::nats::server().await;
    let mut publishing = Publishing::to(nats.client().await, ENVIRONMENT).await;
    let (server, client) = keys();
    publish(&mut publishing, &server, &client, flags).await;
    let directory = tempfile::tempdir().unwrap();
    let edge = start_with(&nats.url, directory.path(), change).await;
    let fixture =
        Fixture { nats, publishing, server, client, directory, edge, http: Client::new() };
    fixture.until_position("1").await;
    fixture
}

pub(crate) fn keys() -> (TestKey, TestKey) {
    (TestKey::new("k1", KeyKind::Server), TestKey::new("k2", KeyKind::Client))
}

pub(crate) async fn publish(
    to: &mut Publishing,
    server: &TestKey,
    client: &TestKey,
    flags: &[Value],
) {
    to.settings().await;
    to.key(server).await;
    to.key(client).await;
    for flag in flags {
        to.flag(flag).await;
    }
    to.head("1").await;
}

pub(crate) async fn start(nats: &str, directory: &Path) -> Edge {
    start_with(nats, directory, |_| {}).await
}

pub(crate) async fn start_with(
    nats: &str,
    directory: &Path,
    change: impl FnOnce(&mut EdgeOptions),
) -> Edge {
    let mut options = EdgeOptions::new("127.0.0.1:0".parse().unwrap(), nats, directory);
    options.disk_delay = Duration::from_millis(20);
    change(&mut options);
    Edge::start(options).await.unwrap()
}

pub(crate) fn url(edge: &Edge, path: &str) -> String {
    format!("http://{}{path}", edge.address())
}

impl Fixture {
    pub(crate) fn url(&self, path: &str) -> String {
        url(&self.edge, path)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path)).bearer_auth(&self.server.text)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.http.post(self.url(path)).bearer_auth(&self.server.text).json(body)
    }

    pub(crate) async fn evaluate(&self, flag: &str, context: Value) -> (u16, Value) {
        let path = format!("/ofrep/v1/evaluate/flags/{flag}");
        answer(self.post(&path, &json!({"context": context})).send().await.unwrap()).await
    }

    /// Waits until the edge serves a position.
    pub(crate) async fn until_position(&self, position: &str) {
        // By what it counts, and not with a key, whose quota a test may be about.
        let name = format!("ff_edge_config_sequence{{environment=\"{ENVIRONMENT}\"}}");
        let wanted: f64 = position.parse().unwrap();
        eventually(SOON, || async { self.metric(&name).await == wanted }).await;
    }

    pub(crate) async fn position(&self) -> Option<String> {
        let response = self.get("/v1/config").send().await.unwrap();
        Some(response.headers().get("ff-position")?.to_str().unwrap().to_owned())
    }

    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.http.get(self.url("/metrics")).send().await.unwrap().text().await.unwrap();
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
    }
}

pub(crate) async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
