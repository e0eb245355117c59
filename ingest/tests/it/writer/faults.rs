//! Servers and writers that die: nothing is lost, nothing is double.

use std::time::Duration;

use ff_ingest::record::Record;
use ff_ingest::schema;
use ff_ingest::writer::WriterError;
use ff_testkit::eventually;
use tokio::time::sleep;

use super::records::Records;
use super::world::World;

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn clickhouse_is_killed_in_the_middle() {
    let mut world = World::new().await;
    let mut records = Records::new(1);
    let mut options = world.options();
    options.batch_rows = 100;
    let writer = world.write_with(options);
    for round in 0..4_usize {
        for _ in 0..30 {
            let message = records.message(40);
            world.publish(message).await;
        }
        // Somewhere between the first insert and the last.
        writer.reaches((round * 45 + 1) as u64).await;
        sleep(Duration::from_millis(records.below(40) as u64)).await;
        world.chdb.kill().await;
        for _ in 0..15 {
            let message = records.message(40);
            world.publish(message).await;
        }
        eventually(SOON, async || !writer.status.get().writing).await;
        assert!(!writer.status.get().is_ready());
        world.chdb.start().await;
    }
    world.assert_complete(&writer).await;
    assert!(writer.status.get().is_ready());
    assert_eq!((world.parked().await, writer.status.get().lost), (0, 0));
}

#[tokio::test]
async fn the_writer_is_killed_at_random() {
    let mut world = World::new().await;
    let mut records = Records::new(2);
    for _ in 0..25 {
        let mut options = world.options();
        options.batch_rows = 1 + records.below(200);
        let writer = world.write_with(options);
        for _ in 0..8 {
            let message = records.message(25);
            world.publish(message).await;
        }
        sleep(Duration::from_millis(records.below(120) as u64)).await;
        writer.kill().await;
    }
    let writer = world.write();
    world.assert_complete(&writer).await;
}

#[tokio::test]
async fn two_writers_write_the_same_as_one() {
    let mut world = World::new().await;
    let mut records = Records::new(3);
    let mut options = world.options();
    options.batch_rows = 70;
    let (one, two) = (world.write(), world.write_with(options));
    for _ in 0..40 {
        let message = records.message(30);
        world.publish(message).await;
    }
    world.assert_complete(&one).await;
    world.assert_complete(&two).await;
}

#[tokio::test]
async fn nats_is_killed_and_comes_back() {
    let mut world = World::new().await;
    let mut records = Records::new(4);
    let writer = world.write();
    for _ in 0..3 {
        for _ in 0..10 {
            let message = records.message(20);
            world.publish(message).await;
        }
        world.nats.kill().await;
        eventually(SOON, async || !writer.status.get().reading).await;
        world.nats.start().await;
        eventually(SOON, async || writer.status.get().reading).await;
    }
    let message = records.message(20);
    world.publish(message).await;
    world.assert_complete(&writer).await;
}

#[tokio::test]
async fn without_tables_it_waits_and_parks_nothing() {
    let mut world = World::without_tables().await;
    let writer = world.write();
    let message = Records::new(5).message(20);
    world.publish(message).await;
    sleep(Duration::from_millis(300)).await;
    assert!(!writer.status.get().begun);
    schema::migrate_up(&world.clickhouse).await.unwrap();
    world.assert_complete(&writer).await;
    // A table that goes while it runs is waited for as well.
    world.clickhouse.query("RENAME TABLE events_metric TO elsewhere").execute().await.unwrap();
    let message = Records::new(6).message(20);
    world.publish(message).await;
    eventually(SOON, async || !writer.status.get().writing).await;
    world.clickhouse.query("RENAME TABLE elsewhere TO events_metric").execute().await.unwrap();
    world.assert_complete(&writer).await;
    assert_eq!(world.parked().await, 0);
}

#[tokio::test]
async fn messages_that_left_the_stream_are_counted() {
    let mut world = World::new().await;
    let mut records = Records::new(7);
    for _ in 0..10 {
        let message = records.message(5);
        world.publish(message).await;
    }
    let stream = world.context.get_stream(ff_ingest::record::STREAM).await.unwrap();
    stream.purge().sequence(4).await.unwrap();
    stream.delete_message(7).await.unwrap();
    world.published.retain(|(position, _)| *position > 3 && *position != 7);
    let writer = world.write();
    world.assert_complete(&writer).await;
    assert_eq!(writer.status.get().lost, 4);
}

#[tokio::test]
async fn a_stream_made_anew_is_refused() {
    let mut world = World::new().await;
    let message = vec![Record::Metric(Records::new(8).metric())];
    for _ in 0..3 {
        world.publish(message.clone()).await;
    }
    let writer = world.write();
    world.assert_complete(&writer).await;
    writer.kill().await;
    let config = world.context.get_stream(ff_ingest::record::STREAM).await.unwrap();
    let config = config.cached_info().config.clone();
    world.context.delete_stream(ff_ingest::record::STREAM).await.unwrap();
    world.context.create_stream(&config).await.unwrap();
    world.publish(message).await;
    let error = world.write().task.await.unwrap().unwrap_err();
    assert!(matches!(error, WriterError::AnotherStream { written: 3, end: 1 }), "{error}");
}
