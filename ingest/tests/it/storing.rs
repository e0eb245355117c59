//! Group commit, and what a 202 is worth.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::{self, stream};
use ff_ingest::record::{PARKED_STREAM, STREAM, SUBJECT};
use ff_ingest::{Ingest, IngestOptions};
use ff_testkit::eventually;
use ff_testkit::nats::{DedicatedOptions, dedicated};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    SOON, answer, events, id, ids, ingesting, ingesting_with, messages, metric, options, publish,
    records, until_ready, url,
};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_share_messages() {
    let ingest = ingesting_with(|options| {
        options.commit.linger = Duration::from_secs(1);
        options.commit.in_flight = 1;
    })
    .await;
    let sent: Vec<_> = std::iter::repeat_with(metric).take(200).collect();
    let bodies: Vec<_> = sent.iter().map(|event| events([event.clone()])).collect();
    let answers = join_all(bodies.iter().map(|body| ingest.send(body))).await;
    assert!(answers.iter().all(|(status, _)| *status == 202));
    let messages = messages(ingest.nats.client().await).await;
    assert!(messages.len() <= 50, "{} messages for 200 requests", messages.len());
    assert_eq!(ids(&ingest.records().await), sent.iter().map(id).collect());
    let counted = ingest.metric("ff_ingest_message_events_count").await;
    assert_eq!(counted.to_string(), messages.len().to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_request_is_cut_into_messages() {
    let ingest = ingesting().await;
    let sent: Vec<_> = std::iter::repeat_with(metric).take(5000).collect();
    let expected: BTreeSet<Uuid> = sent.iter().map(id).collect();
    let (status, body) = ingest.send(&events(sent)).await;
    assert_eq!((status, &body["accepted"]), (202, &json!(5000)));
    let messages = messages(ingest.nats.client().await).await;
    assert_eq!(messages.len(), 5);
    assert_eq!(ids(&ingest.records().await), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_streams_are_made_as_they_must_be() {
    let ingest = ingesting().await;
    let jetstream = jetstream::new(ingest.nats.client().await);
    let telemetry = jetstream.get_stream(STREAM).await.unwrap().cached_info().config.clone();
    assert_eq!(telemetry.subjects, [SUBJECT]);
    assert_eq!(telemetry.storage, stream::StorageType::File);
    assert_eq!(telemetry.retention, stream::RetentionPolicy::Limits);
    assert_eq!(telemetry.discard, stream::DiscardPolicy::New);
    assert_eq!(telemetry.max_age, Duration::from_secs(72 * 3600));
    assert_eq!(telemetry.max_bytes, 64 * 1024 * 1024);
    let parked = jetstream.get_stream(PARKED_STREAM).await.unwrap().cached_info().config.clone();
    assert_eq!((parked.max_age, parked.max_bytes), (Duration::ZERO, 1024 * 1024));

    // Who deletes them sees them again.
    jetstream.delete_stream(STREAM).await.unwrap();
    let (status, body) = ingest.send(&events([metric()])).await;
    assert_eq!((status, &body["code"]), (503, &json!("FF-4108")));
    eventually(SOON, || async { ingest.send(&events([metric()])).await.0 == 202 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_would_lose_events_is_not_used() {
    let nats = ff_testkit::nats::server().await;
    let (_publishing, server, _client) = publish(nats.client().await).await;
    let jetstream = jetstream::new(nats.client().await);
    let mut config = stream::Config {
        name: STREAM.to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        discard: stream::DiscardPolicy::Old,
        ..stream::Config::default()
    };
    jetstream.create_stream(config.clone()).await.unwrap();
    let ingest = Ingest::start(options(&nats.url)).await.unwrap();
    let http = reqwest::Client::new();
    let send = async || {
        let request = http.post(url(&ingest, "/v1/events")).bearer_auth(&server.text);
        answer(request.json(&events([metric()])).send().await.unwrap()).await
    };
    eventually(SOON, || async { send().await.1["code"] == "FF-4111" }).await;
    assert_eq!(http.get(url(&ingest, "/readyz")).send().await.unwrap().status(), 503);
    config.discard = stream::DiscardPolicy::New;
    jetstream.update_stream(config).await.unwrap();
    eventually(SOON, || async { send().await.0 == 202 }).await;
    assert_eq!(records(nats.client().await).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_stream_takes_nothing_and_says_so() {
    let ingest = ingesting_with(|options| options.streams.max_bytes = 40_000).await;
    let mut acknowledged = BTreeSet::new();
    let refused = loop {
        let sent: Vec<_> = std::iter::repeat_with(metric).take(20).collect();
        let response = ingest.post().json(&events(sent.clone())).send().await.unwrap();
        if response.status() != 202 {
            break response;
        }
        acknowledged.extend(sent.iter().map(id));
        assert!(acknowledged.len() < 1000, "the stream takes more than it may");
    };
    assert_eq!(refused.headers()["retry-after"], "30");
    let (status, body) = answer(refused).await;
    assert_eq!((status, &body["code"]), (503, &json!("FF-4110")), "{body}");
    assert_eq!(ids(&ingest.records().await), acknowledged);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_nats_events_are_refused_and_with_it_taken_again() {
    let mut nats = dedicated(DedicatedOptions::default()).await;
    let (_publishing, server, _client) = publish(nats.client().await).await;
    let ingest = Ingest::start(quick(&nats.url)).await.unwrap();
    let http = reqwest::Client::new();
    until_ready(&http, &ingest).await;
    let send = async || {
        let request = http.post(url(&ingest, "/v1/events")).bearer_auth(&server.text);
        request.json(&events([metric()])).send().await.unwrap()
    };
    for _ in 0..2 {
        assert_eq!(send().await.status(), 202);
        nats.kill().await;
        let refused = send().await;
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["retry-after"]),
            (503, &"2".parse().unwrap())
        );
        eventually(SOON, || async {
            http.get(url(&ingest, "/readyz")).send().await.unwrap().status() == 503
        })
        .await;
        nats.start().await;
        until_ready(&http, &ingest).await;
    }
    assert_eq!(send().await.status(), 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_crashes() {
    let mut nats = dedicated(DedicatedOptions::default()).await;
    let (_publishing, server, _client) = publish(nats.client().await).await;
    let ingest = Arc::new(Ingest::start(quick(&nats.url)).await.unwrap());
    let http = reqwest::Client::new();
    until_ready(&http, &ingest).await;
    let done = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..16)
        .map(|_| {
            let (http, ingest, done) = (http.clone(), Arc::clone(&ingest), Arc::clone(&done));
            let key = server.text.clone();
            tokio::spawn(async move {
                let mut acknowledged = BTreeSet::new();
                let mut refused = 0;
                while !done.load(Ordering::Relaxed) {
                    let sent: Vec<_> = std::iter::repeat_with(metric).take(10).collect();
                    let request = http.post(url(&ingest, "/v1/events")).bearer_auth(&key);
                    let response = request.json(&events(sent.clone())).send().await.unwrap();
                    match response.status().as_u16() {
                        202 => acknowledged.extend(sent.iter().map(id)),
                        503 => {
                            refused += 1;
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                        other => panic!("{other}"),
                    }
                }
                (acknowledged, refused)
            })
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        nats.kill().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        nats.start().await;
        until_ready(&http, &ingest).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    done.store(true, Ordering::Relaxed);
    let (mut acknowledged, mut refused) = (BTreeSet::new(), 0);
    for sender in senders {
        let (ids, times) = sender.await.unwrap();
        acknowledged.extend(ids);
        refused += times;
    }
    assert!(refused > 0 && acknowledged.len() > 100, "{refused} refused, {}", acknowledged.len());
    nats.kill().await;
    nats.start().await;
    let stored = ids(&records(nats.client().await).await);
    let lost = acknowledged.difference(&stored).count();
    assert_eq!(lost, 0, "of {} acknowledged", acknowledged.len());
}

/// Gives up soon, so that tests of outages do not take long.
fn quick(nats: &str) -> IngestOptions {
    let mut options = options(nats);
    options.commit.ack_timeout = Duration::from_secs(2);
    options
}
