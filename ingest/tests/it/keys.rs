//! Who may send, and how much.

use std::time::Duration;

use ff_evaluator::wire::KeyKind;
use ff_front::{Origins, Proxies};
use ff_ingest::{EventQuota, Ingest, IngestOptions};
use ff_testkit::eventually;
use ff_testkit::nats::{DedicatedOptions, dedicated};
use jiff::Timestamp;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::publishing::{OTHER_ENVIRONMENT, Publishing, TestKey};
use crate::support::{
    SOON, answer, events, ingesting, ingesting_with, metric, options, publish, until_ready, url,
};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_key_nothing_is_taken() {
    let ingest = ingesting().await;
    let stranger = TestKey::new("k9", KeyKind::Server);
    let past = TestKey::new("k8", KeyKind::Client);
    ingest.publishing.key(&past, Timestamp::from_second(1).ok()).await;
    ingest.publishing.head().await;
    eventually(SOON, || async { ingest.status_with(&past.text).await.1["code"] == "FF-4003" })
        .await;

    let response = ingest.http.post(url(&ingest.ingest, "/v1/events")).json(&events([metric()]));
    let response = response.send().await.unwrap();
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let (status, body) = answer(response).await;
    assert_eq!((status, &body["code"]), (401, &json!("FF-4001")));
    for key in [&stranger.text, "x", ""] {
        let (status, body) = ingest.status_with(key).await;
        assert_eq!((status, &body["code"]), (401, &json!("FF-4002")), "{key}");
    }
    assert_eq!(ingest.records().await.len(), 0);
    for key in [&ingest.server, &ingest.client] {
        assert_eq!(ingest.status_with(&key.text).await.0, 202);
    }
}

