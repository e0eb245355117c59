//! The edge config publisher, on an event log in memory and a real NATS server.

mod published;
mod scenario;

use std::time::Duration;

use ff_domain::{EnvironmentEvent, FlagEvent, SegmentEvent};
use ff_eventlog::{MemoryLog, Position};
use ff_projections::edge_config::{Publisher, PublisherError, PublisherOptions};
use ff_testkit::eventually;
use tokio::task::JoinHandle;

use published::Published;
use scenario::{Scenario, flag};

/// After this a test fails; nothing takes nearly as long.
const SOON: Duration = Duration::from_secs(60);

fn publish(log: &MemoryLog, client: &async_nats::Client) -> JoinHandle<Result<(), PublisherError>> {
    let options = PublisherOptions {
        standby_pause: Duration::from_millis(50),
        ..PublisherOptions::default()
    };
    let publisher = Publisher::new(log.clone(), client.clone(), options);
    tokio::spawn(publisher.run(std::future::pending()))
}

/// Waits until the checkpoint is at a position, and reads everything.
async fn until(client: &async_nats::Client, position: Position) -> Published {
    eventually(SOON, || async {
        let published = Published::read(client).await?;
        (published.position() == Some(position)).then_some(published)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_gets_what_it_needs_and_no_more() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let (dev, live) = (scenario.environment("dev").await, scenario.environment("live").await);
    let search = scenario.flag("search").await;
    scenario.segment("beta").await;
    let key = scenario.server_key("live").await;
    scenario.api_token().await;
    let last = scenario.turn_on("search", "live").await;
    let publisher = publish(&scenario.log, &client);
    let published = until(&client, last).await;
    published.check_hashes();
    assert_eq!(published.kinds(dev), ["flag", "segment", "settings"]);
    assert_eq!(published.kinds(live), ["flag", "key", "segment", "settings"]);
    let enabled = |environment| published.object(environment, "flag", search.0)["enabled"].clone();
    assert_eq!((enabled(dev), enabled(live)), (false.into(), true.into()));
    assert_eq!(published.object(live, "key", key.0)["kind"], "server");

    let revoked = scenario.revoke(key).await;
    let published = until(&client, revoked).await;
    published.check_hashes();
    assert_eq!(published.kinds(live), ["flag", "segment", "settings"]);
    assert_eq!(published.head(live).position, revoked.to_string());
    assert_ne!(published.head(dev).position, revoked.to_string(), "nothing changed there");
    publisher.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_archived_vanishes_and_comes_back() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let live = scenario.environment("live").await;
    scenario.flag("search").await;
    let complete = scenario.segment("beta").await;
    let publisher = publish(&scenario.log, &client);
    let before = until(&client, complete).await;

    scenario.change_flag("search", FlagEvent::Archived {}).await;
    let last = scenario.change_segment("beta", SegmentEvent::Archived {}).await;
    let published = until(&client, last).await;
    published.check_hashes();
    assert_eq!(published.kinds(live), ["settings"]);

    scenario.change_flag("search", FlagEvent::Restored {}).await;
    scenario.change_segment("beta", SegmentEvent::Restored {}).await;
    let last = scenario.change_environment("live", EnvironmentEvent::Archived {}).await;
    let published = until(&client, last).await;
    published.check_hashes();
    assert_eq!(published.kinds(live), [""; 0]);

    let last = scenario.change_environment("live", EnvironmentEvent::Restored {}).await;
    let published = until(&client, last).await;
    assert_eq!(published.config_objects(), before.config_objects());
    publisher.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_edges_do_not_see_has_no_head() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let live = scenario.environment("live").await;
    let created = scenario.flag("search").await;
    let publisher = publish(&scenario.log, &client);
    let position = scenario.position;
    until(&client, position).await;
    let renamed = FlagEvent::Renamed { name: "Search".to_owned() };
    let last = scenario.change_flag("search", renamed).await;
    let published = until(&client, last).await;
    assert_eq!(published.head(live).position, position.to_string());
    assert_eq!(published.object(live, "flag", created.0)["key"], "search");
    publisher.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_publisher_is_taken_up_where_it_was() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let live = scenario.environment("live").await;
    for round in 0..5 {
        let publisher = publish(&scenario.log, &client);
        for number in 0..10 {
            scenario.flag(&format!("flag-{round}-{number}")).await;
        }
        // At whatever it is doing.
        publisher.abort();
        let _ = publisher.await;
    }
    let publisher = publish(&scenario.log, &client);
    let published = until(&client, scenario.position).await;
    published.check_hashes();
    assert_eq!(published.kinds(live).len(), 51);
    publisher.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_follows_from_the_log_alone() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    scenario.environment("live").await;
    scenario.flag("search").await;
    scenario.segment("beta").await;
    let last = scenario.turn_on("search", "live").await;
    let publisher = publish(&scenario.log, &client);
    let before = until(&client, last).await;
    publisher.abort();
    let _ = publisher.await;

    // Own state of a shape that nobody knows, an object that is not in the log, and one that was altered.
    let stranger = uuid::Uuid::from_u128(7);
    let environment = &before.environments()[0];
    published::write(&client, "ff.pub._position", "{}").await;
    published::write(&client, &format!("ff.pub.flag.{stranger}"), "{}").await;
    published::write(&client, &format!("ff.cfg.{environment}.flag.{stranger}"), "{}").await;
    let altered = before.subjects("flag")[0].clone();
    published::write(&client, &altered, "{}").await;
    let publisher = publish(&scenario.log, &client);
    let after = until(&client, last).await;
    assert_eq!(after.config_objects(), before.config_objects());
    after.check_hashes();
    assert_eq!(after.own_objects(), before.own_objects());
    publisher.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_larger_than_a_batch_is_whole() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    for number in 0..1500 {
        scenario.flag(&format!("flag-{number}")).await;
    }
    let publisher = publish(&scenario.log, &client);
    until(&client, scenario.position).await;
    let live = scenario.environment("live").await;
    let published = until(&client, scenario.position).await;
    published.check_hashes();
    assert_eq!(published.kinds(live).len(), 1501);
    publisher.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_publishers_one_works_and_the_other_takes_over() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let live = scenario.environment("live").await;
    let publishers = [publish(&scenario.log, &client), publish(&scenario.log, &client)];
    for number in 0..50 {
        scenario.flag(&format!("flag-{number}")).await;
        tokio::task::yield_now().await;
    }
    let published = until(&client, scenario.position).await;
    published.check_hashes();
    for (stopped, publisher) in publishers.into_iter().enumerate() {
        // Whichever of the two it was, and then the other: the config follows as long as one is left.
        publisher.abort();
        let _ = publisher.await;
        scenario.flag(&format!("later-{stopped}")).await;
        if stopped == 0 {
            until(&client, scenario.position).await.check_hashes();
        }
    }
    let publisher = publish(&scenario.log, &client);
    let published = until(&client, scenario.position).await;
    published.check_hashes();
    assert_eq!(published.kinds(live).len(), 53);
    publisher.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_cannot_be_understood_harms_its_aggregate_alone() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let live = scenario.environment("live").await;
    let strange = scenario.flag("strange").await;
    scenario.flag("plain").await;
    scenario.unknown_event("strange").await;
    scenario.turn_on("strange", "live").await;
    let last = scenario.turn_on("plain", "live").await;
    let publisher = publish(&scenario.log, &client);
    let published = until(&client, last).await;
    published.check_hashes();
    assert_eq!(published.object(live, "flag", strange.0)["enabled"], false);
    let plain = ff_domain::FlagId::of(scenario.project, &flag("plain"));
    assert_eq!(published.object(live, "flag", plain.0)["enabled"], true);
    publisher.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_with_other_settings_is_refused() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let config = async_nats::jetstream::stream::Config {
        name: ff_evaluator::wire::STREAM.to_owned(),
        subjects: vec!["ff.cfg.>".to_owned()],
        ..Default::default()
    };
    async_nats::jetstream::new(client.clone()).create_stream(config).await.unwrap();
    let refused = publish(&MemoryLog::new(), &client).await.unwrap();
    let Err(error @ PublisherError::StreamDiffers { .. }) = refused else {
        panic!("must be refused, was {refused:?}")
    };
    assert_eq!(error.code(), "FF-4030");
    assert!(error.to_string().contains("max_msgs_per_subject"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_nats_is_only_a_delay() {
    let mut nats = ff_testkit::nats::dedicated(ff_testkit::nats::DedicatedOptions::default()).await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    scenario.environment("live").await;
    let publisher = publish(&scenario.log, &client);
    until(&client, scenario.position).await;
    nats.kill().await;
    scenario.flag("search").await;
    nats.start().await;
    until(&client, scenario.position).await.check_hashes();
    publisher.abort();
}
