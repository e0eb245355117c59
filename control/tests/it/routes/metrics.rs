//! Metrics.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, metric};

const ALL: &str = "/orgs/acme/projects/web/metrics";

fn keys(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_metric_is_defined_and_redefined() {
    let world = World::furnished().await;
    let made = world.post(ALL, metric("orders", "bought")).await.is(201);
    assert_eq!(made.header("location"), "/api/v1/orgs/acme/projects/web/metrics/orders");
    assert_eq!((&made.body["version"], &made.body["definition_version"]), (&json!(1), &json!(1)));
    assert_eq!(made.body["definition"]["covariate_days"], 14);
    world.post(ALL, metric("orders", "bought")).await.problem(409, "FF-1701");

    let path = format!("{ALL}/orders");
    let definition = json!({
        "kind": {"type": "ratio", "numerator": {"event": "paid", "take": "sum"},
                 "denominator": {"event": "bought", "take": "count"}},
        "unit": "EUR", "better": "lower", "cap": {"type": "value", "value": "99.5"}, "window_hours": 72,
    });
    let put = format!("{path}/definition");
    let other = world.change(Method::PUT, &put, 1, definition.clone()).await.is(200);
    assert_eq!((other.version(), &other.body["definition_version"]), (2, &json!(2)));
    let same = world.change(Method::PUT, &put, 2, definition).await.is(200);
    assert_eq!((same.version(), &same.body["definition_version"]), (2, &json!(2)));

    let details = json!({"name": "Orders", "description": "All", "tags": ["shop"]});
    world.change(Method::PATCH, &path, 2, details).await.is(200);
    let found = world.get(&path).await.is(200);
    assert_eq!(
        (&found.body["name"], &found.body["definition_version"]),
        (&json!("Orders"), &json!(2))
    );
    assert_eq!((&found.body["used_by"], found.version()), (&json!([]), 3));
    let history = world.get(&format!("{path}/history")).await.is(200).body;
    let kinds: Vec<_> =
        history["items"].as_array().unwrap().iter().map(|e| &e["event"]["type"]).collect();
    assert_eq!(kinds[..3], ["metric.created", "metric.redefined", "metric.renamed"]);
    world.get(&format!("{ALL}/none/history")).await.problem(404, "FF-1006");
    world.act(&format!("{ALL}/none/archive")).await.problem(404, "FF-1700");
}

#[tokio::test]
async fn metrics_are_found_archived_and_restored() {
    let world = World::furnished().await;
    for (key, event) in [("clicks", "clicked"), ("orders", "bought"), ("visits", "clicked")] {
        world.post(ALL, metric(key, event)).await.is(201);
    }
    world.act(&format!("{ALL}/visits/archive")).await.is(200);
    for (query, expected) in [
        ("", vec!["clicks", "orders"]),
        ("?state=archived", vec!["visits"]),
        ("?state=all&event=clicked", vec!["clicks", "visits"]),
        ("?search=ORD", vec!["orders"]),
        ("?kind=binomial", vec!["clicks", "orders"]),
        ("?kind=funnel", vec![]),
        ("?tag=none", vec![]),
        ("?limit=1", vec!["clicks"]),
    ] {
        let list = world.get(&format!("{ALL}{query}")).await.is(200).body;
        assert_eq!(keys(&list), expected, "{query}");
    }
    let first = world.get(&format!("{ALL}?limit=1")).await.body;
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(keys(&world.get(&format!("{ALL}?cursor={cursor}")).await.body), ["orders"]);
    for bad in ["kind=average", "state=gone", "owner=x", "x=1"] {
        let place = format!("?{}", bad.split('=').next().unwrap());
        let reply = world.get(&format!("{ALL}?{bad}")).await;
        assert_eq!(reply.problem(400, "FF-1009"), [place]);
    }
    world
        .change(Method::PATCH, &format!("{ALL}/visits"), 2, json!({"name": "n"}))
        .await
        .problem(409, "FF-1702");
    world.act(&format!("{ALL}/visits/restore")).await.is(200);
    world.act(&format!("{ALL}/visits/restore")).await.problem(409, "FF-1703");
}

#[tokio::test]
async fn what_is_wrong_in_a_metric_has_a_place() {
    let world = World::furnished().await;
    let with = |definition: Value| json!({"key": "m", "name": "M", "definition": definition});
    let kind = json!({"type": "binomial", "event": "e"});
    for (definition, code, place) in [
        (json!({"kind": kind}), "FF-1001", "/definition"),
        (json!({"kind": kind, "better": "more"}), "FF-1001", "/definition/better"),
        (json!({"kind": kind, "better": "higher", "colour": 1}), "FF-1001", "/definition/colour"),
        (json!({"kind": {"type": "average"}, "better": "higher"}), "FF-1001", "/definition/kind"),
        (
            json!({"kind": {"type": "funnel", "steps": ["one"]}, "better": "higher"}),
            "FF-1704",
            "/definition/kind/steps",
        ),
        (
            json!({"kind": kind, "better": "higher", "window_hours": 0}),
            "FF-1704",
            "/definition/window_hours",
        ),
    ] {
        let reply = world.post(ALL, with(definition.clone())).await;
        let places = reply.problem(422, code);
        assert!(places[0].starts_with(place), "{definition}: {places:?}");
    }
    world.post("/orgs/acme/projects/none/metrics", metric("m", "e")).await.is(404);
}
