//! Who is let in.

use ff_evaluator::wire::KeyKind;
use serde_json::json;

use crate::publishing::{TestKey, on};
use crate::support::{answer, serving};

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
async fn rules_are_for_servers() {
    let edge = serving(&[on("a")]).await;
    for path in ["/v1/config", "/v1/stream", "/v1/config?since=1"] {
        let request = edge.http.get(edge.url(path)).bearer_auth(&edge.client.text);
        let (status, body) = answer(request.send().await.unwrap()).await;
        assert_eq!((status, &body["code"]), (403, &json!("FF-4004")), "{path}");
    }
}
