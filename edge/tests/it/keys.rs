//! Who is let in.

use std::time::Duration;

use ff_evaluator::wire::{KeyKind, ObjectKind};
use ff_testkit::eventually;
use jiff::Timestamp;
use serde_json::json;

use crate::publishing::{TestKey, on};
use crate::support::{Fixture, SOON, answer, serving};

async fn status(edge: &Fixture, key: &TestKey) -> u16 {
    let request = edge.http.get(edge.url("/v1/config")).bearer_auth(&key.text);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_good_key_nothing_is_told() {
    let edge = serving(&[on("a")]).await;
    let stranger = TestKey::new("k9", KeyKind::Server);
    for (path, post) in [
        ("/v1/config", false),
        ("/v1/stream", false),
        ("/ofrep/v1/stream", false),
        ("/ofrep/v1/evaluate/flags", true),
        ("/ofrep/v1/evaluate/flags/a", true),
    ] {
        for (key, code) in
            [(None, "FF-4001"), (Some("x"), "FF-4002"), (Some(stranger.text.as_str()), "FF-4002")]
        {
            let url = edge.url(path);
            let request =
                if post { edge.http.post(url).json(&json!({})) } else { edge.http.get(url) };
            let request = match key {
                Some(key) => request.header("X-API-Key", key),
                None => request,
            };
            let response = request.send().await.unwrap();
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            let (status, body) = answer(response).await;
            assert_eq!((status, &body["code"]), (401, &json!(code)), "{path} {key:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_and_its_streams_end() {
    let mut edge = serving(&[on("a")]).await;
    let other = TestKey::new("k3", KeyKind::Server);
    edge.publishing.key(&other).await;
    edge.publishing.head("2").await;
    edge.until_position("2").await;
    let streams = ["/v1/stream", "/ofrep/v1/stream"];
    let mut open = Vec::new();
    for path in streams {
        let request = edge.http.get(edge.url(path)).bearer_auth(&other.text);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        open.push(response);
    }
    let mut kept = edge.get("/v1/stream").send().await.unwrap();

    edge.publishing.revoke(&other).await;
    edge.publishing.head("3").await;
    eventually(SOON, || async { status(&edge, &other).await == 401 }).await;
    for stream in open {
        tokio::time::timeout(SOON, stream.bytes()).await.expect("the stream ends").unwrap();
    }
    // The stream of the other key goes on, and tells of the change.
    let mut text = String::new();
    while !text.contains("id: 3") {
        text += &String::from_utf8_lossy(&kept.chunk().await.unwrap().expect("it goes on"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_key_is_refused_and_its_stream_ends() {
    let mut edge = serving(&[on("a")]).await;
    let past = TestKey::new("k3", KeyKind::Server);
    let brief = TestKey::new("k4", KeyKind::Server);
    let at = |seconds| Some(Timestamp::now() + Duration::from_secs(seconds));
    let old = Timestamp::from_second(1).ok();
    edge.publishing.put(ObjectKind::Key, "k3", past.object(old)).await;
    edge.publishing.put(ObjectKind::Key, "k4", brief.object(at(3))).await;
    edge.publishing.head("2").await;
    edge.until_position("2").await;
    let request = edge.http.get(edge.url("/v1/config")).bearer_auth(&past.text);
    let (refused, body) = answer(request.send().await.unwrap()).await;
    assert_eq!((refused, &body["code"]), (401, &json!("FF-4003")));

    let request = edge.http.get(edge.url("/v1/stream")).bearer_auth(&brief.text);
    let stream = request.send().await.unwrap();
    assert_eq!(stream.status(), 200);
    tokio::time::timeout(SOON, stream.bytes()).await.expect("the stream ends").unwrap();
    assert_eq!(status(&edge, &brief).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_for_servers() {
    let edge = serving(&[on("a")]).await;
    for path in ["/v1/config", "/v1/stream", "/v1/config?since=1"] {
        let request = edge.http.get(edge.url(path)).bearer_auth(&edge.client.text);
        let (status, body) = answer(request.send().await.unwrap()).await;
        assert_eq!((status, &body["code"]), (403, &json!("FF-4004")), "{path}");
    }
}
