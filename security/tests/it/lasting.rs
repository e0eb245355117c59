//! What stays, and the two things that go: rows that are too old, and the addresses of somebody erased.

use std::net::IpAddr;

use ff_security::{Actor, Kind, Record, Subject, WriterOptions};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::world::{World, migrate, options, record, until_written, write_with};

const ANN: Uuid = Uuid::from_u128(1);
const BOB: Uuid = Uuid::from_u128(2);
const KEY: Uuid = Uuid::from_u128(3);

fn from(record: Record) -> Record {
    record.address("192.0.2.1".parse::<IpAddr>().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_not_changed_and_not_removed() {
    let world = World::new().await;
    let _writing = world.write().await;
    world.recorder().await.record(from(record(0, Kind::SignIn).actor(Actor::user(ANN))));
    world.until_written(1).await;
    for statement in [
        "UPDATE security.log SET outcome = 'refused'",
        "UPDATE security.log SET address = '192.0.2.2'",
        "UPDATE security.log SET address = NULL, actor_id = NULL, actor_kind = NULL",
        "DELETE FROM security.log",
        "TRUNCATE security.log",
    ] {
        let error = sqlx::query(statement).execute(&world.pool).await.unwrap_err();
        let error = error.as_database_error().unwrap();
        assert!(error.message().contains("are not changed or removed"), "{statement}: {error}");
    }
    assert!(world.ours().await[0].address.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_has_no_address_left() {
    let world = World::new().await;
    let writing = world.write().await;
    let recorder = world.recorder().await;
    let theirs = [
        record(0, Kind::SignOut).actor(Actor::user(ANN)),
        record(1, Kind::SignIn).subject(Subject::user(ANN)),
        record(2, Kind::AccountLocked).actor(Actor::system()).subject(Subject::user(ANN)),
        record(3, Kind::KeyUsed).subject(Subject::key(KEY)),
        record(4, Kind::RoleGiven).actor(Actor::api_key(KEY)),
    ];
    let of_others = [
        record(5, Kind::PersonDisabled).actor(Actor::user(BOB)).subject(Subject::user(ANN)),
        record(6, Kind::SignIn).subject(Subject::user(BOB)),
    ];
    for record in theirs.iter().chain(&of_others) {
        recorder.record(from(record.clone()));
    }
    world.until_written(7).await;
    assert_eq!(world.log.erase(ANN, &[KEY]).await.unwrap(), 5);
    assert_eq!(world.log.erase(ANN, &[KEY]).await.unwrap(), 0);
    for entry in world.ours().await {
        let is_of_others = of_others.iter().any(|record| record.id == entry.id);
        assert_eq!(entry.address.is_some(), is_of_others, "{entry:?}");
        assert!(entry.actor.is_some() || entry.subject.is_some());
    }

    // What was on its way when they were erased.
    writing.stop().await;
    recorder.record(from(record(7, Kind::SignOut).actor(Actor::user(ANN))));
    recorder.record(from(record(8, Kind::SignOut).actor(Actor::user(BOB))));
    recorder.close().await;
    let _writing = world.write().await;
    let entries = world.until_written(9).await;
    assert_eq!((entries[0].address.is_some(), entries[1].address), (true, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_goes() {
    let world = World::new().await;
    let writing = world.write().await;
    let recorder = world.recorder().await;
    let now = Timestamp::now();
    let ago = |hours| now - SignedDuration::from_hours(hours);
    // More than are removed at once.
    for _ in 0..6000 {
        recorder.record(Record { at: ago(49), ..record(0, Kind::SignOut) });
    }
    recorder.record(Record { at: ago(47), ..record(0, Kind::SignOut) });
    until_written(&world.pool, 6001).await;
    for (key, hours) in [(ANN, 49), (BOB, 47)] {
        let insert = "INSERT INTO security.key_use VALUES ($1, 'edge', NULL, now(), now() - make_interval(hours => $2), 1)";
        sqlx::query(insert).bind(key).bind(hours).execute(&world.pool).await.unwrap();
    }
    writing.stop().await;

    let retention = SignedDuration::from_hours(48);
    let options = WriterOptions { stream: options().stream, retention };
    let _writing = write_with(&world.nats.url, &world.pool, options).await;
    until_written(&world.pool, 1).await;
    let used = world.log.last_used(&[ANN, BOB]).await.unwrap();
    assert_eq!(used.keys().collect::<Vec<_>>(), [&BOB]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_goes_up_down_and_up_again() {
    let world = World::new().await;
    let down = include_str!("../../../migrations/postgres/0007_security.down.sql");
    sqlx::raw_sql(down).execute(&world.pool).await.unwrap();
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'security'";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&world.pool).await.unwrap();
    assert_eq!(left, 0);
    migrate(&world.pool).await;
    assert!(world.ours().await.is_empty());
}
