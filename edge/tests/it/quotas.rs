//! How often an address and a key may ask, and how many connections an address may have.

use std::num::NonZeroUsize;
use std::time::Duration;

use ff_edge::EdgeOptions;
use ff_evaluator::wire::KeyKind;
use ff_front::{ConnectionLimits, Proxies};
use ff_limits::Quota;
use reqwest::{RequestBuilder, Response};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::publishing::{TestKey, on};
use crate::support::{Fixture, SOON, answer, serving_with};

/// So few in so long that none comes back during a test.
const THREE: Quota = Quota::new(3, Duration::from_secs(3600));

/// Behind a proxy, so that requests come from the addresses that it says.
async fn behind_a_proxy(change: impl FnOnce(&mut EdgeOptions)) -> Fixture {
    serving_with(&[on("a")], |options| {
        options.proxies = Proxies::parse(["127.0.0.1"]).unwrap();
        change(options);
    })
    .await
}

/// Evaluates with a key, from an address.
fn evaluate(edge: &Fixture, key: &str, from: &str) -> RequestBuilder {
    let request = edge.http.post(edge.url("/ofrep/v1/evaluate/flags")).bearer_auth(key);
    request.header("X-Forwarded-For", from).json(&json!({}))
}

async fn send(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_asks_too_often_is_told_when_to_come_back() {
    let edge = behind_a_proxy(|options| options.address_quota = Some(THREE)).await;
    let client = &edge.client.text;
    for left in [2, 1, 0] {
        let response = send(evaluate(&edge, client, "203.0.113.7")).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "ratelimit-policy"), "\"address\";q=3;w=3600");
        assert_eq!(header(&response, "ratelimit"), format!("\"address\";r={left};t=1200"));
    }
    let request = evaluate(&edge, client, "203.0.113.7").header("Origin", "https://a.example");
    let refused = send(request).await;
    assert_eq!(header(&refused, "content-type"), "application/problem+json");
    assert_eq!(header(&refused, "ratelimit-policy"), "\"address\";q=3;w=3600");
    let wait: u64 = header(&refused, "retry-after").parse().unwrap();
    assert!((1100..=1200).contains(&wait), "{wait}");
    assert_eq!(header(&refused, "ratelimit"), format!("\"address\";r=0;t={wait}"));
    // A page may see it.
    let exposed = header(&refused, "access-control-expose-headers");
    assert!(exposed.contains("RateLimit, RateLimit-Policy"), "{exposed}");
    assert!(exposed.contains("Retry-After"), "{exposed}");
    let (status, body) = answer(refused).await;
    assert_eq!((status, &body["code"]), (429, &json!("FF-4013")), "{body}");
    assert_eq!(body["type"], "/docs/errors/FF-4013");
    assert_eq!(edge.metric("ff_limits_refused_total{limit=\"address\"}").await, 1.0);

    // Whoever comes from elsewhere is answered, with the same key; so is a server, from wherever it comes.
    assert_eq!(send(evaluate(&edge, client, "203.0.113.8")).await.status(), 200);
    let response = send(evaluate(&edge, &edge.server.text, "203.0.113.7")).await;
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("ratelimit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_none_count_for_the_address() {
    let edge = behind_a_proxy(|options| options.address_quota = Some(THREE)).await;
    let unknown = TestKey::new("k9", KeyKind::Server).text;
    for (key, status) in
        [(unknown.as_str(), 401), ("nonsense", 401), (&unknown, 401), (&unknown, 429)]
    {
        let response = send(evaluate(&edge, key, "203.0.113.7")).await;
        assert_eq!(response.status().as_u16(), status);
        assert!(response.headers().contains_key("ratelimit"));
    }
    // A network of IPv6 is one address.
    for (last, status) in [(1, 401), (2, 401), (3, 401), (4, 429)] {
        let from = format!("2001:db8:1:2::{last}");
        assert_eq!(send(evaluate(&edge, &unknown, &from)).await.status().as_u16(), status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_key_has_a_quota_wherever_it_is_used_and_a_clients_has_none() {
    let edge = behind_a_proxy(|options| options.key_quota = Some(THREE)).await;
    let key = &edge.server.text;
    for (from, left) in [("203.0.113.1", 2), ("203.0.113.2", 1), ("203.0.113.3", 0)] {
        let response = send(evaluate(&edge, key, from)).await;
        assert_eq!(header(&response, "ratelimit"), format!("\"key\";r={left};t=1200"));
    }
    for path in ["/v1/config", "/v1/stream", "/ofrep/v1/stream"] {
        let request = edge.http.get(edge.url(path)).bearer_auth(key);
        assert_eq!(answer(send(request).await).await.1["code"], "FF-4013", "{path}");
    }
    for _ in 0..10 {
        let response = send(evaluate(&edge, &edge.client.text, "203.0.113.1")).await;
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key("ratelimit"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_counts_once_and_probes_and_preflights_do_not() {
    let edge = behind_a_proxy(|options| options.address_quota = Some(THREE)).await;
    let get = |path: &str| edge.http.get(edge.url(path)).header("X-Forwarded-For", "203.0.113.7");
    let mut stream = send(get("/ofrep/v1/stream").bearer_auth(&edge.client.text)).await;
    assert_eq!(header(&stream, "ratelimit"), "\"address\";r=2;t=1200");
    stream.chunk().await.unwrap().expect("it has begun");
    for _ in 0..5 {
        for path in ["/healthz", "/readyz", "/metrics"] {
            let response = send(get(path)).await;
            assert_eq!(response.status(), 200, "{path}");
            assert!(!response.headers().contains_key("ratelimit"), "{path}");
        }
        let preflight = edge.http.request(reqwest::Method::OPTIONS, edge.url("/v1/config"));
        assert_eq!(send(preflight.header("X-Forwarded-For", "203.0.113.7")).await.status(), 204);
    }
    let response = send(evaluate(&edge, &edge.client.text, "203.0.113.7")).await;
    assert_eq!(header(&response, "ratelimit"), "\"address\";r=1;t=1200");
}

/// An open stream over a connection of its own, if the edge takes it.
async fn connected(edge: &Fixture, from: &str) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(from.parse().unwrap()).unwrap();
    let mut stream = socket.connect(edge.edge.address()).await.unwrap();
    let key = &edge.server.text;
    let head = format!("GET /v1/stream HTTP/1.1\r\nHost: e\r\nX-API-Key: {key}\r\n\r\n");
    // The edge may have closed it before this is written.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = [0; 12];
    let read = timeout(SOON, stream.read_exact(&mut answer)).await.expect("an answer, or the end");
    read.is_ok().then_some(stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_a_share_of_the_connections() {
    let number = |number| NonZeroUsize::new(number).unwrap();
    let edge = serving_with(&[on("a")], |options| {
        options.connections = ConnectionLimits { all: number(20), of_address: number(3) };
        // Where the test itself asks from.
        options.proxies = Proxies::parse(["127.0.0.1"]).unwrap();
    })
    .await;
    let mut mine = Vec::new();
    for _ in 0..3 {
        mine.push(connected(&edge, "127.0.0.2:0").await.expect("there is a place"));
    }
    for _ in 0..5 {
        assert!(connected(&edge, "127.0.0.2:0").await.is_none(), "it has its share");
    }
    assert!(connected(&edge, "127.0.0.3:0").await.is_some(), "others are served");
    let mut proxied = Vec::new();
    for _ in 0..6 {
        proxied.push(connected(&edge, "127.0.0.1:0").await.expect("a proxy has no share"));
    }
    assert_eq!(edge.metric("ff_front_connections_refused_total").await, 5.0);
    drop(mine.pop());
    let again = async { while connected(&edge, "127.0.0.2:0").await.is_none() {} };
    timeout(SOON, again).await.expect("the place of one that has ended is free");
}
