//! The sender: whole requests over connections that stay open, as fast as they are answered or at a fixed rate.
//!
//! At a fixed rate requests are sent when they are due, and measured from then, however late they got away.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    /// In a request.
    pub(crate) events: u32,
    pub(crate) connections: u32,
    /// Absent: as fast as they are answered.
    pub(crate) requests_per_second: Option<u32>,
    pub(crate) seconds: f64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Result {
    /// A second.
    pub(crate) events: f64,
    pub(crate) p50_micros: u64,
    pub(crate) p99_micros: u64,
}

/// Sends from a process of its own.
pub(crate) fn in_process(load: &Load) -> Result {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["load", &serde_json::to_string(load).unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) async fn run(load: Load) -> Result {
    let start = Instant::now() + Duration::from_millis(50);
    let end = start + Duration::from_secs_f64(load.seconds);
    let clients = (0..load.connections).map(|number| {
        let load = load.clone();
        tokio::spawn(async move {
            let pace = load.requests_per_second.map(|rate| {
                let period = Duration::from_secs(1) * load.connections / rate;
                (start + Duration::from_secs(1) * number / rate, period)
            });
            client(&load, pace, end).await
        })
    });
    let mut times = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        times.extend(client.await.unwrap());
    }
    times.sort_unstable();
    let at = |share: usize| u64::try_from(times[times.len() * share / 100].as_micros()).unwrap();
    #[expect(clippy::cast_precision_loss, reason = "these are thousands")]
    let events = times.len() as f64 * f64::from(load.events) / start.elapsed().as_secs_f64();
    Result { events, p50_micros: at(50), p99_micros: at(99) }
}

async fn client(load: &Load, pace: Option<(Instant, Duration)>, end: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(load.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut request = Request::new(load);
    let mut buffer = vec![0; 64 * 1024];
    let mut times = Vec::new();
    let (mut due, period) = pace.unwrap_or((Instant::now(), Duration::ZERO));
    while due < end {
        request.renew();
        sleep_until(due).await;
        stream.write_all(&request.bytes).await.unwrap();
        // An answer is small and arrives in one piece.
        let read = stream.read(&mut buffer).await.unwrap();
        let answer = &buffer[..read];
        assert!(answer.starts_with(b"HTTP/1.1 202"), "{}", String::from_utf8_lossy(answer));
        times.push(due.elapsed());
        due = if pace.is_some() { due + period } else { Instant::now() };
    }
    times
}

/// A request that is sent again and again, with ids of its own each time.
struct Request {
    bytes: Vec<u8>,
    /// Where the ids are.
    ids: Vec<usize>,
}

impl Request {
    fn new(load: &Load) -> Self {
        let mut body = String::from("{\"events\":[");
        let mut ids = Vec::new();
        let at = jiff::Timestamp::now();
        for number in 0..load.events {
            if number > 0 {
                body.push(',');
            }
            body += if number % 2 == 0 {
                "{\"type\":\"exposure\",\"id\":\""
            } else {
                "{\"type\":\"metric\",\"id\":\""
            };
            ids.push(body.len());
            body += &Uuid::nil().to_string();
            body += &format!("\",\"at\":\"{at}\",\"user_key\":\"user-{number:06}\",");
            body += if number % 2 == 0 {
                r#""flag":"checkout","variation":"treatment","rule":"checkout-2026:1","experiment":"checkout-2026","position":"281474976710712","attributes":{"country":"US","plan":"pro"}}"#
            } else {
                r#""metric":"purchase","value":12.5}"#
            };
        }
        body += "]}";
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nHost: ingest\r\nX-API-Key: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            load.key,
            body.len()
        );
        let ids = ids.into_iter().map(|at| at + head.len()).collect();
        Self { bytes: [head, body].concat().into_bytes(), ids }
    }

    fn renew(&mut self) {
        // One random number, counted up: ids must differ, and making them is not what is measured.
        let first = Uuid::new_v4().as_u128();
        for (at, number) in self.ids.iter().zip(0_u128..) {
            let id = Uuid::from_u128(first.wrapping_add(number));
            id.hyphenated().encode_lower(&mut self.bytes[*at..*at + 36]);
        }
    }
}
