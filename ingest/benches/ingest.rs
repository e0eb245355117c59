//! Ingest with a NATS server that syncs every message to disk, against a bare axum handler that parses the same JSON
//! and answers 202: everything on this machine, in the same run.
//!
//! Ingest, the handler and the sender are processes of their own, and share the cores with the NATS server. The sender
//! writes whole requests over connections that stay open; what it costs is in the numbers, of both alike.

#![allow(clippy::print_stdout, reason = "a bench prints its result")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run must say where it stopped")]

#[path = "ingest/bare.rs"]
mod bare;
#[path = "ingest/config.rs"]
mod config;
#[path = "ingest/load.rs"]
mod load;
#[path = "ingest/process.rs"]
mod process;

use std::time::Duration;

use ff_stack::nats::Sync;
use ff_testkit::nats::{DedicatedOptions, dedicated};
use load::{Load, Result};
use process::Server;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Events in a request.
const EVENTS: u32 = 100;
/// How long each of the rounds of one measurement takes.
const ROUND: Duration = Duration::from_secs(5);
/// Reference and ingest take turns, so that what else the machine does meets both.
const ROUNDS: usize = 3;
/// Requests under way at one time when the most is asked for.
const CONNECTIONS: u32 = 64;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |index: usize| arguments.get(index).map(String::as_str);
    let workers = if argument(1) == Some("load") { 1 } else { 2 };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap();
    match (argument(1), argument(2)) {
        (Some("bare"), _) => runtime.block_on(bare::serve()),
        (Some("ingest"), Some(nats)) => runtime.block_on(process::serve_ingest(nats)),
        (Some("load"), Some(load)) => {
            let load: Load = serde_json::from_str(load).unwrap();
            let result = runtime.block_on(load::run(load));
            println!("{}", serde_json::to_string(&result).unwrap());
        }
        _ => runtime.block_on(measure()),
    }
}

async fn measure() {
    let nats = dedicated(DedicatedOptions { sync: Sync::Always }).await;
    let key = config::publish(nats.client().await).await;
    let bare = Server::start(&["bare"]);
    let ingest = Server::start(&["ingest", &nats.url]);
    config::until_served(ingest.address, &key).await;

    let most = |server: &Server, seconds| Load {
        address: server.address,
        key: key.clone(),
        events: EVENTS,
        connections: CONNECTIONS,
        requests_per_second: None,
        seconds,
    };
    for server in [&bare, &ingest] {
        load::in_process(&most(server, 1.0));
    }
    let (mut mine, mut bares) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bares.push(load::in_process(&most(&bare, ROUND.as_secs_f64())));
        mine.push(load::in_process(&most(&ingest, ROUND.as_secs_f64())));
    }
    let (mine, bare_result) = (median(mine), median(bares));
    println!("{EVENTS} events a request, {CONNECTIONS} connections, as fast as it goes");
    println!("{:<24}{:>12}{:>12}{:>12}", "", "events/s", "p50", "p99");
    for (name, result) in [("bare axum, parses", &bare_result), ("ingest, synced", &mine)] {
        line(name, result);
    }
    println!("ratio {:.2}   (wanted: 50,000 events/s)", mine.events / bare_result.events);

    println!("\n10,000 events/s, measured from when they were due");
    for (name, server) in [("bare axum, parses", &bare), ("ingest, synced", &ingest)] {
        let rate = Some(10_000 / EVENTS);
        let steady = most(server, 2.0 * ROUND.as_secs_f64());
        line(name, &load::in_process(&Load { requests_per_second: rate, ..steady }));
    }
    println!("(wanted: p99 of 50 ms at most)");
    println!("memory: {:.1} MiB resident (wanted: 150 at most)", ingest.resident_mib());
    println!("messages: {:.0} events each", ingest.events_a_message().await);
}

fn line(name: &str, result: &Result) {
    let milliseconds =
        |micros: u64| format!("{:.1} ms", Duration::from_micros(micros).as_secs_f64() * 1e3);
    println!(
        "{name:<24}{:>12.0}{:>12}{:>12}",
        result.events,
        milliseconds(result.p50_micros),
        milliseconds(result.p99_micros)
    );
}

fn median(mut results: Vec<Result>) -> Result {
    results.sort_by(|a, b| a.events.total_cmp(&b.events));
    results.swap_remove(results.len() / 2)
}
