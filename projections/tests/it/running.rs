//! Following the log: each commit counts once, whoever is killed and whoever takes over.

use std::time::Duration;

use ff_eventlog::Position;
use ff_projections::{ProjectionName, QueryError, replay};
use ff_testkit::eventually;

use crate::world::{SOON, World, flag_id, new_flag, renamed};

#[tokio::test]
async fn killed_at_any_moment_it_applies_every_commit_once() {
    let mut world = World::new().await;
    world.found().await;
    for flag in 0..10 {
        world.create_flag(new_flag(&format!("flag-{flag}"))).await;
    }
    for round in 0..120 {
        for flag in 0..10 {
            world.change_flag(&format!("flag-{flag}"), renamed(format!("name {round}"))).await;
        }
    }
    // Each gets a little further than the one before, at moments that fall anywhere in a batch.
    for life in 0..25 {
        let running = world.project();
        tokio::time::sleep(Duration::from_millis(3 * life)).await;
        running.kill().await;
    }
    let running = world.project();
    world.caught_up().await;
    running.stop().await;

    assert_eq!(world.count("read_audit_1.log").await, 5 + 10 + 1200);
    assert_eq!(world.count("read_archive_1.events").await, 5 + 10 + 1200);
    let holes = "(SELECT sequence, row_number() OVER (PARTITION BY aggregate_id ORDER BY sequence) \
                 AS expected FROM read_archive_1.events) e WHERE sequence <> expected";
    assert_eq!(world.count(holes).await, 0);
    for name in ProjectionName::ALL {
        replay(&world.log, world.pool(), name, |_| {}).await.unwrap();
        assert_eq!(world.dump(name, 1).await, world.dump(name, 2).await, "{name}");
    }
}

#[tokio::test]
async fn of_two_one_works_and_the_other_takes_over() {
    let mut world = World::new().await;
    world.found().await;
    let first = world.project();
    world.caught_up().await;
    let second = world.project();
    world.create_flag(new_flag("a")).await;
    world.caught_up().await;
    // Each projection has one that works; the other three only ask for the lock.
    let working = "pg_locks WHERE locktype = 'advisory' AND granted \
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert_eq!(world.count(working).await, 3);

    first.kill().await;
    world.change_flag("a", renamed("after the first")).await;
    world.caught_up().await;
    let third = world.project();
    second.stop().await;
    world.change_flag("a", renamed("after the second")).await;
    world.caught_up().await;
    third.stop().await;

    let flag = world.queries.flag(flag_id("a")).await.unwrap().unwrap();
    assert_eq!((flag.state.name.as_str(), flag.version), ("after the second", 3));
    assert_eq!(world.count("read_audit_1.log").await, 5 + 3);
}

#[tokio::test]
async fn it_outlives_an_outage_of_postgres() {
    let mut postgres = ff_testkit::postgres::dedicated().await;
    let mut world = World::new().await;
    world.database.pool = postgres.pool.clone();
    world.queries = ff_projections::Queries::new(postgres.pool.clone());
    ff_projections::migrate::migrate_up(&postgres.pool).await.unwrap();
    world.found().await;
    let running = world.project();
    world.caught_up().await;

    postgres.kill().await;
    world.create_flag(new_flag("meanwhile")).await;
    postgres.start().await;
    world.caught_up().await;
    running.stop().await;
    assert_eq!(world.count("read_audit_1.log").await, 5 + 1);
}

#[tokio::test]
async fn a_reader_sees_its_own_writes() {
    let mut world = World::new().await;
    let nothing = world.queries.wait_for(Position::ZERO, SOON).await;
    assert!(matches!(nothing, Err(QueryError::NotBuilt { .. })));
    let running = world.project();
    eventually(SOON, || world.queries.wait_for(Position::ZERO, SOON)).await;

    world.found().await;
    for flag in 0..20 {
        let position = world.create_flag(new_flag(&format!("flag-{flag}"))).await;
        world.queries.wait_for(position, SOON).await.unwrap();
        let flag = world.queries.flag(flag_id(&format!("flag-{flag}"))).await.unwrap().unwrap();
        assert_eq!(flag.position, position);
    }
    running.stop().await;

    let behind = world.create_flag(new_flag("late")).await;
    match world.queries.wait_for(behind, Duration::from_millis(30)).await {
        Err(QueryError::Behind { wanted, found, .. }) => {
            assert!(wanted == behind && found < behind);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn who_waits_is_woken() {
    let mut world = World::new().await;
    world.found().await;
    let position = world.create_flag(new_flag("a")).await;
    let queries = world.queries.clone();
    let running = world.project();
    eventually(SOON, || queries.wait_for(Position::ZERO, SOON)).await;
    let waiting = tokio::spawn({
        let queries = queries.clone();
        async move { queries.wait_for(position, SOON).await }
    });
    waiting.await.unwrap().unwrap();
    running.stop().await;
}
