//! What the kit hands out, on real servers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use ff_testkit::{chdb, eventually, nats, postgres, redis};

const SOON: Duration = Duration::from_secs(60);

async fn make_stream(client: async_nats::Client) -> jetstream::Context {
    let jetstream = jetstream::new(client);
    let config = stream::Config {
        name: "FF_EVENTS".into(),
        subjects: vec!["ff.>".into()],
        ..Default::default()
    };
    jetstream.create_stream(config).await.unwrap();
    jetstream
}

#[tokio::test]
async fn two_tests_can_have_a_stream_of_the_same_name() {
    let (one, other) = (nats::server().await, nats::server().await);
    let first = make_stream(one.client().await).await;
    first.publish("ff.a", "1".into()).await.unwrap().await.unwrap();
    let second = make_stream(other.client().await).await;
    let mut stream = second.get_stream("FF_EVENTS").await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 0);
}

#[tokio::test]
async fn databases_are_empty_and_apart() {
    let (one, other) = tokio::join!(postgres::database(), postgres::database());
    sqlx::query("CREATE TABLE t (id int)").execute(&one.pool).await.unwrap();
    sqlx::query("CREATE TABLE t (id int)").execute(&other.pool).await.unwrap();
}

/// The server must not die with the thread, or the runtime, of the test that started it.
#[test]
fn a_shared_server_outlives_the_test_that_started_it() {
    for _ in 0..2 {
        let test = std::thread::spawn(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let database = postgres::database().await;
                sqlx::query("SELECT 1").execute(&database.pool).await.unwrap();
                nats::server().await.client().await.flush().await.unwrap();
            });
        });
        test.join().unwrap();
    }
}

#[tokio::test]
async fn a_dedicated_nats_comes_back_with_its_messages() {
    let mut server = nats::dedicated(nats::DedicatedOptions::default()).await;
    let jetstream = make_stream(server.client().await).await;
    jetstream.publish("ff.a", "1".into()).await.unwrap().await.unwrap();
    server.kill().await;
    server.start().await;
    let jetstream = jetstream::new(server.client().await);
    let mut stream = jetstream.get_stream("FF_EVENTS").await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 1);
}

#[tokio::test]
async fn a_dedicated_postgres_comes_back_with_its_rows() {
    let mut server = postgres::dedicated().await;
    sqlx::query("CREATE TABLE t AS SELECT 7 AS id").execute(&server.pool).await.unwrap();
    server.kill().await;
    server.start().await;
    let id = eventually(SOON, || async {
        sqlx::query_scalar::<_, i32>("SELECT id FROM t").fetch_one(&server.pool).await
    });
    assert_eq!(id.await, 7);
}

#[tokio::test]
async fn a_redis_can_be_killed_and_frozen() {
    let mut server = redis::server().await;
    let ready = ff_stack::Readiness::Redis(([127, 0, 0, 1], server.port).into());
    assert!(ready.check().await);
    server.kill().await;
    assert!(!ready.check().await);
    server.start().await;
    assert!(ready.check().await);
    server.pause();
    assert!(!ready.check().await);
    server.resume();
    assert!(ready.check().await);
}

#[tokio::test]
async fn the_clickhouse_server_answers() {
    let server = chdb::server().await;
    let address = server.url.trim_start_matches("http://");
    let ready = ff_stack::Readiness::Http(address.parse().unwrap(), "/?query=SELECT+1".into());
    assert!(ready.check().await);
}
