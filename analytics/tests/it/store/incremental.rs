//! Refreshing in whatever portions comes to the same as computing everything from raw events.

use ff_analytics::figures::Figures;
use ff_analytics::plan::Cap;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use uuid::Uuid;

use super::events::{self, Event};
use super::oracle;
use super::server::Server;

/// Writes what comes next, in the order of positions.
async fn write(server: &Server, environment: Uuid, events: &[Event], from: u64, to: u64) {
    let mut portion: Vec<_> = events
        .iter()
        .filter(|event| event.position > from && event.position <= to)
        .cloned()
        .collect();
    portion.shuffle(&mut StdRng::seed_from_u64(to));
    server.write(environment, &portion, to).await;
}

/// The snapshots say what raw events say, to the last bit.
async fn assert_same(server: &Server, plan: &ff_analytics::plan::ExperimentPlan) -> Figures {
    let latest = server.store.latest(plan).await.unwrap().expect("it was refreshed");
    let raw = server.store.from_raw(plan, latest.telemetry_position).await.unwrap();
    assert_eq!(latest, raw);
    let json = serde_json::to_string(&latest).unwrap();
    assert_eq!(json, serde_json::to_string(&raw).unwrap());
    latest
}

#[tokio::test]
async fn portions_do_not_matter() {
    let server = Server::start().await;
    for seed in 0..3_u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        let environment = Uuid::from_u128(u128::from(seed) * 1000);
        let events = events::random(seed + 50, 120, 40, 400);
        let mut plan = events::plan(environment);
        if seed == 2 {
            plan.iterations[1].ended_at = Some(events::minute(300));
        }
        let offset = server.store.written().await.unwrap().position;
        let events: Vec<_> = events
            .into_iter()
            .map(|event| Event { position: event.position + offset, ..event })
            .collect();
        let (mut at, mut checked) = (offset, 0);
        while at < offset + 40 {
            let to = (at + rng.random_range(1..12)).min(offset + 40);
            write(&server, environment, &events, at, to).await;
            let report = server.store.refresh(&plan).await.unwrap();
            assert_eq!((report.to, report.behind), (to, 0));
            if rng.random_bool(0.3) || to == offset + 40 {
                assert_same(&server, &plan).await;
                checked += 1;
            }
            at = to;
        }
        assert!(checked > 0);
        let latest = server.store.latest(&plan).await.unwrap().unwrap();
        oracle::assert_same(&latest, &oracle::figures(&plan, &events, at));
        // Nothing new: nothing to do, and nothing changes.
        let again = server.store.refresh(&plan).await.unwrap();
        assert_eq!((again.from, again.to, again.affected_users), (at, at, 0));
        assert_eq!(server.store.latest(&plan).await.unwrap().unwrap(), latest);
        // Merging parts must not lose or double anything.
        for table in [
            "events_exposure",
            "events_metric",
            "experiment_users",
            "experiment_values",
            "experiments_snapshot",
        ] {
            server.run(&format!("OPTIMIZE TABLE {table} FINAL")).await;
        }
        assert_eq!(server.store.latest(&plan).await.unwrap().unwrap(), latest);
        let middle = offset + 20;
        let past = server.store.as_of(&plan, middle).await.unwrap();
        assert_eq!(past, server.store.from_raw(&plan, middle).await.unwrap());
        oracle::assert_same(&past, &oracle::figures(&plan, &events, middle));
    }
}

#[tokio::test]
async fn two_at_once_and_one_that_was_interrupted_change_nothing() {
    let server = Server::start().await;
    let environment = Uuid::from_u128(1);
    let events = events::random(77, 150, 12, 300);
    let plan = events::plan(environment);
    for at in 0..12 {
        write(&server, environment, &events, at, at + 1).await;
        let store = &server.store;
        let (one, two) = tokio::join!(store.refresh(&plan), store.refresh(&plan));
        one.unwrap();
        two.unwrap();
        // One that got as far as the tables of users and no further leaves its position behind.
        if at % 4 == 1 {
            server
                .run(&format!(
                    "ALTER TABLE experiments_snapshot DELETE WHERE step = toDateTime64(0, 3, 'UTC') AND position > {} \
                     SETTINGS mutations_sync = 2",
                    at - 1
                ))
                .await;
        }
    }
    server.store.refresh(&plan).await.unwrap();
    let latest = assert_same(&server, &plan).await;
    oracle::assert_same(&latest, &oracle::figures(&plan, &events, 12));
}

#[tokio::test]
async fn what_is_redefined_is_computed_anew_and_the_past_is_filled_in() {
    let server = Server::start().await;
    let environment = Uuid::from_u128(1);
    let events = events::random(99, 120, 20, 480);
    let mut plan = events::plan(environment);
    plan.metrics.truncate(4);
    write(&server, environment, &events, 0, 14).await;
    server.store.refresh(&plan).await.unwrap();
    assert_same(&server, &plan).await;

    let metric = &mut plan.metrics[2].metric;
    metric.version = 2;
    metric.cap = Some(Cap::Value { value: 3.0 });
    assert!(server.store.latest(&plan).await.unwrap().is_none(), "these are not its numbers");
    write(&server, environment, &events, 14, 20).await;
    let mut rounds = 0;
    while server.store.refresh(&plan).await.unwrap().behind > 0 {
        let latest = server.store.latest(&plan).await.unwrap().unwrap();
        assert_eq!(latest.telemetry_position, 20, "the newest state does not wait for the past");
        rounds += 1;
        assert!(rounds < 10);
    }
    assert!(rounds > 0, "more steps than one refresh computes");
    let latest = assert_same(&server, &plan).await;
    oracle::assert_same(&latest, &oracle::figures(&plan, &events, 20));

    // Other breakdowns are other users' rows.
    plan.analysis.breakdowns = vec!["device".to_owned()];
    assert!(server.store.latest(&plan).await.unwrap().is_none());
    server.store.refresh(&plan).await.unwrap();
    let latest = assert_same(&server, &plan).await;
    oracle::assert_same(&latest, &oracle::figures(&plan, &events, 20));
}

#[tokio::test]
async fn steps_that_nobody_watched_come_out_as_if_someone_had() {
    let server = Server::start().await;
    let (watched, slept) = (Uuid::from_u128(1000), Uuid::from_u128(2000));
    let events = events::random(123, 100, 15, 420);
    for at in 0..15 {
        for environment in [watched, slept] {
            write(&server, environment, &events, at, at + 1).await;
        }
        server.store.refresh(&events::plan(watched)).await.unwrap();
    }
    server.store.refresh(&events::plan(slept)).await.unwrap();
    let watched = server.store.latest(&events::plan(watched)).await.unwrap().unwrap();
    let slept = server.store.latest(&events::plan(slept)).await.unwrap().unwrap();
    assert!(watched.points.len() > 5);
    assert_eq!(watched, slept);
}
