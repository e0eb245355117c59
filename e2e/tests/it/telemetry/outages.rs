//! Servers that are gone for a while, and processes that are killed under load.
//!
//! `FF_E2E_FULL=1` takes the sizes of production: ClickHouse is down for two minutes at 10,000 events a second. It
//! wants release binaries (`FF_BIN=$PWD/target/release/ff`).

use std::time::{Duration, Instant};

use ff_e2e::{Platform, metric_events};
use rand::seq::IndexedRandom as _;

use super::load::{Load, Refusal, stored};
use crate::PATIENCE;

/// How long ClickHouse is down, and how many events come in a second.
fn size() -> (Duration, usize) {
    if std::env::var_os("FF_E2E_FULL").is_some() {
        (Duration::from_secs(120), 10_000)
    } else {
        (Duration::from_secs(8), 1_000)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stdout, reason = "what it took is for eyes: no time is asserted")]
async fn clickhouse_may_be_down_under_load_and_nothing_is_lost_or_doubled() {
    let (down, per_second) = size();
    let mut server = ff_testkit::chdb::server().await;
    let platform = Platform::start_with(&[("FF_CLICKHOUSE_URL", &server.url)]).unwrap();
    let (ingest, clickhouse) = (platform.ingest().unwrap(), platform.clickhouse());

    let load = Load::start(&ingest, "outage", 8, per_second, Refusal::Note);
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let killed = Instant::now();
    server.kill().await;
    tokio::time::sleep(down).await;
    let (body, _) = metric_events("while-down", 1);
    assert_eq!(ingest.send(&body).await.unwrap().status, 202, "ingest does not need ClickHouse");
    assert!(clickhouse.number("SELECT 1").await.is_err(), "it was down all the time");
    let back = Instant::now();
    server.start().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let told = load.stop().await;

    assert!(
        told.refused.is_empty(),
        "{} batches, the first: {}",
        told.refused.len(),
        told.refused[0]
    );
    let ended = Instant::now();
    stored(&clickhouse, "outage", &told.acknowledged).await;
    let ((rate, before), (rate_down, while_down)) =
        (told.pace(began, killed), told.pace(killed, back));
    println!(
        "before: {rate:.0} events/s, p99 {before:?}; without ClickHouse: {rate_down:.0} events/s, p99 {while_down:?}"
    );
    println!(
        "{} events, all stored {:?} after the last of them",
        told.acknowledged.len(),
        ended.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_nothing_is_acknowledged_and_the_caller_is_told_when_to_come_again() {
    let mut nats = ff_testkit::nats::dedicated(ff_testkit::nats::DedicatedOptions::default()).await;
    let platform = Platform::start_with(&[("FF_NATS_URL", &nats.url)]).unwrap();
    let (ingest, clickhouse) = (platform.ingest().unwrap(), platform.clickhouse());

    let load = Load::start(&ingest, "no-nats", 4, 1_000, Refusal::Repeat);
    tokio::time::sleep(Duration::from_secs(1)).await;
    nats.kill().await;
    for _ in 0..20 {
        let (body, _) = metric_events("never", 3);
        let receipt = ingest.send(&body).await.unwrap();
        assert_eq!(receipt.status, 503, "{}", receipt.body);
        assert!(receipt.retry_after.is_some_and(|seconds| seconds >= 1), "{receipt:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    nats.start().await;
    ff_testkit::eventually(PATIENCE, || async {
        let (body, _) = metric_events("again", 1);
        ingest.send(&body).await.is_ok_and(|receipt| receipt.status == 202)
    })
    .await;
    let told = load.stop().await;
    assert!(told.refused.is_empty(), "{:?}", told.refused);
    stored(&clickhouse, "no-nats", &told.acknowledged).await;
    assert!(clickhouse.ids_of("never").await.unwrap().is_empty(), "what was refused was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_is_what_is_stored_whatever_is_killed() {
    let platform = Platform::start().unwrap();
    let (ingest, clickhouse) = (platform.ingest().unwrap(), platform.clickhouse());
    let load = Load::start(&ingest, "killed", 6, 1_500, Refusal::Repeat);
    for victim in ["ingest", "writer", "clickhouse", "ingest", "nats", "writer", "ingest", "writer"]
    {
        let pause = *[150_u64, 400, 700, 1_100].choose(&mut rand::rng()).unwrap();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        // It may still be on its way back from the last time.
        ff_testkit::eventually(PATIENCE, || async {
            platform.kill(victim).map_err(|error| format!("{error:#}"))
        })
        .await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let told = load.stop().await;
    assert!(told.refused.is_empty(), "{:?}", told.refused);
    stored(&clickhouse, "killed", &told.acknowledged).await;
}
