//! A key that is revoked or expires opens nothing any more, and what it has opened ends: within five seconds, on an
//! edge that is connected.

use std::time::{Duration, Instant};

use ff_evaluator::wire::{KeyKind, ObjectKind};
use ff_testkit::eventually;
use jiff::Timestamp;
use reqwest::Response;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::publishing::{TestKey, on};
use crate::support::{Fixture, SOON, answer, serving};

/// What is promised.
const PROMISED: Duration = Duration::from_secs(5);
/// How long a key lives that expires in a test.
const LIFE: Duration = Duration::from_secs(3);

/// How a key ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Revoked,
    Expired,
    /// It is given a new end, which is in the past.
    CutShort,
}

const ENDINGS: [Ending; 3] = [Ending::Revoked, Ending::Expired, Ending::CutShort];

/// An edge with one more key, which is about to end.
struct Doomed {
    edge: Fixture,
    key: TestKey,
    ending: Ending,
    expires_at: Timestamp,
}

impl Doomed {
    async fn new(ending: Ending) -> Self {
        let mut edge = serving(&[on("a")]).await;
        let key = TestKey::new("k3", KeyKind::Server);
        let expires_at = Timestamp::now() + LIFE;
        let end = (ending == Ending::Expired).then_some(expires_at);
        edge.publishing.put(ObjectKind::Key, &key.id, key.object(end)).await;
        edge.publishing.head("2").await;
        edge.until_position("2").await;
        Self { edge, key, ending, expires_at }
    }

    async fn get(&self, path: &str) -> Response {
        let request = self.edge.http.get(self.edge.url(path)).bearer_auth(&self.key.text);
        request.send().await.unwrap()
    }

    /// Ends the key, and answers when that was.
    async fn end(&mut self) -> Instant {
        let publishing = &mut self.edge.publishing;
        match self.ending {
            Ending::Revoked => publishing.revoke(&self.key).await,
            Ending::CutShort => {
                let past = self.key.object(Timestamp::from_second(1).ok());
                publishing.put(ObjectKind::Key, &self.key.id, past).await;
            }
            Ending::Expired => {
                let left = Duration::try_from(self.expires_at.duration_since(Timestamp::now()));
                sleep(left.unwrap_or_default()).await;
                return Instant::now();
            }
        }
        publishing.head("3").await;
        Instant::now()
    }

