//! The engine over HTTP, where it needs neither ClickHouse nor a platform: calculators, limits and headers.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use ff_analytics::host::{Host, HostError};
use ff_analytics::plan::ExperimentPlan;
use ff_analytics::report::Breach;
use ff_analytics::{Analytics, AnalyticsOptions};
use ff_front::{Origins, Proxies};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Lets nobody in, and knows nothing.
struct Nobody;

impl Host for Nobody {
    async fn admit(&self, _: &HeaderMap, _: &str, _: &str) -> Result<(), Response> {
        Err(StatusCode::UNAUTHORIZED.into_response())
    }

    async fn wait_for(&self, _: u64) -> Result<(), HostError> {
        Ok(())
    }

    async fn experiment(
        &self,
        _: &str,
        _: &str,
        _: &str,
        _: Option<u64>,
    ) -> Result<Option<ExperimentPlan>, HostError> {
        Ok(None)
    }

    async fn active(&self) -> Result<Vec<ExperimentPlan>, HostError> {
        Ok(Vec::new())
    }

    async fn breached(&self, _: &ExperimentPlan, _: &Breach) -> Result<(), HostError> {
        Ok(())
    }
}

struct Engine {
    url: String,
    http: Client,
    _stop: DropGuard,
}

async fn engine(change: impl FnOnce(&mut AnalyticsOptions)) -> Engine {
    let clickhouse = clickhouse::Client::default().with_url("http://127.0.0.1:1");
    let listen = "127.0.0.1:0".parse().unwrap();
    let mut options = AnalyticsOptions::new(listen, clickhouse, Arc::new(String::new));
    change(&mut options);
    let analytics = Analytics::open(options, Nobody).await.unwrap();
    let url = format!("http://{}", analytics.address());
    let stop = CancellationToken::new();
    tokio::spawn(analytics.serve(stop.clone()));
    Engine { url, http: Client::new(), _stop: stop.drop_guard() }
}

impl Engine {
    fn stats(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.http.post(format!("{}/v1/stats", self.url)).body(body)
    }
}

async fn problem(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str::<Value>(&text).unwrap()["code"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_within_their_limits() {
    let engine = engine(|_| {}).await;
    let power = |body: String| {
        let request = engine.http.post(format!("{}/v1/power", engine.url));
        request.header("content-type", "application/json").body(body)
    };
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(problem(power(deep(65))).await, (400, json!("FF-5002")));
    assert_eq!(problem(power(deep(64))).await, (422, json!("FF-5002")));
    assert_eq!(problem(power("x".repeat(6 << 20))).await, (413, json!("FF-5003")));
    assert_eq!(problem(engine.stats(deep(65))).await, (400, json!("FF-5002")));
    assert_eq!(problem(engine.stats("\n".repeat(10_001))).await, (413, json!("FF-5003")));
    let packed = engine.stats("x").header("content-encoding", "br");
    assert_eq!(problem(packed).await, (415, json!("FF-5002")));
    // Many lines nest no deeper than each of them.
    let answer = engine.stats("[[[\n".repeat(100)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap().lines().count(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_asks_the_calculators_so_often() {
    let proxies = Proxies::parse(["127.0.0.1"]).unwrap();
    let engine = engine(|options| options.proxies = proxies).await;
    let ask = |address: &str| engine.stats("{}").header("x-forwarded-for", address.to_owned());
    let answer = ask("203.0.113.9").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["ratelimit-policy"], "\"calculators\";q=120;w=60");
    let mut refused = None;
    for _ in 0..1000 {
        let answer = ask("203.0.113.9").send().await.unwrap();
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("120 a minute, and not 1,000");
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(wait >= 1);
    assert!(refused.headers().contains_key("ratelimit"));
    // Others are not touched, and nobody counts for asking how it is.
    assert_eq!(ask("203.0.113.10").send().await.unwrap().status(), 200);
    let health = engine.http.get(format!("{}/healthz", engine.url));
    assert_eq!(health.send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_proxy_nobody_chooses_an_address() {
    let engine = engine(|_| {}).await;
    let mut statuses = Vec::new();
    for number in 0..200 {
        let address = format!("203.0.113.{number}");
        let request = engine.stats("{}").header("x-forwarded-for", address);
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert!(statuses.contains(&429));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_of_another_origin_may_call_unless_it_is_named() {
    let known = "https://app.example";
    for (origins, allowed) in
        [(Origins::none(), None), (Origins::parse([known]).unwrap(), Some(known))]
    {
        let engine = engine(|options| options.cors = origins).await;
        let results = "/v1/orgs/o/projects/p/experiments/e/results";
        for (method, path) in [(Method::OPTIONS, results), (Method::GET, "/healthz")] {
            let request = engine.http.request(method, format!("{}{path}", engine.url));
            let request = request.header("origin", known);
            let answer = request.header("access-control-request-method", "GET").send().await;
            let headers = answer.unwrap().headers().clone();
            let found = headers.get("access-control-allow-origin");
            assert_eq!(found.map(|value| value.to_str().unwrap()), allowed, "{path}");
            assert!(!headers.contains_key("access-control-allow-credentials"));
        }
    }
}
