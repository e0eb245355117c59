//! Latency at 2,000 requests a second: sent when they are due, and measured from then, however late they got away.
//!
//! Each connection has a thread of its own, because a thread wakes within some 50 µs of its time and a timer of tokio
//! within a millisecond, which is as much as an answer takes.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const CONNECTIONS: u32 = 20;
const RATE: u32 = 2000;
const TIME: Duration = Duration::from_secs(10);
const WANTED: Duration = Duration::from_millis(2);

pub(crate) fn run(address: SocketAddr, key: &str) {
    let start = Instant::now() + Duration::from_millis(100);
    let clients = (0..CONNECTIONS).map(|number| {
        let offset = Duration::from_secs(1) * number / RATE;
        let key = key.to_owned();
        thread::spawn(move || client(address, &key, start + offset))
    });
    let mut times = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        times.extend(client.join().unwrap());
    }
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 1000];
    println!(
        "latency at {RATE}/s: p50 {:?}, p99 {:?}, p99.9 {:?} (wanted: p99 below {WANTED:?})",
        at(500),
        at(990),
        at(999)
    );
}

fn client(address: SocketAddr, key: &str, mut due: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let body = r#"{"context":{"targetingKey":"user-1234","country":"US","plan":"pro"}}"#;
    let request = format!(
        "POST /ofrep/v1/evaluate/flags/flag-500 HTTP/1.1\r\nHost: edge\r\nX-API-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let end = due + TIME;
    let mut times = Vec::new();
    let mut buffer = [0; 4096];
    while due < end {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        stream.write_all(request.as_bytes()).unwrap();
        // An answer is small and arrives in one piece.
        let read = stream.read(&mut buffer).unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "it is answered");
        times.push(due.elapsed());
        due += Duration::from_secs(1) * CONNECTIONS / RATE;
    }
    times
}
