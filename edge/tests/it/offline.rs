//! Serving with NATS down, also after a restart.

use std::fs;
use std::path::{Path, PathBuf};

use ff_testkit::eventually;
use ff_testkit::nats::{DedicatedOptions, dedicated};
use serde_json::json;

use crate::publishing::{ENVIRONMENT, Publishing, TestKey, off, on};
use crate::support::{SOON, answer, keys, publish, start, url};

/// Nobody listens there.
const NOWHERE: &str = "nats://127.0.0.1:9";

fn copy(directory: &Path, extension: &str) -> PathBuf {
    directory.join(format!("{ENVIRONMENT}.{extension}"))
}

async fn value(edge: &ff_edge::Edge, key: &TestKey) -> Option<bool> {
    let request = reqwest::Client::new()
        .post(url(edge, "/ofrep/v1/evaluate/flags/a"))
        .bearer_auth(&key.text)
        .json(&json!({}));
    answer(request.send().await.unwrap()).await.1["value"].as_bool()
}

async fn ready(edge: &ff_edge::Edge) -> u16 {
    reqwest::get(url(edge, "/readyz")).await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_that_has_nothing_is_alive_and_not_ready() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(NOWHERE, directory.path()).await;
    assert_eq!(ready(&edge).await, 503);
    assert_eq!(reqwest::get(url(&edge, "/healthz")).await.unwrap().status(), 200);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_without_nats_and_follows_when_it_is_back() {
    let mut nats = dedicated(DedicatedOptions::default()).await;
    let mut publishing = Publishing::to(nats.client().await, ENVIRONMENT).await;
    let (server, client) = keys();
    publish(&mut publishing, &server, &client, &[on("a")]).await;
    let directory = tempfile::tempdir().unwrap();
    let edge = start(&nats.url, directory.path()).await;
    eventually(SOON, || async { value(&edge, &server).await == Some(true) }).await;
    eventually(SOON, || async { copy(directory.path(), "config").exists() }).await;

    nats.kill().await;
    assert_eq!(value(&edge, &server).await, Some(true));
    assert_eq!(ready(&edge).await, 200);

    // A second edge, started from the copy alone.
    let again = start(&nats.url, directory.path()).await;
    assert_eq!(ready(&again).await, 200);
    assert_eq!(value(&again, &server).await, Some(true));

    nats.start().await;
    publishing.jetstream = async_nats::jetstream::new(nats.client().await);
    publishing.flag(&off("a")).await;
    publishing.head("2").await;
    for each in [&edge, &again] {
        eventually(SOON, || async { value(each, &server).await == Some(false) }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_copy_is_passed_over_for_the_one_before() {
    let nats = ff_testkit::nats::server().await;
    let mut publishing = Publishing::to(nats.client().await, ENVIRONMENT).await;
    let (server, client) = keys();
    publish(&mut publishing, &server, &client, &[on("a")]).await;
    let directory = tempfile::tempdir().unwrap();
    let edge = start(&nats.url, directory.path()).await;
    eventually(SOON, || async { copy(directory.path(), "config").exists() }).await;
    publishing.flag(&off("a")).await;
    publishing.head("2").await;
    eventually(SOON, || async { copy(directory.path(), "previous").exists() }).await;
    eventually(SOON, || async { value(&edge, &server).await == Some(false) }).await;
    edge.stop().await;

    let newest = copy(directory.path(), "config");
    let whole = fs::read(&newest).unwrap();
    fs::write(&newest, &whole[..whole.len() / 2]).unwrap();
    let edge = start(NOWHERE, directory.path()).await;
    assert_eq!(value(&edge, &server).await, Some(true), "the previous copy is served");
    edge.stop().await;

    fs::write(&newest, &whole).unwrap();
    let edge = start(NOWHERE, directory.path()).await;
    assert_eq!(value(&edge, &server).await, Some(false));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_written_yet_is_written_at_the_end() {
    let nats = ff_testkit::nats::server().await;
    let mut publishing = Publishing::to(nats.client().await, ENVIRONMENT).await;
    let (server, client) = keys();
    publish(&mut publishing, &server, &client, &[on("a")]).await;
    let directory = tempfile::tempdir().unwrap();
    let mut options =
        ff_edge::EdgeOptions::new("127.0.0.1:0".parse().unwrap(), &*nats.url, directory.path());
    options.disk_delay = std::time::Duration::from_secs(3600);
    let edge = ff_edge::Edge::start(options).await.unwrap();
    eventually(SOON, || async { value(&edge, &server).await == Some(true) }).await;
    edge.stop().await;
    assert!(copy(directory.path(), "config").exists());
}
