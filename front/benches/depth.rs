//! What it costs to see how deep a body nests, against reading it: nanoseconds for a KB of each, in the same run.

#![allow(clippy::print_stdout, reason = "a bench prints its result")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use ff_front::check_depth;
use serde_json::{Value, json};

/// As deep as bodies may nest.
const DEPTH: usize = 64;
/// How long a measurement takes; of some, which take turns, the best counts.
const ROUND: Duration = Duration::from_millis(200);
const ROUNDS: usize = 5;

fn main() {
    println!("{:<36}{:>10}{:>14}{:>14}{:>10}", "", "bytes", "check, ns/KB", "read, ns/KB", "ratio");
    for (name, body) in bodies() {
        let body = body.to_string().into_bytes();
        let (mut check, mut read) = (f64::MAX, f64::MAX);
        for _ in 0..ROUNDS {
            check = check.min(measure(&body, |body| black_box(check_depth(body, DEPTH)).is_ok()));
            read = read.min(measure(&body, |body| {
                black_box(serde_json::from_slice::<Value>(body)).is_ok()
            }));
        }
        let (length, ratio) = (body.len(), check / read);
        println!("{name:<36}{length:>10}{check:>14.1}{read:>14.1}{ratio:>10.4}");
    }
}

/// Nanoseconds for 1,024 bytes.
#[allow(clippy::cast_precision_loss, reason = "a rate needs few digits")]
fn measure(body: &[u8], work: impl Fn(&[u8]) -> bool) -> f64 {
    let started = Instant::now();
    let mut bytes = 0;
    while started.elapsed() < ROUND {
        for _ in 0..16 {
            assert!(work(black_box(body)), "the body is good");
            bytes += body.len();
        }
    }
    started.elapsed().as_nanos() as f64 * 1024.0 / bytes as f64
}

fn bodies() -> [(&'static str, Value); 5] {
    let event = |number: usize| {
        json!({
            "type": "exposure", "id": format!("018f2c00-0000-7000-8000-{number:012}"),
            "at": "2026-01-01T00:00:00.123Z", "user_key": format!("user-{number}"),
            "flag": "checkout", "variation": "on",
            "attributes": {"country": "DE", "plan": "pro", "tags": ["a", "b"]},
        })
    };
    let context = json!({"context": {"targetingKey": "user-1234", "country": "US", "plan": "pro"}});
    let events = |range: std::ops::Range<usize>| range.map(event).collect::<Vec<_>>();
    let escaped = vec!["she said \"[{\" and left\\"; 2000];
    [
        ("a context", context),
        ("an event", event(7)),
        ("a batch of 1,000 events", json!({"events": events(0..1000)})),
        ("numbers in 20,000 small lists", json!(vec![[1, 2]; 20_000])),
        ("2,000 texts with escaped quotes", json!({"all": [[escaped]]})),
    ]
}
