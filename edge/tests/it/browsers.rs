//! What pages of other origins may do, and what browsers are told of answers.

use ff_front::Origins;
use reqwest::{Client, Method};
use serde_json::json;

use crate::publishing::on;
use crate::support::{serving, start_with, url};

#[tokio::test(flavor = "multi_thread")]
async fn everybodys_pages_may_ask_unless_it_is_set_otherwise() {
    let edge = serving(&[on("a")]).await;
    for path in ["/ofrep/v1/evaluate/flags/a", "/nothing"] {
        let request = edge.post(path, &json!({})).header("Origin", "https://any.example");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["access-control-allow-origin"], "*", "{path}");
        assert!(!answer.headers().contains_key("vary"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_pages_that_are_named_may_ask() {
    let nats = ff_testkit::nats::server().await;
    let directory = tempfile::tempdir().unwrap();
    let edge = start_with(&nats.url, directory.path(), |options| {
        options.cors = Origins::parse(["https://a.example", "https://b.example"]).unwrap();
    })
    .await;
    let http = Client::new();
    for (origin, allowed) in [
        (Some("https://b.example"), Some("https://b.example")),
        (Some("https://c.example"), None),
        (Some("null"), None),
        (None, None),
    ] {
        for method in [Method::GET, Method::OPTIONS] {
            let mut request = http.request(method.clone(), url(&edge, "/healthz"));
            if let Some(origin) = origin {
                request = request.header("Origin", origin);
            }
            let answer = request.send().await.unwrap();
            let header = answer.headers().get("access-control-allow-origin");
            let found = header.map(|value| value.to_str().unwrap());
            assert_eq!(found, allowed, "{origin:?} {method}");
            assert_eq!(answer.headers()["vary"], "Origin");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_guessed_at_or_framed() {
    let edge = serving(&[on("a")]).await;
    for path in ["/v1/config", "/healthz", "/nothing"] {
        let answer = edge.get(path).send().await.unwrap();
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{path}");
        assert!(!answer.headers().contains_key("strict-transport-security"), "{path}");
    }
    let answer = edge.http.get(edge.url("/v1/config")).send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["x-frame-options"], "DENY");
    let policy = answer.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
}
