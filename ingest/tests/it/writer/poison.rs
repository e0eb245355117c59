//! What can never be written is parked with its error, and can be tried again.

use ff_ingest::record::{PARKED_STREAM, Record};
use ff_ingest::writer::replay_parked;

use super::records::Records;
use super::world::World;

#[tokio::test]
async fn what_cannot_be_decoded_is_parked_and_the_rest_goes_on() {
    let mut world = World::new().await;
    let writer = world.write();
    let mut records = Records::new(10);
    let message = records.message(10);
    world.publish(message).await;
    let bad = "{\"type\":\"of tomorrow\"}\nno json at all";
    let position = world.publish_raw(bad.to_owned()).await;
    let message = records.message(10);
    world.publish(message).await;
    world.assert_complete(&writer).await;
    assert_eq!(writer.status.get().parked, 1);

    let stream = world.context.get_stream(PARKED_STREAM).await.unwrap();
    let parked = stream.get_raw_message(1).await.unwrap();
    assert_eq!(parked.payload, bad);
    let header = |name: &str| parked.headers.get(name).unwrap().as_str().to_owned();
    assert_eq!(header("Ff-Position"), position.to_string());
    assert_eq!(header("Ff-Reason"), "undecodable");
    assert!(header("Ff-Error").contains("unknown variant"), "{}", header("Ff-Error"));

    // Still unknown when it is replayed: parked again, and not for ever replayed.
    assert_eq!(replay_parked(&world.options()).await.unwrap(), 1);
    writer.reaches(4).await;
    assert_eq!(world.parked().await, 1);
}

#[tokio::test]
async fn a_refused_message_is_found_in_its_batch_and_replayed() {
    let mut world = World::new().await;
    let constraint = "ALTER TABLE events_metric ADD CONSTRAINT small CHECK value < 1000000000000";
    world.clickhouse.query(constraint).execute().await.unwrap();
    let mut records = Records::new(11);
    let mut refused = Vec::new();
    for round in 0..30 {
        let mut message = records.message(10);
        if [4, 5, 19].contains(&round) {
            let mut metric = records.metric();
            metric.value = 1e12;
            message.push(Record::Metric(metric));
            refused.push(world.publish(message).await);
        } else {
            world.publish(message).await;
        }
    }
    // All of them in one batch.
    let writer = world.write();
    writer.reaches(30).await;
    assert_eq!((writer.status.get().parked, world.parked().await), (3, 3));
    let stored = world.stored().await;
    for (position, record) in &world.published {
        let key = match record {
            Record::Metric(metric) => format!("metric {}", metric.id),
            Record::Sender(sender) => {
                format!("sender {} {:?} {position}", sender.instance, sender.experiment)
            }
            Record::Exposure(_) => continue,
        };
        assert_eq!(stored.contains_key(&key), !refused.contains(position), "{key} of {position}");
    }

    world
        .clickhouse
        .query("ALTER TABLE events_metric DROP CONSTRAINT small")
        .execute()
        .await
        .unwrap();
    assert_eq!(replay_parked(&world.options()).await.unwrap(), 3);
    assert_eq!(replay_parked(&world.options()).await.unwrap(), 0);
    assert_eq!(world.parked().await, 0);
    writer.reaches(33).await;
    // What was replayed has the position of the replay, unless its table had taken it before.
    for (position, record) in &mut world.published {
        if let Some(index) = refused.iter().position(|each| each == position)
            && !matches!(record, Record::Exposure(_))
        {
            *position = 31 + index as u64;
        }
    }
    world.assert_complete(&writer).await;
}

#[tokio::test]
async fn nothing_parked_is_nothing_replayed() {
    let world = World::without_tables().await;
    assert_eq!(replay_parked(&world.options()).await.unwrap(), 0);
}
