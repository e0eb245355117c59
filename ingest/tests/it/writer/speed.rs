//! How fast it is. Not part of the tests: run in release, by name, with `--ignored --nocapture`.

use std::time::{Duration, Instant};

use ff_ingest::record::{Record, SUBJECT};
use ff_ingest::writer::WriterOptions;

use super::records::Records;
use super::world::World;

/// A message as the ingest makes it of ten batches.
fn message(records: &mut Records) -> String {
    let mut next = |index: usize| match index % 2 {
        0 => {
            let mut exposure = records.exposure();
            exposure.user_key = format!("user-{:08}", records.below(1_000_000));
            "banner".clone_into(&mut exposure.flag);
            "on".clone_into(&mut exposure.variation);
            exposure.attributes =
                [("country", "NL"), ("plan", "pro")].map(|(k, v)| (k.into(), v.into())).into();
            Record::Exposure(exposure)
        }
        _ => {
            let mut metric = records.metric();
            "conversion".clone_into(&mut metric.metric);
            Record::Metric(metric)
        }
    };
    let lines: Vec<_> =
        (0..1000).map(|index| serde_json::to_string(&next(index)).unwrap()).collect();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures"]
async fn rows_per_second() {
    let world = World::new().await;
    let mut records = Records::new(1);
    let messages = 1000_u32;
    for _ in 0..messages {
        world.publish_raw(message(&mut records)).await;
    }
    let begun = Instant::now();
    let writer = world.write_with(WriterOptions::new(&world.nats.url, &world.chdb.url));
    writer.reaches(u64::from(messages)).await;
    let took = begun.elapsed();
    println!("{:.0} rows/s", f64::from(messages) * 1000.0 / took.as_secs_f64());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures"]
async fn freshness_at_ten_thousand_a_second() {
    let world = World::new().await;
    let mut records = Records::new(1);
    let prepared: Vec<_> = (0..20).map(|_| message(&mut records)).collect();
    let writer = world.write_with(WriterOptions::new(&world.nats.url, &world.chdb.url));
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    let mut waits = Vec::new();
    for index in 0..200 {
        ticks.tick().await;
        let payload = prepared[index % prepared.len()].clone();
        let sent = world.context.publish(SUBJECT, payload.into()).await.unwrap();
        let position = sent.await.unwrap().sequence;
        let status = writer.status.clone();
        waits.push(tokio::spawn(async move {
            let accepted = Instant::now();
            status.written(position).await;
            accepted.elapsed()
        }));
    }
    let mut took: Vec<Duration> = Vec::new();
    for wait in waits {
        took.push(wait.await.unwrap());
    }
    took.sort();
    println!("p50 {:?}, p99 {:?}, max {:?}", took[100], took[198], took[199]);
}
