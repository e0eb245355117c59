//! Who may send, and how much.

use std::time::Duration;

use ff_evaluator::wire::KeyKind;
use ff_ingest::{EventQuota, Ingest};
use ff_testkit::eventually;
use ff_testkit::nats::{DedicatedOptions, dedicated};
use jiff::Timestamp;
use serde_json::json;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_and_a_new_one_let_in() {
    let ingest = ingesting().await;
    assert_eq!(ingest.status_with(&ingest.client.text).await.0, 202);
    let new = TestKey::new("k3", KeyKind::Server);
    ingest.publishing.revoke(&ingest.client).await;
    ingest.publishing.key(&new, None).await;
    ingest.publishing.head().await;
    eventually(SOON, || async { ingest.status_with(&ingest.client.text).await.0 == 401 }).await;
    assert_eq!(ingest.status_with(&new.text).await.0, 202);
    assert_eq!(ingest.status_with(&ingest.server.text).await.0, 202);
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
    assert_eq!(response.headers()["ratelimit-policy"], "\"key\";q=1;w=1;qu=\"events\"");

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
