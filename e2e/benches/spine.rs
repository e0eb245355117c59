//! How long a command takes, and how long until an edge serves what it changed.
//!
//! Starts a whole platform from the release binary and sends commands at a fixed rate, whatever the answers take.
//! An open stream of the edge tells when each position has arrived there. The reference of the same run is a bare
//! read (`GET /healthz`) at the same rate, so that the machine's own noise can be told.

#![allow(clippy::print_stdout, reason = "a bench prints its numbers")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use ff_e2e::{Api, Platform};
use futures::StreamExt as _;
use serde_json::json;
use tokio::sync::Mutex;

const SHOP: &str = "/api/v1/orgs/demo/projects/shop";
const FLAGS: usize = 50;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let platform = Platform::start()?;
    let api = platform.api().await?;
    for flag in 0..FLAGS {
        make_flag(&api, flag).await?;
    }
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let (edge, key) = (platform.value("FF_EDGE_URL")?, platform.value("FF_DEMO_SERVER_KEY")?);
    tokio::spawn(follow(edge, key, Arc::clone(&arrivals)));
    tokio::time::sleep(Duration::from_millis(500)).await;

    println!(
        "{:<28} {:>8} {:>8} {:>8} {:>8} {:>9}",
        "case", "p50 ms", "p95 ms", "p99 ms", "max ms", "p95 ratio"
    );
    for rate in [50, 200] {
        let reference = at_rate(rate, 10, |_| {
            let api = api.clone();
            async move { api.get("/healthz").await.map(|_| None) }
        })
        .await?;
        let commands = at_rate(rate, 20, |number| {
            let api = api.clone();
            async move { toggle(&api, number).await.map(Some) }
        })
        .await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let arrivals = arrivals.lock().await.clone();
        let visible: Vec<Duration> = commands
            .iter()
            .filter_map(|sample| {
                let position = sample.position?;
                let (_, at) = arrivals.iter().find(|(arrived, _)| *arrived >= position)?;
                Some(at.saturating_duration_since(sample.answered))
            })
            .collect();
        ensure!(
            visible.len() == commands.len(),
            "{} of {} arrived at the edge",
            visible.len(),
            commands.len()
        );
        let base = quantile(&latencies(&reference), 0.95);
        row(&format!("GET /healthz, {rate}/s"), &latencies(&reference), base);
        row(&format!("command, {rate}/s"), &latencies(&commands), base);
        row(&format!("answer to edge, {rate}/s"), &visible, base);
    }
    Ok(())
}

struct Sample {
    took: Duration,
    answered: Instant,
    position: Option<u64>,
}

/// Starts `rate` calls a second for `seconds`, each when it is due. A call that starts late counts as waiting.
async fn at_rate<F>(
    rate: u32,
    seconds: u32,
    call: impl Fn(usize) -> F,
) -> anyhow::Result<Vec<Sample>>
where
    F: Future<Output = anyhow::Result<Option<u64>>> + Send + 'static,
{
    let start = Instant::now();
    let mut calls = Vec::new();
    for number in 0..(rate * seconds) as usize {
        let due = start + Duration::from_secs_f64(number as f64 / f64::from(rate));
        tokio::time::sleep_until(due.into()).await;
        let work = call(number);
        calls.push(tokio::spawn(async move {
            let position = work.await?;
            let answered = Instant::now();
            anyhow::Ok(Sample { took: answered - due, answered, position })
        }));
    }
    let mut samples = Vec::with_capacity(calls.len());
    for call in calls {
        samples.push(call.await??);
    }
    Ok(samples)
}

async fn make_flag(api: &Api, number: usize) -> anyhow::Result<()> {
    let flag = json!({
        "key": format!("bench-{number}"), "name": "bench", "type": "boolean",
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
        "initial": {"off_variation": "off", "default_variation": "on"},
    });
    let made = api.post(&format!("{SHOP}/flags"), Some(flag)).await?;
    ensure!(made.status == 201, "{}", made.body);
    Ok(())
}

/// Turns a flag on or off, always the other way than before, so that each call is a commit.
async fn toggle(api: &Api, number: usize) -> anyhow::Result<u64> {
    let verb = if (number / FLAGS).is_multiple_of(2) { "on" } else { "off" };
    let path = format!("{SHOP}/flags/bench-{}/environments/production/{verb}", number % FLAGS);
    let answer = api.post(&path, None).await?;
    ensure!(answer.status == 200, "{}: {}", answer.status, answer.body);
    Ok(answer.position.context("a command answers with a position")?.parse()?)
}

/// Notes when each position arrives at the edge.
async fn follow(
    edge: String,
    key: String,
    arrivals: Arc<Mutex<Vec<(u64, Instant)>>>,
) -> anyhow::Result<()> {
    let response =
        reqwest::Client::new().get(format!("{edge}/v1/stream")).bearer_auth(key).send().await?;
    let mut body = response.bytes_stream();
    let mut text = String::new();
    while let Some(chunk) = body.next().await {
        let now = Instant::now();
        text.push_str(&String::from_utf8_lossy(&chunk?));
        while let Some(end) = text.find('\n') {
            let line: String = text.drain(..=end).collect();
            if let Some(id) = line.trim().strip_prefix("id:") {
                arrivals.lock().await.push((id.trim().parse()?, now));
            }
        }
    }
    Ok(())
}

fn latencies(samples: &[Sample]) -> Vec<Duration> {
    samples.iter().map(|sample| sample.took).collect()
}

fn quantile(durations: &[Duration], q: f64) -> f64 {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a short list"
    )]
    let index = ((sorted.len() - 1) as f64 * q).round() as usize;
    sorted[index].as_secs_f64() * 1000.0
}

fn row(case: &str, durations: &[Duration], base: f64) {
    let [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1.0].map(|q| quantile(durations, q));
    println!("{case:<28} {p50:>8.2} {p95:>8.2} {p99:>8.2} {max:>8.2} {:>9.1}", p95 / base);
}
