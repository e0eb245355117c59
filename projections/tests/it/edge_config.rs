//! The edge config publisher, on an event log in memory and a real NATS server.

mod published;
mod replaced;
mod scenario;

use std::time::Duration;

use ff_domain::{
    EnvironmentEvent, EnvironmentKey, ExperimentKey, FlagEvent, MetricEvent, SegmentEvent,
};
use ff_eventlog::{MemoryLog, Position};
use ff_projections::edge_config::{Publisher, PublisherError, PublisherOptions};
use ff_testkit::eventually;
use serde_json::{Value, json};
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
async fn an_environment_says_whose_it_is() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let live = scenario.environment("live").await;
    let publisher = publish(&scenario.log, &client);
    let published = until(&client, scenario.position).await;
    published.check_hashes();
    let settings = published.settings(live);
    let organization = scenario.organization.to_string();
    assert_eq!(settings.salt, "0123456789abcdef0123456789abcdef");
    assert_eq!(settings.organization.as_ref(), Some(&organization));
    assert_eq!(settings.project, Some(scenario.project.to_string()));
    // The state of an environment does not say it, so the publisher keeps it beside.
    let own = published.own_objects();
    let record: Value =
        serde_json::from_slice(own[&*format!("ff.pub.environment.{live}")]).unwrap();
    assert_eq!(record["organization"], organization);
    publisher.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_travels_with_its_flag() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let (dev, live) = (scenario.environment("dev").await, scenario.environment("live").await);
    let search = scenario.flag("search").await;
    let definition = json!({
        "key": "speed", "rule": "speed:1", "slices": [{"seed": "traffic:speed", "ranges": [[0, 5000]]}],
        "split": {"variations": [{"key": "on", "weight": 50}, {"key": "off", "weight": 50}], "hash": "sha256-10000"},
    });
    let served = FlagEvent::ExperimentServed {
        environment: EnvironmentKey::parse("live").unwrap(),
        definition: serde_json::from_value(definition.clone()).unwrap(),
    };
    let last = scenario.change_flag("search", served).await;
    let publisher = publish(&scenario.log, &client);
    let published = until(&client, last).await;
    published.check_hashes();
    assert_eq!(published.object(live, "flag", search.0)["experiment"], definition);
    assert_eq!(published.object(dev, "flag", search.0).get("experiment"), None);

    let ended = FlagEvent::ExperimentEnded {
        environment: EnvironmentKey::parse("live").unwrap(),
        experiment: ExperimentKey::parse("speed").unwrap(),
    };
    let last = scenario.change_flag("search", ended).await;
    let published = until(&client, last).await;
    assert_eq!(published.object(live, "flag", search.0).get("experiment"), None);
    publisher.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_publisher_left_is_made_anew() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let live = scenario.environment("live").await;
    scenario.flag("search").await;
    let publisher = publish(&scenario.log, &client);
    let before = until(&client, scenario.position).await;
    publisher.abort();
    let _ = publisher.await;

    // The settings and the own state had less in them.
    let settings = format!("ff.cfg.{live}.settings.environment");
    published::write(&client, &settings, r#"{"salt":"0123456789abcdef0123456789abcdef"}"#).await;
    let position = scenario.position;
    let checkpoint = format!(r#"{{"position":"{position}","format":1}}"#);
    published::write(&client, "ff.pub._position", checkpoint.leak()).await;
    let publisher = publish(&scenario.log, &client);
    let last = scenario.turn_on("search", "live").await;
    let after = until(&client, last).await;
    after.check_hashes();
    assert_eq!(after.settings(live), before.settings(live));
    publisher.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_environment_of_a_project_knows_its_live_metrics() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let dev = scenario.environment("dev").await;
    let revenue = scenario.metric("revenue").await;
    let live = scenario.environment("live").await;
    let publisher = publish(&scenario.log, &client);
    let published = until(&client, scenario.position).await;
    published.check_hashes();
    for environment in [dev, live] {
        let expected = json!({"key": "revenue", "events": ["order", "purchase"]});
        assert_eq!(published.object(environment, "metric", revenue.0), expected);
    }
    let before = published.head(live);

    let renamed = MetricEvent::Renamed { name: "Revenue".to_owned() };
    let last = scenario.change_metric("revenue", renamed).await;
    let published = until(&client, last).await;
    assert_eq!(published.head(live), before, "nobody who reads the config sees the name");

    let last = scenario.redefine("revenue", "sale", 2).await;
    let published = until(&client, last).await;
    published.check_hashes();
    let expected = json!({"key": "revenue", "events": ["sale"]});
    assert_eq!(published.object(live, "metric", revenue.0), expected);
    publisher.abort();
    let _ = publisher.await;

    // Another publisher takes it up from the stream.
    let publisher = publish(&scenario.log, &client);
    let last = scenario.change_metric("revenue", MetricEvent::Archived {}).await;
    let published = until(&client, last).await;
    published.check_hashes();
    assert_eq!(published.kinds(dev), ["settings"]);
    assert_eq!(published.kinds(live), ["settings"]);
    let last = scenario.change_metric("revenue", MetricEvent::Restored {}).await;
    let published = until(&client, last).await;
    published.check_hashes();
    assert_eq!(published.object(dev, "metric", revenue.0), expected);
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

/// The answer of a command names its last commit, and that is what its caller looks for at an edge.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_comes_to_the_last_commit_of_its_command() {
    let nats = ff_testkit::nats::server().await;
    let client = nats.client().await;
    let mut scenario = Scenario::new();
    let live = scenario.environment("live").await;
    let search = scenario.flag("search").await;
    let publisher = publish(&scenario.log, &client);
    scenario.command = Some(uuid::Uuid::from_u128(7));
    let seen = scenario.turn_on("search", "live").await;
    until(&client, seen).await;
    // Published by itself, and of no interest to an edge: a token of the control plane.
    scenario.api_token().await;
    let unseen = scenario.position;
    let published = until(&client, unseen).await;
    published.check_hashes();
    assert_eq!(published.head(live).position, unseen.to_string());
    assert_eq!(published.object(live, "flag", search.0)["enabled"], true);
    scenario.command = None;
    scenario.api_token().await;
    let published = until(&client, scenario.position).await;
    assert_eq!(published.head(live).position, unseen.to_string(), "another command moves nothing");
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
