//! What no well-behaved client sends is answered with what is wrong with it, and never a 500.

use serde_json::json;

use crate::publishing::on;
use crate::support::{answer, serving};

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_are_refused_with_a_reason() {
    let edge = serving(&[on("a")]).await;
    let nested = |depth: usize| {
        format!("{{\"context\":{{\"a\":{}{}}}}}", "[".repeat(depth), "]".repeat(depth))
    };
    let wide = format!("{{\"context\":{{\"a\":\"{}\"}}}}", "x".repeat(10 * 1024 * 1024));
    let almost = format!("{{\"context\":{{\"a\":\"{}\"}}}}", "x".repeat(1_000_000));
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("empty", Vec::new(), 400, "PARSE_ERROR"),
        ("no json", b"{".to_vec(), 400, "PARSE_ERROR"),
        ("trailing", b"{} x".to_vec(), 400, "PARSE_ERROR"),
        ("no utf-8", b"{\"context\":{\"a\":\"\xff\"}}".to_vec(), 400, "PARSE_ERROR"),
        ("list", b"[{\"a\":1}]".to_vec(), 400, "PARSE_ERROR"),
        ("text", b"\"x\"".to_vec(), 400, "PARSE_ERROR"),
        ("huge number", b"{\"context\":{\"a\":1e999}}".to_vec(), 400, "PARSE_ERROR"),
        ("deep", nested(200).into(), 400, "PARSE_ERROR"),
        ("very deep", nested(100_000).into(), 400, "PARSE_ERROR"),
        ("context is a text", b"{\"context\":\"x\"}".to_vec(), 400, "INVALID_CONTEXT"),
        ("key is a list", b"{\"context\":{\"targetingKey\":[1]}}".to_vec(), 400, "INVALID_CONTEXT"),
        ("10 MiB", wide.into(), 413, "FF-4007"),
        ("almost 1 MiB", almost.into(), 200, ""),
        ("unknown fields", b"{\"x\":1,\"context\":{\"y\":{\"z\":null}}}".to_vec(), 200, ""),
    ];
    for path in ["/ofrep/v1/evaluate/flags/a", "/ofrep/v1/evaluate/flags"] {
        for (name, body, expected, code) in &cases {
            let request = edge.http.post(edge.url(path)).bearer_auth(&edge.server.text);
            let request = request.header("Content-Type", "application/json").body(body.clone());
            let (status, body) = answer(request.send().await.unwrap()).await;
            assert_eq!(status, *expected, "{path} {name}: {body}");
            let found = body.get("errorCode").or(body.get("code")).and_then(|code| code.as_str());
            assert_eq!(found.unwrap_or_default(), *code, "{path} {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_types_methods_and_paths_are_named() {
    let edge = serving(&[on("a")]).await;
    let request = edge.http.post(edge.url("/ofrep/v1/evaluate/flags/a"));
    let request = request.bearer_auth(&edge.server.text).header("Content-Type", "text/plain");
    let (status, body) = answer(request.body("{}").send().await.unwrap()).await;
    assert_eq!((status, &body["code"]), (415, &json!("FF-4008")));

    for path in ["/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/a"] {
        let response = edge.get(path).send().await.unwrap();
        assert_eq!(response.headers()["allow"], "POST, OPTIONS");
        assert_eq!(answer(response).await.1["code"], "FF-4006");
    }
    for path in ["/v1/config", "/v1/stream", "/healthz", "/metrics", "/ofrep/v1/stream"] {
        let (status, body) = answer(edge.post(path, &json!({})).send().await.unwrap()).await;
        assert_eq!((status, &body["code"]), (405, &json!("FF-4006")), "{path}");
    }
    for path in ["/", "/v2/config", "/ofrep/v1/evaluate", "/%00"] {
        let (status, body) = answer(edge.get(path).send().await.unwrap()).await;
        assert_eq!((status, &body["code"]), (404, &json!("FF-4005")), "{path}");
        assert!(body["detail"].is_string() && body["title"].is_string(), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_keys_of_flags_are_only_not_found() {
    let edge = serving(&[on("a")]).await;
    for key in ["%", "%zz", "%ff%fe", "a/b", "..%2f..", &"k".repeat(10_000)] {
        let (status, body) = edge.evaluate(key, json!({})).await;
        assert_eq!((status, &body["errorCode"]), (404, &json!("FLAG_NOT_FOUND")), "{key}");
    }
}
