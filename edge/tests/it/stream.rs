//! Streams of events.

use reqwest::Response;
use serde_json::json;

use crate::publishing::{off, on};
use crate::support::{Fixture, SOON, answer, serving};

/// Reads until the text contains what is wanted.
async fn until(stream: &mut Response, wanted: &str) -> String {
    let mut text = String::new();
    let read = async {
        while !text.contains(wanted) {
            let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
            text += &String::from_utf8_lossy(&chunk);
        }
    };
    tokio::time::timeout(SOON, read).await.expect("it comes soon");
    text
}

async fn change(edge: &mut Fixture, position: &str) {
    edge.publishing.flag(&if position == "2" { off("a") } else { on("a") }).await;
    edge.publishing.head(position).await;
    edge.until_position(position).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sdk_gets_everything_and_then_each_change() {
    let mut edge = serving(&[on("a")]).await;
    let mut stream = edge.get("/v1/stream").send().await.unwrap();
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let text = until(&mut stream, "\n\n").await;
    assert!(text.starts_with("id: 1\nevent: put\ndata: {\"id\":"), "{text}");
    change(&mut edge, "2").await;
    let text = until(&mut stream, "\n\n").await;
    let patch = json!({
        "position": "2",
        "changed": [{"kind": "flag", "key": "a", "definition": off("a")}],
        "removed": [],
    });
    let data = text.strip_prefix("id: 2\nevent: patch\ndata: ").unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(data).unwrap(), patch);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sdk_that_comes_back_gets_what_it_missed() {
    let mut edge = serving(&[on("a")]).await;
    change(&mut edge, "2").await;
    change(&mut edge, "3").await;
    let mut stream = edge.get("/v1/stream").header("Last-Event-ID", "2").send().await.unwrap();
    let text = until(&mut stream, "\n\n").await;
    assert!(text.starts_with("id: 3\nevent: patch\n"), "{text}");
    let mut stream = edge.get("/v1/stream?since=1").send().await.unwrap();
    let text = until(&mut stream, "id: 3").await;
    assert!(text.starts_with("id: 2\nevent: patch\n"), "{text}");
    let mut stream = edge.get("/v1/stream?since=77").send().await.unwrap();
    let text = until(&mut stream, "\n\n").await;
    assert!(text.starts_with("id: 3\nevent: put\n"), "{text}");
    let mut stream = edge.get("/v1/stream?since=3").send().await.unwrap();
    assert_eq!(until(&mut stream, "\n\n").await, ":\n\n");
    let refused = edge.get("/v1/stream").header("Last-Event-ID", "x").send().await.unwrap();
    assert_eq!(refused.status(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ofrep_client_is_told_to_ask_again() {
    let mut edge = serving(&[on("a")]).await;
    let bulk = edge.post("/ofrep/v1/evaluate/flags", &json!({})).send().await.unwrap();
    let (_, body) = answer(bulk).await;
    let path = body["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap().to_owned();
    assert!(!path.contains(&edge.server.text), "a key has no place in an address");
    // A browser sends no key, only the address.
    let mut stream = edge.http.get(edge.url(&path)).send().await.unwrap();
    assert_eq!(stream.status(), 200);
    until(&mut stream, "\n\n").await;
    change(&mut edge, "2").await;
    let text = until(&mut stream, "\n\n").await;
    assert_eq!(text, "id: 2\ndata: {\"type\":\"refetchEvaluation\"}\n\n");

    let mut back =
        edge.http.get(edge.url(&path)).header("Last-Event-ID", "1").send().await.unwrap();
    assert_eq!(until(&mut back, "\n\n").await, text);
    let wrong = path.replace("ticket=", "ticket=0");
    assert_eq!(edge.http.get(edge.url(&wrong)).send().await.unwrap().status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_stops_ends_its_streams() {
    let edge = serving(&[on("a")]).await;
    let stream = edge.get("/v1/stream").send().await.unwrap();
    edge.edge.stop().await;
    tokio::time::timeout(SOON, stream.bytes()).await.expect("the stream ends").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_cut_off() {
    use tokio::io::AsyncWriteExt;
    let mut edge = serving(&[on("a")]).await;
    let mut socket = tokio::net::TcpStream::connect(edge.edge.address()).await.unwrap();
    let request = format!(
        "GET /v1/stream HTTP/1.1\r\nHost: edge\r\nAuthorization: Bearer {}\r\n\r\n",
        edge.server.text
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    // Changes of a large flag fill what the system buffers for the silent reader, and then what the edge does.
    for position in 2.. {
        let mut flag = on("large");
        let filler = "x".repeat(250_000);
        flag["rules"] = json!([{
            "id": format!("r{position}"), "then": {"variation": "on"},
            "if": {"attribute": "a", "operator": "eq", "value": filler},
        }]);
        edge.publishing.flag(&flag).await;
        edge.publishing.head(&position.to_string()).await;
        if edge.metric("ff_edge_streams_cut_off_total").await > 0.0 {
            break;
        }
        assert!(position < 1000, "it is never cut off");
    }
}
