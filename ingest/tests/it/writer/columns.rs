//! Every column holds what was sent, and what is sent again changes nothing.

use std::time::Duration;

use clickhouse::Row;
use ff_ingest::record::{Exposure, Record};
use serde::Deserialize;
use uuid::Uuid;

use super::records::Records;
use super::world::World;

/// Everything as ClickHouse itself shows it, so that no mistake of reading hides one of writing.
#[tokio::test]
async fn columns_as_clickhouse_shows_them() {
    let mut world = World::new().await;
    let writer = world.write();
    let exposure = Exposure {
        environment: "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap(),
        id: "fedcba98-7654-3210-fedc-ba9876543210".parse().unwrap(),
        at: "2026-02-28T23:59:59.987Z".parse().unwrap(),
        received: "2026-03-01T00:00:00.001Z".parse().unwrap(),
        user_key: "ü\n\"'".to_owned(),
        flag: "banner".to_owned(),
        variation: "on".to_owned(),
        rule: Some("checkout:2".to_owned()),
        experiment: None,
        config: u64::MAX,
        instance: Some(Uuid::from_u128(7)),
        attributes: [("plan", "pro"), ("a'b", "1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
    };
    let other = Exposure { id: Uuid::from_u128(1), instance: None, rule: None, ..exposure.clone() };
    let position = world.publish(vec![Record::Exposure(exposure), Record::Exposure(other)]).await;
    writer.reaches(position).await;

    #[derive(Row, Deserialize)]
    struct Shown {
        all: String,
    }
    let query = "SELECT concat_ws('|', toString(environment), toString(id), toString(at), toString(received),
            toString(position), user_key, flag, variation, rule, experiment, toString(config), toString(instance),
            toString(attributes)) AS all FROM events_exposure ORDER BY id DESC";
    let shown = world.clickhouse.query(query).fetch_all::<Shown>().await.unwrap();
    let start = "01234567-89ab-cdef-0123-456789abcdef";
    let middle = "2026-02-28 23:59:59.987|2026-03-01 00:00:00.001|1|ü\n\"'|banner|on";
    let attributes = "{'a\\'b':'1','plan':'pro'}";
    let expected = [
        format!(
            "{start}|fedcba98-7654-3210-fedc-ba9876543210|{middle}|checkout:2||18446744073709551615|\
             00000000-0000-0000-0000-000000000007|{attributes}"
        ),
        format!(
            "{start}|00000000-0000-0000-0000-000000000001|{middle}|||18446744073709551615|\
             00000000-0000-0000-0000-000000000000|{attributes}"
        ),
    ];
    assert_eq!(shown.into_iter().map(|row| row.all).collect::<Vec<_>>(), expected);
    let newest = world
        .clickhouse
        .query("SELECT toString(max(at)) FROM telemetry_progress")
        .fetch_one::<String>();
    assert_eq!(newest.await.unwrap(), "2026-03-01 00:00:00.001");
}

#[tokio::test]
async fn the_tables_equal_the_stream() {
    for seed in 0..3 {
        let mut world = World::new().await;
        let mut records = Records::new(seed);
        let mut options = world.options();
        options.batch_rows = 1 + records.below(300);
        let writer = world.write_with(options);
        for _ in 0..40 {
            let length = records.below(60);
            let message = records.message(length);
            // Now and then an event comes again, with its id but in another message.
            let known: Vec<_> = world.published.iter().map(|(_, record)| record.clone()).collect();
            let again =
                known.iter().filter(|record| !matches!(record, Record::Sender(_))).step_by(97);
            let message = message.into_iter().chain(again.cloned()).collect();
            world.publish(message).await;
        }
        world.assert_complete(&writer).await;
        let progress = world.count("SELECT max(position) FROM telemetry_progress").await;
        assert_eq!(progress, 40);
        assert_eq!(writer.status.get().lag(), 0);
    }
}

#[tokio::test]
async fn the_same_message_fifty_times_is_stored_once() {
    let mut world = World::new().await;
    let writer = world.write();
    let mut records = Records::new(50);
    let mut message = records.message(200);
    message.retain(|record| !matches!(record, Record::Sender(_)));
    for _ in 0..50 {
        world.publish(message.clone()).await;
    }
    world.assert_complete(&writer).await;
    let mut rows = 0;
    for table in ["events_exposure", "events_metric"] {
        rows += world.count(&format!("SELECT count() FROM {table} FINAL")).await;
    }
    assert_eq!(rows, message.len() as u64);
    // The first one stays, also after the merge.
    world.clickhouse.query("OPTIMIZE TABLE events_metric FINAL").execute().await.unwrap();
    assert_eq!(world.count("SELECT max(position) FROM events_metric").await, 1);
}

/// Whoever reads progress first and rows then finds every event up to it, at any time.
#[tokio::test]
async fn readers_never_see_progress_without_its_rows() {
    let mut world = World::new().await;
    let mut options = world.options();
    options.batch_rows = 200;
    let writer = world.write_with(options);
    let mut records = Records::new(9);
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let client = world.clickhouse.clone();
            let status = writer.status.clone();
            tokio::spawn(async move {
                let mut looked = 0;
                while status.get().position < 60 {
                    let progress = "SELECT max(position) FROM telemetry_progress";
                    let progress = client.query(progress).fetch_one::<u64>().await.unwrap();
                    // Every message has ten metric events.
                    let rows =
                        "SELECT uniqExact(id) FROM events_metric WHERE position <= {p: UInt64}";
                    let rows = client.query(rows).param("p", progress).fetch_one::<u64>();
                    assert_eq!(rows.await.unwrap(), progress * 10);
                    looked += 1;
                }
                looked
            })
        })
        .collect();
    for _ in 0..60 {
        let message = (0..10).map(|_| Record::Metric(records.metric())).collect();
        world.publish(message).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.assert_complete(&writer).await;
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
}
