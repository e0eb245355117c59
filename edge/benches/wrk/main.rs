//! The edge against a bare axum handler that returns a fixed 100-byte JSON, in the same run.
//!
//! The server is a process of its own on core 0; `wrk` with 64 connections is on core 1. Needs `wrk` and `taskset`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a bench prints its result")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run must say where it stopped")]

mod bare;
mod config;
mod load;
mod process;

use std::net::SocketAddr;
use std::process::{Command, ExitCode};
use std::time::Duration;

use config::Published;
use process::{Server, Wrk};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long each of the rounds of one measurement takes.
const ROUND: Duration = Duration::from_secs(3);
/// Reference and edge take turns, so that what else the machine does meets both.
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |index: usize| arguments.get(index).map(String::as_str);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    match (argument(1), argument(2), argument(3)) {
        (Some("bare"), _, _) => runtime.block_on(bare::serve()),
        (Some("edge"), Some(nats), Some(directory)) => {
            runtime.block_on(process::serve_edge(nats, directory));
        }
        (Some("load"), Some(address), Some(key)) => {
            load::run(address.parse().unwrap(), key);
        }
        _ => return runtime.block_on(measure()),
    }
    ExitCode::SUCCESS
}

/// What is measured: its name, the least ratio to the reference, and the request.
struct Case<'c> {
    name: &'static str,
    target: f64,
    wrk: Wrk<'c>,
}

async fn measure() -> ExitCode {
    for tool in ["wrk", "taskset"] {
        if Command::new(tool).arg("--version").output().is_err() {
            eprintln!(
                "`{tool}` is needed and was not found; on Debian: apt-get install wrk util-linux"
            );
            return ExitCode::FAILURE;
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let nats = ff_testkit::nats::server().await;
    let Published { large, small } = config::publish(nats.client().await).await;
    let bare = Server::start(&["bare"]);
    let edge = Server::start(&["edge", &nats.url, directory.path().to_str().unwrap()]);
    config::until_served(edge.address, [&large, &small]).await;

    let context = r#"{"context":{"targetingKey":"user-1234","country":"US","plan":"pro"}}"#;
    let one = "/ofrep/v1/evaluate/flags/flag-500";
    let bulk = "/ofrep/v1/evaluate/flags";
    let ask = |path, key, body, header| Wrk { path, key, body, header };
    let gzip = Some(("Accept-Encoding", "gzip"));
    let current = Some(("If-None-Match", "\"1\""));
    let case = |name, target, wrk| Case { name, target, wrk };
    let cases = [
        case("OFREP, one flag of 1,000", 0.6, ask(one, &large, Some(context), None)),
        case("OFREP, 100 flags at once", 0.15, ask(bulk, &small, Some(context), None)),
        // As SDKs ask for it, and as one without gzip does: some 30 KB for each request.
        case("config of 100 flags, gzip", 0.6, ask("/v1/config", &small, None, gzip)),
        case("config of 100 flags, plain", 0.6, ask("/v1/config", &small, None, None)),
        case("config not modified", 0.8, ask("/v1/config", &large, None, current)),
    ];
    let reference = ask("/", "", None, None);
    for server in [&bare, &edge] {
        let warm = if server.address == bare.address { &reference } else { &cases[0].wrk };
        server.measure(warm, Duration::from_secs(1), directory.path());
    }
    println!("{:<28}{:>12}{:>12}{:>12}{:>10}", "", "requests/s", "bare axum", "CPU ratio", "ratio");
    for case in &cases {
        let (mut mine, mut bares) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bares.push(bare.measure(&reference, ROUND, directory.path()));
            mine.push(edge.measure(&case.wrk, ROUND, directory.path()));
        }
        let median = |rounds: &mut Vec<process::Measured>, of: fn(&process::Measured) -> f64| {
            rounds.sort_by(|a, b| of(a).total_cmp(&of(b)));
            of(&rounds[ROUNDS / 2])
        };
        let (rate, bare_rate) = (median(&mut mine, |m| m.rate), median(&mut bares, |m| m.rate));
        let (cpu, bare_cpu) = (median(&mut mine, |m| m.cpu), median(&mut bares, |m| m.cpu));
        let ratio = rate / bare_rate;
        println!(
            "{:<28}{rate:>12.0}{bare_rate:>12.0}{:>12.2}{ratio:>10.2}   (wanted: {})",
            case.name,
            bare_cpu / cpu,
            case.target
        );
    }
    println!("memory: {:.1} MiB resident (wanted: 40 at most)", edge.resident_mib());
    drop(bare);
    load(edge.address, &large)
}

/// Latency at a fixed rate, from a process on the core that the server does not have.
fn load(address: SocketAddr, key: &str) -> ExitCode {
    let status = Command::new("taskset")
        .args(["-c", "1"])
        .arg(std::env::current_exe().unwrap())
        .args(["load", &address.to_string(), key])
        .status();
    if status.unwrap().success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
