//! Servers that are away, messages that come twice, and messages that nobody can read.

use async_nats::jetstream;
use ff_security::{Entry, Filter, Kind, Log, Recorder, Scope, WriterOptions};
use ff_testkit::eventually;
use ff_testkit::nats::{DedicatedOptions, dedicated};
use serde_json::json;
use uuid::Uuid;

use crate::world::{SOON, US, World, at, migrate, options, record, until_written, write};

#[tokio::test(flavor = "multi_thread")]
async fn records_wait_while_nats_is_away() {
    let pool = ff_testkit::postgres::database().await.pool;
    migrate(&pool).await;
    let mut nats = dedicated(DedicatedOptions::default()).await;
    let client = ff_security::connect(&nats.url).await.unwrap();
    let recorder = Recorder::start(client, options());
    let _writing = write(&nats.url, &pool).await;
    recorder.record(record(0, Kind::SignOut));
    until_written(&pool, 1).await;

    nats.kill().await;
    for second in 1..=300 {
        recorder.record(record(second, Kind::SignOut));
    }
    eventually(SOON, || async { !recorder.status().working }).await;
    assert_eq!(recorder.status().waiting, 300);
    nats.start().await;
    until_written(&pool, 301).await;
    eventually(SOON, || async { recorder.status().working }).await;
    assert_eq!((recorder.status().lost, recorder.status().waiting), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_wait_while_postgres_is_away() {
    let nats = ff_testkit::nats::server().await;
    let mut postgres = ff_testkit::postgres::dedicated().await;
    migrate(&postgres.pool).await;
    let client = ff_security::connect(&nats.url).await.unwrap();
    let recorder = Recorder::start(client, options());
    let _writing = write(&nats.url, &postgres.pool).await;
    recorder.record(record(0, Kind::SignOut));
    until_written(&postgres.pool, 1).await;

    postgres.kill().await;
    for second in 1..=300 {
        recorder.record(record(second, Kind::SignOut));
    }
    eventually(SOON, || async { recorder.status().sent == 301 }).await;
    postgres.start().await;
    until_written(&postgres.pool, 301).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_write_everything_once() {
    let world = World::new().await;
    let (one, other) = (world.write().await, world.write().await);
    let recorder = world.recorder().await;
    for second in 0..3000 {
        recorder.record(record(second, Kind::SignOut));
    }
    until_written(&world.pool, 3000).await;
    one.stop().await;
    recorder.record(record(3000, Kind::SignOut));
    until_written(&world.pool, 3001).await;
    other.stop().await;
}

async fn publish(world: &World, payload: String) {
    let context = jetstream::new(world.nats.client().await);
    context.publish("ff.sec._", payload.into()).await.unwrap().await.unwrap();
}

fn message(entry: &Entry) -> serde_json::Value {
    let mut message = serde_json::to_value(entry).unwrap();
    message["type"] = json!("record");
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_delivered_twice_is_written_once() {
    let world = World::new().await;
    let recorder = world.recorder().await;
    recorder.record(record(0, Kind::SignOut));
    recorder.close().await;
    let entry = Entry::from(record(1, Kind::SignIn));
    let key = Uuid::from_u128(5);
    let uses = json!({"type": "uses", "id": Uuid::from_u128(6), "at": at(0), "keys": [
        {"key": key, "service": "edge", "first": at(0), "last": at(5), "uses": 7}]});
    for _ in 0..3 {
        // Without an id the stream takes them for different ones.
        publish(&world, message(&entry).to_string()).await;
        publish(&world, uses.to_string()).await;
    }
    let _writing = world.write().await;
    world.until_written(2).await;
    eventually(SOON, || async { world.queued().await == 0 }).await;
    world.until_written(2).await;
    let used = &world.log.last_used(&[key]).await.unwrap()[&key];
    assert_eq!((used.uses, used.at), (7, at(5)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_or_written_stops_nothing() {
    let world = World::new().await;
    let recorder = world.recorder().await;
    recorder.record(record(0, Kind::SignOut));
    recorder.close().await;
    let good = Entry::from(record(1, Kind::SignOut));
    let mut bad = message(&Entry::from(record(2, Kind::SignOut)));
    bad["kind"] = json!("a\u{0}b");
    // A time that PostgreSQL does not know.
    let mut early = Entry::from(record(3, Kind::SignOut));
    early.at = jiff::Timestamp::MIN;
    // A key twice in a message would be changed twice by one statement.
    let key =
        json!({"key": Uuid::nil(), "service": "edge", "first": at(0), "last": at(5), "uses": 7});
    let twice = json!({"type": "uses", "id": Uuid::from_u128(6), "at": at(0), "keys": [key, key]});
    for payload in
        ["nonsense".to_owned(), bad.to_string(), message(&early).to_string(), twice.to_string()]
    {
        publish(&world, payload).await;
    }
    publish(&world, message(&good).to_string()).await;
    let _writing = world.write().await;
    let entries = world.until_written(2).await;
    assert_eq!(entries.iter().map(|entry| entry.id).next(), Some(good.id));
    eventually(SOON, || async { world.queued().await == 0 }).await;
    assert!(world.log.last_used(&[Uuid::nil()]).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_may_record_what_an_older_writer_has_no_word_for() {
    let world = World::new().await;
    let _writing = crate::world::write_with(
        &world.nats.url,
        &world.pool,
        WriterOptions { stream: options().stream, ..WriterOptions::default() },
    )
    .await;
    world.recorder().await.close().await;
    let mut newer = message(&Entry::from(record(0, Kind::SignIn)));
    newer["kind"] = json!("passkey.added");
    newer["device"] = json!({"more": true});
    eventually(SOON, || async {
        let context = jetstream::new(world.nats.client().await);
        context.get_stream(ff_security::STREAM).await.is_ok()
    })
    .await;
    publish(&world, newer.to_string()).await;
    assert_eq!(world.until_written(1).await[0].kind, "passkey.added");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_fail_plainly_without_a_database() {
    let mut postgres = ff_testkit::postgres::dedicated().await;
    migrate(&postgres.pool).await;
    let log = Log::new(postgres.pool.clone());
    assert!(log.list(&US, &Filter::default(), None, None).await.unwrap().items.is_empty());
    postgres.kill().await;
    let error = log.list(&Scope::Installation, &Filter::default(), None, None).await.unwrap_err();
    assert!(error.to_string().starts_with("could not list records"), "{error}");
}
