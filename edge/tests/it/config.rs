//! The download of config.

use serde_json::{Value, json};

use crate::publishing::{off, on};
use crate::support::{answer, serving};

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_config_is_what_was_published() {
    let edge = serving(&[on("b"), on("a")]).await;
    let response = edge.get("/v1/config").send().await.unwrap();
    assert_eq!(response.headers()["etag"], "\"1\"");
    let (status, body) = answer(response).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({
            "id": crate::publishing::ENVIRONMENT, "position": "1",
            "salt": "0123456789abcdef0123456789abcdef",
            "flags": [on("a"), on("b")], "segments": [],
        })
    );
    let definition: ff_evaluator::EnvironmentDefinition = serde_json::from_value(body).unwrap();
    assert_eq!(definition.flags.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_it_is_told_so() {
    let mut edge = serving(&[on("a")]).await;
    let ask = || edge.get("/v1/config").header("If-None-Match", "\"1\"");
    let response = ask().send().await.unwrap();
    assert_eq!(response.status(), 304);
    assert_eq!(response.headers()["etag"], "\"1\"");
    assert_eq!(response.text().await.unwrap(), "");
    edge.publishing.flag(&off("a")).await;
    edge.publishing.head("2").await;
    edge.until_position("2").await;
    let response = edge.get("/v1/config").header("If-None-Match", "\"1\"").send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_compressed_for_who_takes_it() {
    let edge = serving(&[on("a")]).await;
    let plain = edge.get("/v1/config").send().await.unwrap().bytes().await.unwrap();
    for _ in 0..2 {
        let request = edge.get("/v1/config").header("Accept-Encoding", "br, gzip");
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["content-encoding"], "gzip");
        assert_eq!(response.headers()["vary"], "Accept-Encoding");
        let bytes = response.bytes().await.unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*bytes), &mut text)
            .unwrap();
        assert_eq!(text.as_bytes(), plain);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_since_a_position_are_sent_alone() {
    let mut edge = serving(&[on("a"), on("b")]).await;
    edge.publishing.flag(&off("a")).await;
    edge.publishing.head("2").await;
    edge.until_position("2").await;
    edge.publishing.remove_flag("b").await;
    edge.publishing.head("3").await;
    edge.until_position("3").await;
    let since = async |position: &str| {
        answer(edge.get(&format!("/v1/config?since={position}")).send().await.unwrap()).await
    };
    let removed = json!([{"kind": "flag", "key": "b"}]);
    let changed = json!([{"kind": "flag", "key": "a", "definition": off("a")}]);
    let (_, body) = since("1").await;
    assert_eq!(body, json!({"position": "3", "changed": changed, "removed": removed}));
    let (_, body) = since("2").await;
    assert_eq!(body, json!({"position": "3", "changed": [], "removed": removed}));
    let (_, body) = since("3").await;
    assert_eq!(body, json!({"position": "3", "changed": [], "removed": []}));
    for unknown in ["0", "99"] {
        let (_, body) = since(unknown).await;
        assert_eq!(body["flags"].as_array().map(Vec::len), Some(1), "{unknown}");
    }
    for bad in ["x", "-1", "1.5", ""] {
        let (status, body) = since(bad).await;
        let expected: Value = json!("FF-4009");
        assert_eq!((status, &body["code"]), (400, &expected), "{bad}");
    }
}
