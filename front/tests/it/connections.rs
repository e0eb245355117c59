//! How many connections there may be, how large a head, how slow a client, and how it all ends.

use std::num::NonZeroUsize;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use ff_front::{ConnectionLimits, Proxies, REFUSED_CONNECTIONS, ServeOptions};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::site::{SOON, Site, ask, router, start};

async fn status(site: &Site, head: &str) -> String {
    let answer = ask(site.tcp().await, head).await.unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Reads until the other side ends it.
async fn ends(mut stream: impl tokio::io::AsyncRead + Unpin) -> Vec<u8> {
    let mut rest = Vec::new();
    // How it ends, with or without a reset, does not matter.
    let _ = timeout(SOON, stream.read_to_end(&mut rest)).await.expect("the other side ends it");
    rest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_has_a_limit() {
    let options = ServeOptions { head_bytes: 16 * 1024, head_fields: 20, ..Default::default() };
    let site = start(None, router(), options).await;
    let long = |length: usize| format!("GET / HTTP/1.1\r\nX-Long: {}", "x".repeat(length));
    let many = |number: usize| format!("GET / HTTP/1.1{}", "\r\nX-A: b".repeat(number));
    assert_eq!(status(&site, &long(8 * 1024)).await, "200");
    assert_eq!(status(&site, &long(17 * 1024)).await, "431");
    assert_eq!(status(&site, &many(10)).await, "200");
    assert_eq!(status(&site, &many(21)).await, "431");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_to_ask_is_given_up() {
    let options = ServeOptions { head_time: Duration::from_millis(200), ..Default::default() };
    let site = start(None, router(), options).await;
    // Nothing at all, half a head, and half of what HTTP/2 starts with.
    for begun in ["", "GET / HTTP/1.1\r\nHost: ", "PRI * HTT"] {
        let mut stream = site.tcp().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        let rest = String::from_utf8(ends(stream).await).unwrap();
        assert!(!rest.contains("200"), "{begun}: {rest}");
    }
    assert_eq!(status(&site, "GET / HTTP/1.1").await, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_http2_connection_ends_and_a_busy_one_does_not() {
    let options = ServeOptions {
        head_time: Duration::from_millis(100),
        idle: Duration::from_millis(100),
        ..Default::default()
    };
    let (begun, mut begins) = mpsc::channel(1);
    let (release, released) = watch::channel(false);
    let slow = async move || {
        begun.send(()).await.unwrap();
        released.clone().wait_for(|done| *done).await.unwrap();
        "done"
    };
    let site = start(None, router().route("/slow", get(slow)), options).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let io = hyper_util::rt::TokioIo::new(site.tcp().await);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (sender, connection) =
            hyper::client::conn::http2::handshake::<_, _, axum::body::Body>(executor, io)
                .await
                .unwrap();
        clients.push((sender, tokio::spawn(connection)));
    }
    let get = |path: &str| {
        let request = hyper::Request::get(format!("http://localhost{path}"));
        request.body(axum::body::Body::empty()).unwrap()
    };
    let (mut busy, busy_connection) = clients.pop().unwrap();
    let (mut idle, idle_connection) = clients.pop().unwrap();
    let answering = tokio::spawn(async move { busy.send_request(get("/slow")).await });
    begins.recv().await.unwrap();
    assert_eq!(idle.send_request(get("/")).await.unwrap().status(), 200);
    let _ = timeout(SOON, idle_connection).await.expect("who has nothing to ask is let go");
    assert!(!busy_connection.is_finished());
    release.send(true).unwrap();
    assert_eq!(answering.await.unwrap().unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_resets_streams_for_fun_is_cut_off() {
    let site = start(None, router(), ServeOptions::default()).await;
    let mut stream = site.tcp().await;
    let frame = |kind: u8, flags: u8, id: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &id.to_be_bytes(), payload].concat()
    };
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[]));
    // `GET http://a/` in HPACK, and a reset right after it, thousands of times.
    let head = [0x82, 0x86, 0x84, 0x41, 1, b'a'];
    for number in 0..20_000_u32 {
        let id = 2 * number + 1;
        bytes.extend(frame(1, 4 | 1, id, &head));
        bytes.extend(frame(3, 0, id, &8_u32.to_be_bytes()));
    }
    // It may be cut off before all of that is written.
    let (reader, mut writer) = stream.split();
    let (_, rest) = tokio::join!(writer.write_all(&bytes), ends(reader));
    // GOAWAY, because of ENHANCE_YOUR_CALM.
    let mut frames = rest.as_slice();
    let mut farewells = Vec::new();
    while let Some((head, rest)) = frames.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let (payload, rest) = rest.split_at(length.try_into().unwrap());
        if head[3] == 7 {
            farewells.push(payload[7]);
        }
        frames = rest;
    }
    assert_eq!(farewells, [11]);
    assert_eq!(status(&site, "GET / HTTP/1.1").await, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait() {
    let two = NonZeroUsize::new(2).unwrap();
    let connections = ConnectionLimits { all: two, of_address: two };
    let site = start(None, router(), ServeOptions { connections, ..Default::default() }).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = site.tcp().await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        open.push(stream);
    }
    let mut waiting = Box::pin(status(&site, "GET / HTTP/1.1"));
    assert!(timeout(Duration::from_millis(200), &mut waiting).await.is_err());
    open.pop();
    assert_eq!(timeout(SOON, waiting).await.expect("there is a place now"), "200");
}

/// An address of this machine that is not that of anybody else's connections.
const NEIGHBOUR: &str = "127.0.0.2:0";

/// A connection that is in use, if the other side takes it.
async fn used(site: &Site, from: &str) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(from.parse().unwrap()).unwrap();
    let mut stream = socket.connect(site.address).await.unwrap();
    // The other side may have closed it before this is written.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut answer = [0; 12];
    let read = timeout(SOON, stream.read_exact(&mut answer)).await.expect("an answer, or the end");
    read.is_ok().then_some(stream)
}

fn share(all: usize, of_address: usize) -> ConnectionLimits {
    let number = |number| NonZeroUsize::new(number).unwrap();
    ConnectionLimits { all: number(all), of_address: number(of_address) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_has_its_share_leaves_room_for_others() {
    let metrics = PrometheusBuilder::new().build_recorder();
    let refused = metrics::with_local_recorder(&metrics, || metrics::counter!(REFUSED_CONNECTIONS));
    let options = ServeOptions {
        connections: share(10, 3),
        refused: Some(refused),
        ..ServeOptions::default()
    };
    let site = start(None, router(), options).await;
    let mut mine = Vec::new();
    for _ in 0..3 {
        mine.push(used(&site, "127.0.0.1:0").await.expect("there is a place"));
    }
    for _ in 0..20 {
        assert!(used(&site, "127.0.0.1:0").await.is_none(), "it has its share");
    }
    assert!(used(&site, NEIGHBOUR).await.is_some(), "others are served");
    let text = metrics.handle().render();
    assert!(text.contains(&format!("{REFUSED_CONNECTIONS} 20")), "{text}");

    drop(mine.pop());
    let again = async { while used(&site, "127.0.0.1:0").await.is_none() {} };
    timeout(SOON, again).await.expect("the place of one that has ended is free");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_has_no_share() {
    let proxies = Proxies::parse(["127.0.0.1"]).unwrap();
    let options = ServeOptions { connections: share(10, 1), proxies, ..ServeOptions::default() };
    let site = start(None, router(), options).await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(used(&site, "127.0.0.1:0").await.expect("a proxy may"));
    }
    let one = used(&site, NEIGHBOUR).await.expect("there is a place");
    assert!(used(&site, NEIGHBOUR).await.is_none(), "it is no proxy");
    drop((one, all));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_that_of_the_peer_or_what_a_proxy_says() {
    let head = "GET /address HTTP/1.1\r\nX-Forwarded-For: 198.51.100.1, 203.0.113.9";
    for (proxies, expected) in [(&[][..], "127.0.0.1"), (&["127.0.0.0/8"], "203.0.113.9")] {
        let proxies = Proxies::parse(proxies.iter().copied()).unwrap();
        let site = start(None, router(), ServeOptions { proxies, ..Default::default() }).await;
        let answer = ask(site.tcp().await, head).await.unwrap();
        assert!(answer.ends_with(&format!("\r\n\r\n{expected}")), "{answer}");
    }
}

/// A router whose only route says that it was asked, and answers when it is told to.
fn waiting() -> (Router, mpsc::Receiver<()>, watch::Sender<bool>) {
    let (begun, begins) = mpsc::channel(1);
    let (release, released) = watch::channel(false);
    let slow = async move || {
        begun.send(()).await.unwrap();
        released.clone().wait_for(|done| *done).await.unwrap();
        "done"
    };
    (Router::new().route("/", get(slow)), begins, release)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_answered_before_the_end() {
    let (router, mut begins, release) = waiting();
    let site = start(None, router, ServeOptions::default()).await;
    let idle = site.tcp().await;
    let asking = tokio::spawn(ask(site.tcp().await, "GET / HTTP/1.1"));
    begins.recv().await.unwrap();
    site.stop.cancel();
    assert_eq!(ends(idle).await, b"");
    release.send(true).unwrap();
    assert!(asking.await.unwrap().unwrap().ends_with("done"));
    timeout(SOON, site.served).await.expect("it ends").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_too_long_is_left_behind() {
    let (router, mut begins, _release) = waiting();
    let farewell = Duration::from_millis(100);
    let site = start(None, router, ServeOptions { farewell, ..Default::default() }).await;
    let asking = tokio::spawn(ask(site.tcp().await, "GET / HTTP/1.1"));
    begins.recv().await.unwrap();
    site.stop.cancel();
    timeout(SOON, site.served).await.expect("it ends").unwrap();
    assert!(!asking.await.unwrap().is_ok_and(|answer| answer.contains("200")));
}
