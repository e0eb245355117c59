//! The use of keys.

use std::net::IpAddr;
use std::time::Duration;

use ff_security::{Filter, Kind, RecorderOptions, Service};
use ff_testkit::eventually;
use jiff::Timestamp;
use uuid::Uuid;

use crate::world::{ORG, SOON, US, World, options};

fn quick() -> RecorderOptions {
    RecorderOptions { key_use_interval: Duration::from_millis(20), ..options() }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn uses_at_several_edges_add_up() {
    let world = World::new().await;
    let _writing = world.write().await;
    let (one, other) = (world.recorder_with(quick()).await, world.recorder_with(quick()).await);
    let (key, idle) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let before = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    for _ in 0..500 {
        one.key_used(Some(ORG), key, Service::Edge, address("192.0.2.1"));
        other.key_used(Some(ORG), key, Service::Edge, address("192.0.2.2"));
        other.key_used(Some(ORG), key, Service::Ingest, address("192.0.2.2"));
        // Some are sent by the clock, the rest at the end.
        tokio::task::yield_now().await;
    }
    one.close().await;
    other.close().await;
    eventually(SOON, || async {
        match world.log.last_used(&[key, idle]).await.unwrap().remove(&key) {
            Some(used) if used.uses == 1500 => Ok(used),
            other => Err(other),
        }
    })
    .await;
    let used = world.log.last_used(&[key, idle]).await.unwrap();
    assert_eq!(used.len(), 1);
    assert!(used[&key].at >= before && used[&key].at <= Timestamp::now());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_one_record_for_each_service_and_network() {
    let world = World::new().await;
    let _writing = world.write().await;
    let key = Uuid::from_u128(1);
    let mut ids = Vec::new();
    let hour = || Timestamp::now().as_second() / 3600;
    let began = hour();
    for _ in 0..2 {
        // As another edge would, or the same after a restart.
        let recorder = world.recorder_with(quick()).await;
        for text in ["192.0.2.1", "192.0.2.99", "198.51.100.1", "2001:db8::1", "2001:db8::2"] {
            recorder.key_used(Some(ORG), key, Service::Edge, address(text));
        }
        recorder.key_used(Some(ORG), key, Service::Ingest, address("192.0.2.1"));
        recorder.close().await;
        eventually(SOON, || async { world.queued().await == 0 }).await;
        let filter = Filter {
            kinds: vec![Kind::KeyUsed],
            subject: Some(key.to_string()),
            ..Filter::default()
        };
        let mut items = world.log.list(&US, &filter, None, None).await.unwrap().items;
        items.sort_by_key(|entry| entry.id);
        ids.push(items.iter().map(|entry| entry.id).collect::<Vec<_>>());
        let mut seen: Vec<_> = items
            .iter()
            .map(|entry| (entry.service.as_str(), entry.address.unwrap().to_string()))
            .collect();
        seen.sort();
        if hour() == began {
            let expected = [
                ("edge", "192.0.2.1"),
                ("edge", "198.51.100.1"),
                ("edge", "2001:db8::1"),
                ("ingest", "192.0.2.1"),
            ];
            assert_eq!(seen, expected.map(|(service, address)| (service, address.to_owned())));
        }
    }
    assert!(hour() != began || ids[0] == ids[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn uses_are_counted_while_nats_is_away() {
    let world = World::new().await;
    let _writing = world.write().await;
    let mut nats = ff_testkit::nats::dedicated(ff_testkit::nats::DedicatedOptions::default()).await;
    let client = ff_security::connect(&nats.url).await.unwrap();
    let recorder = ff_security::Recorder::start(client, quick());
    let _also_writing = crate::world::write(&nats.url, &world.pool).await;
    let key = Uuid::from_u128(1);
    nats.kill().await;
    for _ in 0..100_000 {
        recorder.key_used(Some(ORG), key, Service::Edge, address("192.0.2.1"));
    }
    // One record of the network, and no more, waits.
    assert_eq!((recorder.status().waiting, recorder.status().lost), (1, 0));
    nats.start().await;
    eventually(SOON, || async {
        let used = world.log.last_used(&[key]).await.unwrap();
        used.get(&key).is_some_and(|used| used.uses == 100_000)
    })
    .await;
}