/// Within this time a key that has ended sends nothing any more.
const PROMISED: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_and_a_new_one_let_in() {
    let ingest = ingesting().await;
    assert_eq!(ingest.status_with(&ingest.client.text).await.0, 202);
    let new = TestKey::new("k3", KeyKind::Server);
    ingest.publishing.revoke(&ingest.client).await;
    ingest.publishing.key(&new, None).await;
    ingest.publishing.head().await;
    eventually(PROMISED, || async { ingest.status_with(&ingest.client.text).await.0 == 401 }).await;
    assert_eq!(ingest.status_with(&new.text).await.0, 202);
    assert_eq!(ingest.status_with(&ingest.server.text).await.0, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_expires_is_refused_from_then_on() {
    let ingest = ingesting().await;
    let brief = TestKey::new("k3", KeyKind::Server);
    let end = Timestamp::now() + Duration::from_secs(3);
    ingest.publishing.key(&brief, Some(end)).await;
    ingest.publishing.head().await;
    eventually(SOON, || async { ingest.status_with(&brief.text).await.0 == 202 }).await;
    let left = Duration::try_from(end.duration_since(Timestamp::now())).unwrap_or_default();
    tokio::time::sleep(left).await;
    let (status, body) = ingest.status_with(&brief.text).await;
    assert_eq!((status, &body["code"]), (401, &json!("FF-4003")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_slowly_does_not_outlive_the_key() {
    for revoked in [true, false] {
        let ingest = ingesting().await;
        let brief = TestKey::new("k3", KeyKind::Server);
        let end = (!revoked).then(|| Timestamp::now() + Duration::from_secs(6));
        ingest.publishing.key(&brief, end).await;
        ingest.publishing.head().await;
        eventually(SOON, || async { ingest.status_with(&brief.text).await.0 == 202 }).await;
        let stored = ingest.records().await.len();
        let body = events([metric()]).to_string();
        let (first, second) = body.split_at(20);
        let mut socket = TcpStream::connect(ingest.ingest.address()).await.unwrap();
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nHost: i\r\nX-API-Key: {}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{first}",
            brief.text,
            body.len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        // A key is looked up again for whoever takes longer than a second, by the clock of the other side.
        tokio::time::sleep(Duration::from_secs(2)).await;
        if revoked {
            ingest.publishing.revoke(&brief).await;
            ingest.publishing.head().await;
        }
        eventually(PROMISED, || async {
            let request = ingest.http.post(url(&ingest.ingest, "/v1/events"));
            let request = request.bearer_auth(&brief.text).header("Content-Type", "text/plain");
            request.send().await.unwrap().status() == 401
        })
        .await;
        socket.write_all(second.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "revoked: {revoked}: {answer}");
        assert_eq!(ingest.records().await.len(), stored);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybodys_pages_may_send_unless_it_is_set_otherwise() {
    let preflight = async |ingest: &Ingest, origin: &str| {
        let request = reqwest::Client::new()
            .request(reqwest::Method::OPTIONS, url(ingest, "/v1/events"))
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "x-api-key, content-encoding");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        let allowed = answer.headers().get("access-control-allow-origin");
        allowed.map(|value| value.to_str().unwrap().to_owned())
    };
    let ingest = ingesting().await;
    assert_eq!(preflight(&ingest.ingest, "https://any.example").await.as_deref(), Some("*"));
    let ingest = ingesting_with(|options| {
        options.cors = Origins::parse(["https://a.example"]).unwrap();
    })
    .await;
    let known = "https://a.example";
    assert_eq!(preflight(&ingest.ingest, known).await.as_deref(), Some(known));
    assert_eq!(preflight(&ingest.ingest, "https://b.example").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn config_that_is_made_anew_is_followed() {
    let ingest = ingesting().await;
    ingest.publishing.jetstream.delete_stream(ff_evaluator::wire::STREAM).await.unwrap();
    let (_publishing, server, _client) = publish(ingest.nats.client().await).await;
    eventually(SOON, || async { ingest.status_with(&server.text).await.0 == 202 }).await;
    eventually(SOON, || async { ingest.status_with(&ingest.server.text).await.0 == 401 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_known_while_nats_is_away_and_awaited_before_it_came() {
    let mut nats = dedicated(DedicatedOptions::default()).await;
    let (_publishing, server, _client) = publish(nats.client().await).await;
    nats.stop().await;
    let ingest = Ingest::start(options(&nats.url)).await.unwrap();
    let http = reqwest::Client::new();
    let send = async |key: &str| {
        let request = http.post(url(&ingest, "/v1/events")).bearer_auth(key);
        answer(request.json(&events([metric()])).send().await.unwrap()).await
    };
    let (status, body) = send(&server.text).await;
    assert_eq!((status, &body["code"]), (503, &json!("FF-4112")));
    let (status, _) = answer(http.get(url(&ingest, "/readyz")).send().await.unwrap()).await;
    assert_eq!(status, 503);
    assert_eq!(http.get(url(&ingest, "/healthz")).send().await.unwrap().status(), 200);

    nats.start().await;
    until_ready(&http, &ingest).await;
    assert_eq!(send(&server.text).await.0, 202);
    nats.kill().await;
    let stranger = TestKey::new("k9", KeyKind::Server);
    assert_eq!(send(&stranger.text).await.0, 401);
    assert_eq!(send(&server.text).await.0, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_its_quota() {
    let ingest = ingesting_with(|options| {
        options.key_quota = EventQuota::new(1, 1);
        options.limits.events = 10;
    })
    .await;
    let ten = || events(std::iter::repeat_with(metric).take(10));
    let response = ingest.post().json(&ten()).send().await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(response.headers()["ratelimit"], "\"key\";r=0;t=1");
    assert_eq!(
        response.headers()["ratelimit-policy"],
        "\"key\";q=10;w=10;qu=\"events\", \"organization\";q=1000000;w=5;qu=\"events\""
    );

    let response = ingest.post().json(&ten()).send().await.unwrap();
    let seconds = |response: &reqwest::Response| -> u64 {
        response.headers()["retry-after"].to_str().unwrap().parse().unwrap()
    };
    assert_eq!(response.status(), 429);
    assert!((1..=10).contains(&seconds(&response)));
    assert!(response.headers().contains_key("ratelimit"));
    assert_eq!(answer(response).await.1["code"], "FF-4106");
    // Nothing of what was refused was stored, and another key is not touched.
    assert_eq!(ingest.records().await.len(), 10);
    assert_eq!(ingest.status_with(&ingest.client.text).await.0, 202);
    eventually(SOON, || async { ingest.send(&events([metric()])).await.0 == 202 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_a_quota_with_the_key_of_a_client() {
    let ingest = ingesting_with(|options| {
        options.address_quota = Some(EventQuota::new(1, 10));
        options.limits.events = 10;
        options.proxies = Proxies::parse(["127.0.0.1"]).unwrap();
    })
    .await;
    let send = async |key: &str, from: &str| {
        let body = events(std::iter::repeat_with(metric).take(10));
        let request = ingest.http.post(url(&ingest.ingest, "/v1/events")).bearer_auth(key);
        request.header("X-Forwarded-For", from).json(&body).send().await.unwrap()
    };
    let (server, client) = (&ingest.server.text, &ingest.client.text);
    let taken = send(client, "203.0.113.7").await;
    assert_eq!(taken.status(), 202);
    assert_eq!(taken.headers()["ratelimit"], "\"address\";r=0;t=1");
    let refused = send(client, "203.0.113.7").await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(answer(refused).await.1["code"], "FF-4106");
    assert_eq!(send(client, "203.0.113.8").await.status(), 202);
    for _ in 0..3 {
        let taken = send(server, "203.0.113.7").await;
        assert_eq!(taken.status(), 202);
        let policy = taken.headers()["ratelimit-policy"].to_str().unwrap();
        assert!(!policy.contains("address"), "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_count_together_where_they_share_a_redis() {
    let mut redis = ff_testkit::redis::server().await;
    let shared = ff_limits::Redis::new(&redis.host, redis.port).with_patience(SOON);
    let change = |options: &mut IngestOptions| {
        options.key_quota = EventQuota::new(1, 1000);
        options.limits.events = 1000;
        options.redis = Some(shared.clone());
    };
    let one = ingesting_with(change).await;
    let mut options = options(&one.nats.url);
    change(&mut options);
    let other = Ingest::start(options).await.unwrap();
    until_ready(&one.http, &other).await;
    let send = async |ingest: &Ingest, number| {
        let body = events(std::iter::repeat_with(metric).take(number));
        let request = one.http.post(url(ingest, "/v1/events")).bearer_auth(&one.server.text);
        request.json(&body).send().await.unwrap().status().as_u16()
    };
    eventually(SOON, async || one.metric("ff_limits_redis_up").await == 1.0).await;
    assert_eq!(send(&one.ingest, 500).await, 202);
    assert_eq!(send(&other, 600).await, 429);
    assert_eq!(send(&other, 400).await, 202);
    assert_eq!(send(&one.ingest, 400).await, 429);
    assert_eq!(one.metric("ff_limits_refused_total{limit=\"key\"}").await, 1.0);

    // Without it each goes on from what it knows.
    redis.kill().await;
    assert_eq!(send(&one.ingest, 100).await, 202);
    assert_eq!(send(&one.ingest, 400).await, 429);
    assert_eq!(one.metric("ff_limits_redis_up").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_has_its_quota() {
    let ingest = ingesting_with(|options| {
        options.organization_quota = EventQuota::new(1, 1);
        options.limits.events = 10;
    })
    .await;
    let other = Publishing::to(ingest.nats.client().await, OTHER_ENVIRONMENT).await;
    let key = TestKey::new("k3", KeyKind::Server);
    other.settings().await;
    other.key(&key, None).await;
    other.head().await;
    let bad_body = || async {
        let request = ingest.http.post(url(&ingest.ingest, "/v1/events")).bearer_auth(&key.text);
        request.header("Content-Type", "text/plain").send().await.unwrap().status()
    };
    eventually(SOON, || async { bad_body().await == 415 }).await;
    assert_eq!(ingest.send(&events(std::iter::repeat_with(metric).take(10))).await.0, 202);
    // Another environment of the same organization.
    let ten = events(std::iter::repeat_with(metric).take(10));
    let request = ingest.http.post(url(&ingest.ingest, "/v1/events")).bearer_auth(&key.text);
    let response = request.json(&ten).send().await.unwrap();
    assert_eq!(response.status(), 429);
    assert!(response.headers()["ratelimit"].to_str().unwrap().starts_with("\"organization\""));
    // It comes back with time.
    tokio::time::sleep(Duration::from_millis(10)).await;
    eventually(SOON, || async { ingest.status_with(&key.text).await.0 == 202 }).await;
}