    fn code(&self) -> &'static str {
        if self.ending == Ending::Revoked { "FF-4002" } else { "FF-4003" }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_door_opens_and_every_stream_ends() {
    for ending in ENDINGS {
        let mut doomed = Doomed::new(ending).await;
        let bulk = doomed.edge.http.post(doomed.edge.url("/ofrep/v1/evaluate/flags"));
        let bulk = bulk.bearer_auth(&doomed.key.text).json(&json!({})).send().await.unwrap();
        let (_, body) = answer(bulk).await;
        let ticket = body["eventStreams"][0]["endpoint"]["requestUri"].as_str().unwrap().to_owned();
        let mut open = Vec::new();
        for path in ["/v1/stream", "/v1/stream?since=2", "/ofrep/v1/stream", &ticket] {
            let stream = doomed.get(path).await;
            assert_eq!(stream.status(), 200, "{ending:?} {path}");
            open.push(stream);
        }
        let mut kept = doomed.edge.get("/v1/stream?since=2").send().await.unwrap();

        let ended = doomed.end().await;
        for stream in open {
            let rest = timeout(PROMISED, stream.bytes()).await.expect("the edge ends the stream");
            let rest = String::from_utf8(rest.unwrap().to_vec()).unwrap();
            // Nothing of what the end of the key came with.
            assert!(!rest.contains("id: 3"), "{ending:?}: {rest}");
        }
        for path in ["/v1/config", "/v1/config?since=2", "/v1/stream", "/ofrep/v1/stream", &ticket]
        {
            let (status, body) = answer(doomed.get(path).await).await;
            assert_eq!((status, &body["code"]), (401, &json!(doomed.code())), "{ending:?} {path}");
        }
        for path in ["/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/a"] {
            let request = doomed.edge.http.post(doomed.edge.url(path)).json(&json!({}));
            let request = request.header("X-API-Key", &doomed.key.text);
            let (status, body) = answer(request.send().await.unwrap()).await;
            assert_eq!((status, &body["code"]), (401, &json!(doomed.code())), "{ending:?} {path}");
        }
        // A client that asks whether anything is new, as it does when it polls, hears it as well.
        let poll = doomed.edge.http.get(doomed.edge.url("/v1/config"));
        let poll = poll.bearer_auth(&doomed.key.text).header("If-None-Match", "\"2\"");
        assert_eq!(poll.send().await.unwrap().status(), 401);
        assert!(ended.elapsed() <= PROMISED, "{ending:?}: {:?}", ended.elapsed());

        // Whoever has another key goes on.
        doomed.edge.publishing.flag(&on("b")).await;
        doomed.edge.publishing.head("4").await;
        let mut text = String::new();
        while !text.contains("id: 4") {
            let chunk = timeout(SOON, kept.chunk()).await.expect("it comes soon").unwrap();
            text += &String::from_utf8_lossy(&chunk.expect("it goes on"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_slowly_does_not_outlive_the_key() {
    for ending in ENDINGS {
        let mut doomed = Doomed::new(ending).await;
        let mut socket = TcpStream::connect(doomed.edge.edge.address()).await.unwrap();
        let head = format!(
            "POST /ofrep/v1/evaluate/flags/a HTTP/1.1\r\nHost: e\r\nX-API-Key: {}\r\n\
             Connection: close\r\nContent-Length: 2\r\n\r\n{{",
            doomed.key.text
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        doomed.end().await;
        eventually(PROMISED, || async { doomed.get("/v1/config").await.status() == 401 }).await;
        socket.write_all(b"}").await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{ending:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_keeps_no_stream_either() {
    for ending in [Ending::Revoked, Ending::Expired] {
        let mut doomed = Doomed::new(ending).await;
        let mut socket = TcpStream::connect(doomed.edge.edge.address()).await.unwrap();
        let head =
            format!("GET /v1/stream HTTP/1.1\r\nHost: e\r\nX-API-Key: {}\r\n\r\n", doomed.key.text);
        // More than the system buffers, so that the edge cannot send all of it.
        for number in 0..60 {
            let mut flag = on(&format!("large{number}"));
            flag["rules"] = json!([{
                "id": "r", "then": {"variation": "on"},
                "if": {"attribute": "a", "operator": "eq", "value": "x".repeat(500_000)},
            }]);
            doomed.edge.publishing.flag(&flag).await;
        }
        if ending == Ending::Expired {
            // That may have taken longer than the key was to live.
            doomed.expires_at = Timestamp::now() + LIFE;
            let object = doomed.key.object(Some(doomed.expires_at));
            doomed.edge.publishing.put(ObjectKind::Key, &doomed.key.id, object).await;
        }
        doomed.edge.publishing.head("2").await;
        eventually(SOON, || async { doomed.edge.evaluate("large59", json!({})).await.0 == 200 })
            .await;
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.readable().await.unwrap();
        assert_eq!(doomed.edge.metric("ff_edge_streams_cut_off_total").await, 0.0);

        doomed.end().await;
        eventually(PROMISED, || async {
            doomed.edge.metric("ff_edge_streams_cut_off_total").await > 0.0
        })
        .await;
        let mut sent = Vec::new();
        // It ends in the middle, with or without a reset.
        let _ = timeout(SOON, socket.read_to_end(&mut sent)).await.expect("it ends");
        assert!(sent.starts_with(b"HTTP/1.1 200"), "{ending:?}");
        assert!(sent.len() < 60 * 500_000, "{ending:?}: all of it was sent");
    }
}
