//! How long until an accepted event is in the results, at 10,000 events a second.
//!
//! Starts a whole platform from the release binary with an experiment that runs, sends exposures of new users and what
//! they do at a fixed rate, and reads the results all the time. A batch is visible when the results count as many
//! users as were acknowledged by then. The reference of the same run is how long reading the results takes.

#![allow(clippy::print_stdout, reason = "a bench prints its numbers")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use ff_e2e::{Api, Platform};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

const SHOP: &str = "/api/v1/orgs/demo/projects/shop";
const RESULTS: &str = "/v1/orgs/demo/projects/shop/experiments/freshness/results";
/// A batch every 20 ms, of this many users with an exposure and four deeds each: 10,000 events a second.
const USERS: usize = 40;
const EVERY: Duration = Duration::from_millis(20);
const SECONDS: u64 = 60;
/// After this the last batch should have been seen.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let platform = Platform::start()?;
    let api = platform.api().await?;
    start_experiment(&api).await?;
    let analytics = api.at(&platform.value("FF_ANALYTICS_URL")?);
    let ingest = platform.ingest()?;

    let acknowledged = Arc::new(Mutex::new(Vec::<(Instant, u64)>::new()));
    let sending = tokio::spawn({
        let acknowledged = Arc::clone(&acknowledged);
        async move {
            let mut tick = tokio::time::interval(EVERY);
            let mut batches = tokio::task::JoinSet::new();
            let end = Instant::now() + Duration::from_secs(SECONDS);
            while Instant::now() < end {
                tick.tick().await;
                let (ingest, acknowledged) = (ingest.clone(), Arc::clone(&acknowledged));
                batches.spawn(async move {
                    ingest.deliver(&batch()).await?;
                    let mut all = acknowledged.lock().await;
                    let before = all.last().map_or(0, |(_, users)| *users);
                    all.push((Instant::now(), before + USERS as u64));
                    anyhow::Ok(())
                });
            }
            while let Some(batch) = batches.join_next().await {
                batch??;
            }
            anyhow::Ok(())
        }
    });

    let (mut seen, mut reads) = (Vec::<(Instant, u64)>::new(), Vec::new());
    let deadline = Instant::now() + Duration::from_secs(SECONDS) + PATIENCE;
    loop {
        let began = Instant::now();
        let answer = analytics.get(RESULTS).await?;
        reads.push(began.elapsed());
        seen.push((Instant::now(), users(&answer.body)));
        let all = acknowledged.lock().await.last().map_or(0, |(_, users)| *users);
        if sending.is_finished() && seen.last().is_some_and(|(_, users)| *users >= all) {
            break;
        }
        ensure!(
            Instant::now() < deadline,
            "not everything that was acknowledged is in the results"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    sending.await??;

    let acknowledged = acknowledged.lock().await;
    let fresh: Vec<Duration> = acknowledged
        .iter()
        .map(|(at, users)| {
            let (visible, _) =
                seen.iter().find(|(_, counted)| counted >= users).context("unseen")?;
            Ok(visible.saturating_duration_since(*at))
        })
        .collect::<anyhow::Result<_>>()?;
    let events = acknowledged.len() * USERS * 5;
    println!("{events} events in {SECONDS} s");
    println!("{:<28} {:>8} {:>8} {:>8}", "case", "p50 ms", "p99 ms", "max ms");
    row("reading the results", reads);
    row("accepted to in the results", fresh);
    Ok(())
}

/// New users: each is exposed, and does four things.
fn batch() -> Value {
    let at = jiff::Timestamp::now().to_string();
    let events: Vec<Value> = (0..USERS)
        .flat_map(|number| {
            let user = Uuid::new_v4().to_string();
            let arm = if number.is_multiple_of(2) { "on" } else { "off" };
            let exposure = json!({
                "type": "exposure", "id": Uuid::new_v4(), "at": at, "user_key": user, "flag": "freshness",
                "variation": arm, "rule": "freshness:1", "experiment": "freshness",
            });
            let deeds = (0..4).map(|_| {
                json!({"type": "metric", "id": Uuid::new_v4(), "at": at, "user_key": user, "metric": "click"})
            });
            std::iter::once(exposure).chain(deeds.collect::<Vec<_>>())
        })
        .collect();
    json!({"events": events})
}

async fn start_experiment(api: &Api) -> anyhow::Result<()> {
    let flag = json!({
        "key": "freshness", "name": "Freshness", "type": "boolean",
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
        "initial": {"off_variation": "off", "default_variation": "on"},
    });
    let metric = json!({"key": "clicks", "name": "Clicks", "definition": {
        "kind": {"type": "count", "event": "click"}, "better": "higher"}});
    let experiment = json!({
        "key": "freshness", "name": "Freshness", "environment": "production", "flag": "freshness",
        "design": {"metrics": {"primary": ["clicks"]}},
    });
    for (path, body) in [
        ("flags", Some(flag)),
        ("flags/freshness/environments/production/on", None),
        ("metrics", Some(metric)),
        ("experiments", Some(experiment)),
        ("experiments/freshness/start", None),
    ] {
        let answer = api.post(&format!("{SHOP}/{path}"), body).await?;
        ensure!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
    }
    Ok(())
}

/// How many users results are of.
fn users(results: &Value) -> u64 {
    let arms = results["arms"].as_array().into_iter().flatten();
    arms.filter_map(|arm| arm["users"].as_u64()).sum()
}

fn row(case: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "an index into a short list"
        )]
        let index = ((times.len() - 1) as f64 * share).round() as usize;
        times[index].as_secs_f64() * 1e3
    };
    println!("{case:<28} {:>8.1} {:>8.1} {:>8.1}", at(0.5), at(0.99), at(1.0));
}
