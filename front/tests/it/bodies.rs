//! Bodies that a router takes in within limits, sent by a real client.

use std::io::Write as _;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use axum::routing::post;
use ff_front::{BodyLimits, ServeOptions, limited};

use crate::site::{Site, start};

const MIB: usize = 1024 * 1024;

async fn site() -> Site {
    let echo = async |headers: HeaderMap, body: Bytes| {
        format!("{} {}", body.len(), headers.contains_key("content-encoding"))
    };
    let limits = BodyLimits::new(MIB);
    let router = Router::new().route("/", post(echo).get(async || "no body"));
    let router =
        limited(router, limits, |error| (error.status(), error.to_string()).into_response());
    start(None, router, ServeOptions::default()).await
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_body_is_within_its_limits() {
    let site = site().await;
    let http = reqwest::Client::new();
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth)).into_bytes();
    let zstd = |body: &[u8]| zstd::encode_all(body, 3).unwrap();
    let bomb = vec![b' '; 64 * MIB];
    let json = ("content-type", "application/json");
    let encoding = |name| ("content-encoding", name);
    for (what, body, headers, status, text) in [
        ("small", b"{}".to_vec(), vec![json], 200, "2 false"),
        ("at the limit", vec![b' '; MIB], vec![], 200, "1048576 false"),
        ("beyond", vec![b' '; MIB + 1], vec![], 413, "a body has up to"),
        ("far beyond", vec![b' '; 10 * MIB], vec![], 413, "a body has up to"),
        ("gzip", gzip(b"{}"), vec![json, encoding("gzip")], 200, "2 false"),
        ("zstd", zstd(b"{}"), vec![json, encoding("zstd")], 200, "2 false"),
        ("brotli", b"x".to_vec(), vec![encoding("br")], 415, "compress the body"),
        ("no gzip", b"x".to_vec(), vec![encoding("gzip")], 400, "the body cannot be"),
        ("gzip bomb", gzip(&bomb), vec![encoding("gzip")], 413, "a body has up to"),
        ("zstd bomb", zstd(&bomb), vec![encoding("zstd")], 413, "a compressed body"),
        ("deep", deep(64), vec![json], 200, "128 false"),
        ("too deep", deep(65), vec![json], 400, "lists and objects nest"),
        ("too deep, packed", gzip(&deep(65)), vec![json, encoding("gzip")], 400, "lists and"),
        ("deep, and no JSON", deep(65), vec![], 200, "130 false"),
    ] {
        let mut request = http.post(format!("http://{}/", site.address)).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        let found = answer.status().as_u16();
        let said = answer.text().await.unwrap();
        assert_eq!(found, status, "{what}: {said}");
        assert!(said.starts_with(text), "{what}: {said}");
    }
    let answer = http.get(format!("http://{}/", site.address)).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "no body");
}
