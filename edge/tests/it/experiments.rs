//! Experiments and metrics in the config of an environment: what is answered, downloaded and kept.

use ff_evaluator::wire::{MetricObject, ObjectKind};
use ff_testkit::eventually;
use serde_json::{Value, json};

use crate::publishing::{ENVIRONMENT, for_clients, off, on};
use crate::support::{Fixture, SOON, answer, serving, start};

/// Everyone in Germany takes part and gets `off`; the others go on to a rule without a name of its own.
fn experimented(key: &str) -> Value {
    let mut flag = on(key);
    flag["experiment"] = json!({
        "key": "speed", "rule": "speed:3", "if": {"attribute": "country", "operator": "eq", "value": "DE"},
        "slices": [{"seed": "layer:shop", "ranges": [[0, 10_000]]}],
        "split": {"variations": [{"key": "on", "weight": 0}, {"key": "off", "weight": 100}]},
        "salt": "fedcba9876543210fedcba9876543210",
    });
    flag
}

fn german() -> Value {
    json!({"targetingKey": "u", "country": "DE"})
}

async fn all(edge: &Fixture, key: &str, context: &Value) -> Value {
    let request = edge.http.post(edge.url("/ofrep/v1/evaluate/flags")).bearer_auth(key);
    let request = request.json(&json!({"context": context}));
    answer(request.send().await.unwrap()).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_names_the_experiment_beside_its_rule() {
    let edge = serving(&[for_clients(experimented("f"))]).await;
    let metadata = json!({"position": "1", "ruleId": "speed:3", "experiment": "speed"});
    let (status, body) = edge.evaluate("f", german()).await;
    assert_eq!(status, 200);
    assert_eq!(
        body,
        json!({"key": "f", "value": false, "variant": "off", "reason": "SPLIT", "metadata": metadata})
    );
    let (_, body) = edge.evaluate("f", json!({"targetingKey": "u"})).await;
    assert_eq!((&body["variant"], &body["reason"]), (&json!("on"), &json!("DEFAULT")));
    assert_eq!(body["metadata"], json!({"position": "1"}));
    let (status, body) = edge.evaluate("f", json!({"country": "DE"})).await;
    assert_eq!((status, &body["reason"]), (200, &json!("DEFAULT")), "without a key: no part in it");

    // Clients' keys get no definition, and the same answers.
    for key in [&edge.server.text, &edge.client.text] {
        let body = all(&edge, key, &german()).await;
        let metadata = json!({"ruleId": "speed:3", "experiment": "speed"});
        assert_eq!(body["flags"][0]["metadata"], metadata);
        let body = all(&edge, key, &json!({"targetingKey": "u"})).await;
        assert_eq!(body["flags"][0].get("metadata"), None);
    }
    let request = edge.http.get(edge.url("/v1/config")).bearer_auth(&edge.client.text);
    assert_eq!(request.send().await.unwrap().status(), 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_must_be_escaped_is() {
    let mut flag = experimented("f");
    flag["experiment"]["key"] = json!("a \"b\"");
    let edge = serving(&[flag]).await;
    let (_, body) = edge.evaluate("f", german()).await;
    assert_eq!(body["metadata"]["experiment"], "a \"b\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn sdks_of_servers_download_the_experiment() {
    let mut edge = serving(&[experimented("f")]).await;
    let (_, body) = answer(edge.get("/v1/config").send().await.unwrap()).await;
    assert_eq!(body["flags"], json!([experimented("f")]));
    let definition: ff_evaluator::EnvironmentDefinition = serde_json::from_value(body).unwrap();
    assert_eq!(definition.flags[0].experiment.as_ref().unwrap().key, "speed");

    // It ends: the change is the whole flag.
    edge.publishing.flag(&off("f")).await;
    edge.publishing.head("2").await;
    edge.until_position("2").await;
    let (_, body) = answer(edge.get("/v1/config?since=1").send().await.unwrap()).await;
    assert_eq!(body["changed"], json!([{"kind": "flag", "key": "f", "definition": off("f")}]));
    let (_, body) = edge.evaluate("f", german()).await;
    assert_eq!(body["reason"], "DISABLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_kept_for_the_hash_and_shown_to_nobody() {
    let mut edge = serving(&[experimented("f")]).await;
    let metric = MetricObject { key: "revenue".to_owned(), events: vec!["purchase".to_owned()] };
    let bytes = serde_json::to_vec(&metric).unwrap();
    edge.publishing.put(ObjectKind::Metric, "m1", bytes).await;
    let settings = json!({
        "salt": "0123456789abcdef0123456789abcdef", "organization": "acme", "project": "shop",
    });
    let settings = settings.to_string().into();
    edge.publishing.put(ObjectKind::Settings, "environment", settings).await;
    edge.publishing.head("2").await;
    edge.until_position("2").await;
    assert_eq!(edge.metric("ff_edge_config_hash_mismatches_total").await, 0.0);
    let (_, body) = answer(edge.get("/v1/config").send().await.unwrap()).await;
    assert!(!body.to_string().contains("revenue") && !body.to_string().contains("acme"), "{body}");
    let (_, body) = answer(edge.get("/v1/config?since=1").send().await.unwrap()).await;
    assert_eq!(body, json!({"position": "2", "changed": [], "removed": []}));
    let (_, body) = edge.evaluate("f", german()).await;
    assert_eq!(body["metadata"]["experiment"], "speed");

    // The copy on disk has it, too: it is whole, and an edge starts from it alone.
    let newest = edge.directory.path().join(format!("{ENVIRONMENT}.config"));
    eventually(SOON, || async {
        std::fs::read_to_string(&newest).is_ok_and(|copy| copy.contains("metric m1 "))
    })
    .await;
    let again = start("nats://127.0.0.1:9", edge.directory.path()).await;
    std::mem::replace(&mut edge.edge, again).stop().await;
    assert_eq!(edge.position().await.as_deref(), Some("2"));
    let (_, body) = edge.evaluate("f", german()).await;
    assert_eq!(body["metadata"]["ruleId"], "speed:3");
}
