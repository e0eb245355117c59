//! From what is published to what is served.

use ff_evaluator::wire::ObjectKind;
use ff_testkit::eventually;
use serde_json::json;

use crate::publishing::{ENVIRONMENT, Publishing, TestKey, off, on};
use crate::support::{SOON, serving};

#[tokio::test(flavor = "multi_thread")]
async fn half_a_change_is_not_seen() {
    let mut edge = serving(&[on("a"), on("b")]).await;
    let mut other = Publishing::to(edge.nats.client().await, "e2").await;
    let key = TestKey::new("k3", ff_evaluator::wire::KeyKind::Server);

    edge.publishing.flag(&off("a")).await;
    // When a later change of another environment is seen, the half one has arrived, too.
    other.settings().await;
    other.key(&key).await;
    other.head("2").await;
    eventually(SOON, || async {
        let request = edge.http.get(edge.url("/v1/config")).bearer_auth(&key.text);
        request.send().await.unwrap().status() == 200
    })
    .await;
    assert_eq!(edge.evaluate("a", json!({})).await.1["value"], json!(true));

    edge.publishing.flag(&off("b")).await;
    edge.publishing.head("3").await;
    edge.until_position("3").await;
    for flag in ["a", "b"] {
        assert_eq!(edge.evaluate(flag, json!({})).await.1["value"], json!(false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_come_and_go() {
    let mut edge = serving(&[on("a")]).await;
    edge.publishing.flag(&on("b")).await;
    edge.publishing.remove_flag("a").await;
    edge.publishing.head("2").await;
    edge.until_position("2").await;
    assert_eq!(edge.evaluate("a", json!({})).await.0, 404);
    assert_eq!(edge.evaluate("b", json!({})).await.0, 200);
    edge.publishing.flag(&off("a")).await;
    edge.publishing.head("3").await;
    edge.until_position("3").await;
    assert_eq!(edge.evaluate("a", json!({})).await.1["value"], json!(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_hash_is_noticed_and_healed() {
    let mut edge = serving(&[on("a")]).await;
    // The head of a change of which an object is missing: what was served stays.
    let subject = ff_evaluator::wire::object_subject(ENVIRONMENT, ObjectKind::Flag, "id-of-a");
    edge.publishing.flag(&off("b")).await;
    edge.publishing.send(subject.clone(), off("a").to_string().into()).await;
    edge.publishing.head("2").await;
    eventually(SOON, || async { edge.metric("ff_edge_config_hash_mismatches_total").await > 0.0 })
        .await;
    assert_eq!(edge.position().await.as_deref(), Some("1"));
    assert_eq!(edge.evaluate("a", json!({})).await.1["value"], json!(true));
    // The object comes late and without another head; the edge finds it by itself.
    edge.publishing.send(subject, on("a").to_string().into()).await;
    edge.until_position("2").await;
    assert_eq!(edge.evaluate("b", json!({})).await.1["value"], json!(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_a_later_platform_harms_nobody_else() {
    let mut edge = serving(&[on("a")]).await;
    let mut strange = on("b");
    strange["default"] = json!({"by_moon_phase": {}});
    edge.publishing.flag(&strange).await;
    edge.publishing.head("2").await;
    edge.until_position("2").await;
    assert_eq!(edge.evaluate("a", json!({})).await.0, 200);
    assert_eq!(edge.evaluate("b", json!({})).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_made_anew_is_followed() {
    let mut edge = serving(&[on("a")]).await;
    edge.publishing.jetstream.delete_stream(ff_evaluator::wire::STREAM).await.unwrap();
    let mut anew = Publishing::to(edge.nats.client().await, ENVIRONMENT).await;
    crate::support::publish(&mut anew, &edge.server, &edge.client, &[off("a")]).await;
    anew.head("9").await;
    edge.until_position("9").await;
    assert_eq!(edge.evaluate("a", json!({})).await.1["value"], json!(false));
    edge.publishing = anew;
}
