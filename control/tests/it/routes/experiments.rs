//! Experiments, from the draft to the shipped winner.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, flag, metric};

const ALL: &str = "/orgs/acme/projects/web/experiments";
const COLOUR: &str = "/orgs/acme/projects/web/experiments/colour";
const THERE: &str = "/orgs/acme/projects/web/flags/checkout/environments/production";

fn keys(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_short_body_is_enough_for_a_draft() {
    let world = World::furnished().await;
    world.post("/orgs/acme/projects/web/metrics", metric("orders", "bought")).await.is(201);
    let body = json!({
        "key": "colour", "name": "Colour", "environment": "production", "flag": "checkout",
        "design": {"metrics": {"primary": ["orders"]}},
    });
    let made = world.post(ALL, body.clone()).await.is(201);
    assert_eq!(made.header("location"), "/api/v1/orgs/acme/projects/web/experiments/colour");
    let design = &made.body["design"];
    assert_eq!(design["arms"], json!([{"key": "on", "weight": 50}, {"key": "off", "weight": 50}]));
    assert_eq!((&design["control"], &design["traffic"]), (&json!("off"), &json!(100)));
    assert_eq!(design["analysis"]["confidence"], 95);
    assert_eq!(
        (&made.body["status"], &made.body["current_iteration"]),
        (&json!("draft"), &json!(null))
    );
    world.post(ALL, body).await.problem(409, "FF-1601");
    let metric = world.get("/orgs/acme/projects/web/metrics/orders").await.is(200).body;
    assert_eq!(metric["used_by"], json!(["experiment:colour"]));
    world.act("/orgs/acme/projects/web/metrics/orders/archive").await.problem(409, "FF-1114");
    world.act("/orgs/acme/projects/web/flags/checkout/archive").await.problem(409, "FF-1114");
}

#[tokio::test]
async fn one_goes_from_the_draft_to_the_shipped_winner() {
    let world = World::furnished().await;
    world.draft("colour", json!({})).await;
    let started = world.act(&format!("{COLOUR}/start")).await.is(200);
    assert_eq!(started.body["status"], "running");
    let iteration = &started.body["current_iteration"];
    assert_eq!(
        (&iteration["number"], &iteration["definition"]["rule"]),
        (&json!(1), &json!("colour:1"))
    );
    let served = world.get(THERE).await.is(200).body;
    assert_eq!(served["experiment"]["key"], "colour");
    let again = world.act(&format!("{COLOUR}/start")).await.is(200);
    assert_eq!(again.version(), started.version());

    let pause = world.post(&format!("{COLOUR}/pause"), json!({"reason": "a fire"})).await.is(200);
    assert_eq!(pause.body["status"], "paused");
    assert_eq!(pause.body["current_iteration"]["number"], 1);
    assert_eq!(world.get(THERE).await.body["experiment"], json!(null));
    world.act(&format!("{COLOUR}/resume")).await.is(200);
    world.act(&format!("{COLOUR}/pause")).await.is(200);
    world.act(&format!("{COLOUR}/resume")).await.is(200);
    assert_eq!(world.get(THERE).await.body["experiment"]["key"], "colour");
    let early = json!({"outcome": {"type": "keep_control"}, "reason": "too early"});
    world.post(&format!("{COLOUR}/decide"), early).await.problem(409, "FF-1607");
    world.act(&format!("{COLOUR}/archive")).await.problem(409, "FF-1607");

    let stopped = world.act(&format!("{COLOUR}/stop")).await.is(200);
    assert_eq!(
        (&stopped.body["status"], &stopped.body["current_iteration"]),
        (&json!("stopped"), &json!(null))
    );
    assert!(stopped.body["iterations"][0]["ended_at"].is_string());
    world.act(&format!("{COLOUR}/ship")).await.problem(409, "FF-1607");
    let decide = format!("{COLOUR}/decide");
    let unknown = json!({"outcome": {"type": "ship", "variation": "none"}, "reason": "r"});
    assert_eq!(world.post(&decide, unknown).await.problem(422, "FF-1604"), ["/outcome/variation"]);
    let blank = json!({"outcome": {"type": "inconclusive"}, "reason": " "});
    assert_eq!(world.post(&decide, blank).await.problem(422, "FF-1604"), ["/reason"]);
    let winner = json!({"outcome": {"type": "ship", "variation": "on"}, "reason": "more orders"});
    let decided = world.post(&decide, winner).await.is(200);
    assert_eq!(decided.body["decision"]["outcome"], json!({"type": "ship", "variation": "on"}));
    let shipped = world.act(&format!("{COLOUR}/ship")).await.is(200);
    assert_eq!(shipped.body["shipped"], "on");
    let served = world.get(THERE).await.is(200).body;
    assert_eq!(served["targeting"]["default"], json!({"variation": "on"}));
    assert_eq!(served["experiment"], json!(null));

    let summary = world.get(ALL).await.is(200).body["items"][0].clone();
    assert_eq!((&summary["status"], &summary["iteration"]), (&json!("decided"), &json!(1)));
    assert!(summary["started_at"].is_string() && summary["ended_at"].is_string());
    world.act(&format!("{COLOUR}/archive")).await.is(200);
    world.act(&format!("{COLOUR}/start")).await.problem(409, "FF-1602");
    world.act(&format!("{COLOUR}/restore")).await.is(200);
    world.act(&format!("{COLOUR}/restore")).await.problem(409, "FF-1603");

    let history = world.get(&format!("{COLOUR}/history")).await.is(200).body;
    let kinds: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["event"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds[..3],
        ["experiment.created", "experiment.started", "experiment.iteration_started"]
    );
    assert!(kinds.contains(&"experiment.shipped"));
    let log =
        world.get("/orgs/acme/audit?aggregate_type=experiment&project=web").await.is(200).body;
    assert_eq!(log["items"][0]["label"], "colour");
    assert_eq!(log["items"][0]["events"][0]["type"], "experiment.restored");
    let log = world.get("/orgs/acme/audit?action=metric.created").await.is(200).body;
    assert_eq!(log["items"][0]["label"], "orders");
}

#[tokio::test]
async fn a_new_design_of_a_running_one_opens_the_next_iteration() {
    let world = World::furnished().await;
    world.draft("colour", json!({})).await;
    world.act(&format!("{COLOUR}/start")).await.is(200);
    let path = format!("{COLOUR}/design");
    let mut design = world.get(COLOUR).await.is(200).body["design"].clone();
    design["analysis"]["minimum_effect"] = json!(2);
    let measured = world.change(Method::PUT, &path, 2, design.clone()).await.is(200);
    assert_eq!(measured.body["current_iteration"]["number"], 1);
    design["arms"] = json!([{"key": "on", "weight": 10}, {"key": "off", "weight": 90}]);
    let shifted = world.change(Method::PUT, &path, 3, design.clone()).await.is(200);
    assert_eq!(shifted.body["current_iteration"]["number"], 2);
    assert!(shifted.body["current_iteration"]["definition"]["salt"].is_string());
    assert_eq!(world.get(THERE).await.body["experiment"]["rule"], "colour:2");
    let salt = shifted.body["current_iteration"]["definition"]["salt"].clone();
    design["traffic"] = json!(50);
    let grown = world.change(Method::PUT, &path, 4, design.clone()).await.is(200);
    assert_eq!(grown.body["current_iteration"]["definition"]["salt"], salt);
    design["traffic"] = json!(60);
    design["reshuffle"] = json!(true);
    let shuffled = world.change(Method::PUT, &path, 5, design.clone()).await.is(200);
    assert_ne!(shuffled.body["current_iteration"]["definition"]["salt"], salt);

    let stale = world.change(Method::PUT, &path, 1, design.clone()).await;
    stale.problem(412, "FF-2002");
    world.send(world.request(Method::PUT, &path).json(&design)).await.problem(428, "FF-1007");
    for (place, value, code, pointer) in [
        ("control", json!("none"), "FF-1604", "/control"),
        ("arms", json!([{"key": "on", "weight": 100}]), "FF-1604", "/arms"),
        ("metrics", json!({"primary": ["none"]}), "FF-1604", "/metrics/primary/0"),
        ("colour", json!("red"), "FF-1001", "/colour"),
        ("arms", json!([{"key": "on", "wight": 100}]), "FF-1001", "/arms/0/wight"),
        ("analysis", json!({"confidence": 20}), "FF-1604", "/analysis/confidence"),
    ] {
        let mut wrong = design.clone();
        wrong[place] = value;
        let reply = world.change(Method::PUT, &path, 6, wrong).await;
        assert!(reply.problem(422, code).contains(&pointer), "{}", reply.body);
    }
    let mut missing = design;
    missing.as_object_mut().unwrap().remove("arms");
    world.change(Method::PUT, &path, 6, missing).await.problem(422, "FF-1001");
}

#[tokio::test]
async fn what_is_wrong_in_a_draft_has_a_place() {
    let world = World::furnished().await;
    world.post("/orgs/acme/projects/web/metrics", metric("orders", "bought")).await.is(201);
    let body = |change: &dyn Fn(&mut Value)| {
        let mut body = json!({
            "key": "e", "name": "E", "environment": "production", "flag": "checkout",
            "design": {"metrics": {"primary": ["orders"]}},
        });
        change(&mut body);
        body
    };
    for (body, code, place) in [
        (body(&|b| b["flag"] = json!("none")), "FF-1604", "/flag"),
        (body(&|b| b["environment"] = json!("none")), "FF-1604", "/environment"),
        (body(&|b| b["colour"] = json!(1)), "FF-1001", "/colour"),
        (body(&|b| b["design"]["colour"] = json!(1)), "FF-1001", "/design/colour"),
        (
            body(&|b| b["design"]["metrics"] = json!({"primary": []})),
            "FF-1604",
            "/design/metrics/primary",
        ),
        (body(&|b| b["design"]["arms"] = json!([])), "FF-1604", "/design/arms"),
        (body(&|b| b["design"]["control"] = json!("none")), "FF-1604", "/design/control"),
        (body(&|b| b["design"]["layer"] = json!("none")), "FF-1604", "/design/layer"),
        (body(&|b| b["design"]["traffic"] = json!(0)), "FF-1604", "/design/traffic"),
    ] {
        let reply = world.post(ALL, body.clone()).await;
        assert_eq!(reply.problem(422, code), [place], "{body}");
    }
    let nowhere = "/orgs/acme/projects/none/experiments";
    assert_eq!(world.post(nowhere, body(&|_| {})).await.status, 404);
    assert_eq!(world.get(nowhere).await.status, 404);
}

#[tokio::test]
async fn two_experiments_on_one_flag_are_refused_and_a_served_flag_is_locked() {
    let world = World::furnished().await;
    world.draft("colour", json!({})).await;
    world.draft("size", json!({})).await;
    world.act(&format!("{COLOUR}/start")).await.is(200);
    world.act(&format!("{ALL}/size/start")).await.problem(409, "FF-1608");
    let version = world.get("/orgs/acme/projects/web/flags/checkout").await.version();
    let path = "/orgs/acme/projects/web/flags/checkout/variations/on";
    let removed = world.change(Method::DELETE, path, version, Value::Null).await;
    assert_eq!(removed.status, 409, "{}", removed.body);
    world.act(&format!("{THERE}/on")).await.is(200);
    world.act(&format!("{THERE}/off")).await.is(200);
}

#[tokio::test]
async fn experiments_are_found_by_what_they_are() {
    let world = World::furnished().await;
    world.post("/orgs/acme/projects/web/flags", flag("theme")).await.is(201);
    world.draft("colour", json!({})).await;
    let body = json!({
        "key": "size", "name": "Size", "hypothesis": "Larger sells", "tags": ["shop"],
        "environment": "staging", "flag": "theme", "design": {"metrics": {"primary": ["orders"]}},
    });
    world.post(ALL, body).await.is(201);
    world.draft("old", json!({})).await;
    world.act(&format!("{ALL}/old/archive")).await.is(200);
    world.act(&format!("{COLOUR}/start")).await.is(200);
    for (query, expected) in [
        ("", vec!["colour", "size"]),
        ("?state=archived", vec!["old"]),
        ("?status=running", vec!["colour"]),
        ("?status=running&status=draft&state=all", vec!["colour", "old", "size"]),
        ("?flag=theme", vec!["size"]),
        ("?environment=production", vec!["colour"]),
        ("?metric=orders", vec!["colour", "size"]),
        ("?metric=none", vec![]),
        ("?search=LARGER", vec!["size"]),
        ("?tag=shop", vec!["size"]),
        ("?sort=updated&limit=1", vec!["colour"]),
    ] {
        let list = world.get(&format!("{ALL}{query}")).await.is(200).body;
        assert_eq!(keys(&list), expected, "{query}");
    }
    for bad in ["status=done", "state=gone", "sort=x", "flag=-", "environment=-", "owner=x", "x=1"]
    {
        let place = format!("?{}", bad.split('=').next().unwrap());
        let reply = world.get(&format!("{ALL}?{bad}")).await;
        assert_eq!(reply.problem(400, "FF-1009"), [place]);
    }
    let me = world.get("/me").await.body["id"].clone();
    let details = json!({"name": "Colours", "hypothesis": "Red", "tags": ["now"], "owner": me});
    let changed = world.change(Method::PATCH, COLOUR, 2, details).await.is(200);
    assert_eq!((&changed.body["hypothesis"], &changed.body["owner"]), (&json!("Red"), &me));
    let null = world.change(Method::PATCH, COLOUR, changed.version(), json!({"name": null})).await;
    assert_eq!(null.problem(422, "FF-1001"), ["/name"]);
}

#[tokio::test]
async fn the_past_of_an_experiment_can_be_seen() {
    let world = World::furnished().await;
    world.draft("colour", json!({})).await;
    let first = world.get(COLOUR).await.is(200);
    let then = first.body["position"].as_str().unwrap().to_owned();
    world.act(&format!("{COLOUR}/start")).await.is(200);
    let past = world.get(&format!("{COLOUR}?as_of={then}")).await.is(200);
    assert_eq!((&past.body["status"], &past.body["version"]), (&json!("draft"), &json!(1)));
    assert_eq!(past.body["created_at"], first.body["created_at"]);
    assert!(!past.headers.contains_key("etag"));
    world.get(&format!("{COLOUR}?as_of=1")).await.problem(404, "FF-1006");
    world.get(&format!("{ALL}/none?as_of={then}")).await.problem(404, "FF-1006");
    world.get(&format!("{ALL}/none/history")).await.problem(404, "FF-1006");
}

#[tokio::test]
async fn a_viewer_sees_experiments_and_changes_none() {
    let world = World::furnished().await;
    world.draft("colour", json!({})).await;
    let body = json!({"name": "t", "purpose": {"kind": "api_token", "role": "viewer"}});
    let viewer = world.post("/orgs/acme/keys", body).await.is(201).body["key"].clone();
    let viewer = viewer.as_str().unwrap();
    for path in ["experiments", "experiments/colour", "metrics/orders", "layers"] {
        let path = format!("/orgs/acme/projects/web/{path}");
        world.send(world.request_by(viewer, Method::GET, &path)).await.is(200);
    }
    for step in ["start", "pause", "resume", "stop", "ship", "archive", "restore"] {
        let path = format!("{COLOUR}/{step}");
        let reply = world.send(world.request_by(viewer, Method::POST, &path)).await;
        reply.problem(403, "FF-3004");
    }
    let draft = json!({
        "key": "e", "name": "E", "environment": "production", "flag": "checkout",
        "design": {"metrics": {"primary": ["orders"]}},
    });
    let create = world.request_by(viewer, Method::POST, ALL).json(&draft);
    world.send(create).await.problem(403, "FF-3004");
}

#[tokio::test]
async fn one_command_is_done_once_and_says_why() {
    let world = World::furnished().await;
    world.draft("colour", json!({})).await;
    let start = || {
        world
            .request(Method::POST, &format!("{COLOUR}/start"))
            .header("Idempotency-Key", "start")
            .header("FF-Comment", "ready")
    };
    let first = world.send(start()).await.is(200);
    let again = world.send(start()).await.is(200);
    assert_eq!(first.body, again.body);
    assert_eq!(again.header("idempotency-replayed"), "true");
    // The flag's part is of the same change.
    let log = world.get("/orgs/acme/audit?limit=5").await.is(200).body;
    let of_start: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|item| item["comment"] == "ready")
        .map(|item| item["aggregate_type"].as_str().unwrap())
        .collect();
    assert!(of_start.contains(&"experiment") && of_start.contains(&"flag"), "{of_start:?}");
    let stale = world.request(Method::POST, &format!("{COLOUR}/stop")).header("If-Match", "\"1\"");
    world.send(stale).await.problem(412, "FF-2002");
}
