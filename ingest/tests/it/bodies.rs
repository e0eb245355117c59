//! Bodies that are refused as a whole, and senders that are slow or greedy.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Fixture, events, gzip, ingesting, ingesting_with, metric, url, zstd};

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_body_of_events_is_refused() {
    let ingest = ingesting().await;
    let many = events(std::iter::repeat_with(|| json!(1)).take(5001)).to_string();
    let lines = "{}\n".repeat(5001);
    let wide = format!("{{\"events\":[{}1]}}", "1,".repeat(2 * MIB));
    let deep = format!("{{\"events\":{}", "[".repeat(MIB));
    let bomb = vec![b' '; 200 * MIB];
    let encoding = |name| ("Content-Encoding", name);
    let ndjson = ("Content-Type", "application/x-ndjson");
    for (what, body, headers, status, code) in [
        ("no JSON", b"hello".to_vec(), vec![], 400, "FF-4100"),
        ("nothing", vec![], vec![], 400, "FF-4100"),
        ("binary", vec![0xff, 0, 1], vec![], 400, "FF-4100"),
        ("no object", b"[]".to_vec(), vec![], 400, "FF-4100"),
        ("no events", b"{}".to_vec(), vec![], 400, "FF-4100"),
        ("no list", b"{\"events\":{}}".to_vec(), vec![], 400, "FF-4100"),
        ("cut off", b"{\"events\":[{\"type\"".to_vec(), vec![], 400, "FF-4100"),
        ("deep", deep.into(), vec![], 400, "FF-4100"),
        ("too large", vec![b' '; 6 * MIB], vec![], 413, "FF-4101"),
        ("too many", many.into(), vec![], 413, "FF-4102"),
        ("far too many", wide.into(), vec![], 413, "FF-4102"),
        ("too many lines", lines.into(), vec![ndjson], 413, "FF-4102"),
        ("a form", b"a=b".to_vec(), vec![("Content-Type", "text/plain")], 415, "FF-4103"),
        ("brotli", b"x".to_vec(), vec![encoding("br")], 415, "FF-4104"),
        ("no gzip", b"x".to_vec(), vec![encoding("gzip")], 400, "FF-4105"),
        ("no zstd", b"x".to_vec(), vec![encoding("zstd")], 400, "FF-4105"),
        ("gzip bomb", gzip(&bomb), vec![encoding("gzip")], 413, "FF-4101"),
        ("zstd bomb", zstd(&bomb), vec![encoding("zstd")], 413, "FF-4114"),
    ] {
        let (found, body) = ingest.send_raw(body, &headers).await;
        assert_eq!((found, &body["code"]), (status, &json!(code)), "{what}: {body}");
        assert_eq!(body["status"], json!(status));
    }
    assert_eq!(ingest.records().await.len(), 0);
    assert_eq!(ingest.send(&events([metric()])).await.0, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_and_paths_are_refused() {
    let ingest = ingesting().await;
    let get = |path| ingest.http.get(url(&ingest.ingest, path)).send();
    let response = get("/v1/events").await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["allow"]),
        (405, &"POST, OPTIONS".parse().unwrap())
    );
    assert_eq!(get("/v1/other").await.unwrap().status(), 404);
    assert_eq!(get("/healthz").await.unwrap().status(), 200);
    let metrics = get("/metrics").await.unwrap().text().await.unwrap();
    assert!(metrics.contains("ff_ingest_storing 1"), "{metrics}");
}

/// Sends these bytes over a connection of its own, and answers the connection.
async fn open(ingest: &Fixture, headers: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(ingest.ingest.address()).await.unwrap();
    let key = &ingest.server.text;
    let request = format!(
        "POST /v1/events HTTP/1.1\r\nHost: i\r\nX-API-Key: {key}\r\n{headers}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = stream.read_buf(&mut text).await.unwrap();
        assert_ne!(read, 0, "it ended after {}", String::from_utf8_lossy(&text));
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_too_large_is_refused_unread() {
    let ingest = ingesting().await;
    for headers in
        ["Content-Length: 10000000000", "Content-Length: 5242881\r\nExpect: 100-continue"]
    {
        let mut stream = open(&ingest, headers, "").await;
        let head = read_head(&mut stream).await;
        assert!(head.starts_with("HTTP/1.1 413"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_to_send_hears_so() {
    let ingest = ingesting_with(|options| options.body_timeout = Duration::from_millis(200)).await;
    let mut stream = open(&ingest, "Content-Length: 100", "{\"events\"").await;
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 408"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_in_the_middle_harms_nobody() {
    let ingest = ingesting_with(|options| options.in_flight_bytes = 20_000).await;
    for _ in 0..10 {
        let body = "x".repeat(15_000);
        let stream = open(&ingest, "Content-Length: 100000", &body).await;
        drop(stream);
    }
    ff_testkit::eventually(crate::support::SOON, || async {
        ingest.send(&events([metric()])).await.0 == 202
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_fits_into_memory_is_turned_away() {
    let ingest = ingesting_with(|options| options.in_flight_bytes = 20_000).await;
    let filler = "x".repeat(30_000);
    let response = ingest.post().body(format!("{{\"x\":\"{filler}\",\"events\":[]}}"));
    let response = response.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    let bomb = gzip(&vec![b' '; 4 * MIB]);
    let (status, body) = ingest.send_raw(bomb, &[("Content-Encoding", "gzip")]).await;
    assert_eq!((status, &body["code"]), (429, &json!("FF-4107")));
    // What was refused has given back what it held.
    assert_eq!(ingest.send(&events([metric()])).await.0, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_answered_before_the_end() {
    let ingest = ingesting().await;
    let event = metric();
    let body = events([event.clone()]).to_string();
    let (first, second) = body.split_at(20);
    let headers = format!("Content-Length: {}", body.len());
    let mut stream = open(&ingest, &headers, first).await;
    // A second request, answered, shows that the first has reached it.
    assert_eq!(ingest.send(&events([metric()])).await.0, 202);
    let stopping = tokio::spawn(ingest.ingest.stop());
    stream.write_all(second.as_bytes()).await.unwrap();
    let head = read_head(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 202"), "{head}");
    stopping.await.unwrap();
    let records = crate::support::records(ingest.nats.client().await).await;
    assert!(crate::support::ids(&records).contains(&crate::support::id(&event)));
}
