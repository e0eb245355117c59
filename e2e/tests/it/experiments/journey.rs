//! The whole way: metric, draft, plan, start, traffic, results, stop, decide, ship.

use std::time::Duration;

use ff_e2e::Platform;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{SOON, audit, changes, eventually, post, results, users};
use crate::{SHOP, spine::evaluate};

const USERS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_goes_from_the_draft_to_the_shipped_winner() {
    let platform = Platform::start().unwrap();
    let api = platform.api().await.unwrap();
    let server_key = platform.value("FF_DEMO_SERVER_KEY").unwrap();

    for metric in [
        json!({"key": "bought", "name": "Bought", "definition": {
            "kind": {"type": "binomial", "event": "purchase"}, "better": "higher"}}),
        json!({"key": "paid", "name": "Paid", "definition": {
            "kind": {"type": "mean", "event": "revenue"}, "unit": "EUR", "better": "higher",
            "cap": {"type": "percentile", "percentile": 99.5}}}),
        json!({"key": "waited", "name": "Waited", "definition": {
            "kind": {"type": "quantile", "event": "page_load", "percentile": 90}, "unit": "ms",
            "better": "lower", "covariate_days": 0}}),
    ] {
        post(&api, "metrics", Some(metric)).await;
    }
    let draft = json!({
        "key": "button", "name": "Button", "hypothesis": "Green sells",
        "environment": "production", "flag": "button-color",
        "design": {
            "arms": [{"key": "blue", "weight": 50}, {"key": "green", "weight": 50}],
            "control": "blue",
            "metrics": {
                "primary": ["bought"], "secondary": ["paid"],
                "guardrails": [{"metric": "waited", "margin": 8, "on_breach": "pause"}],
            },
            "analysis": {"planned_users": USERS, "minimum_effect": 30, "breakdowns": ["plan"]},
        },
    });
    let drafted = post(&api, "experiments", Some(draft)).await;
    assert_eq!(drafted.body["status"], "draft");
    let answer =
        evaluate(&platform, &server_key, "button-color", json!({"targetingKey": "u"})).await;
    assert!(answer.unwrap()["metadata"]["experiment"].is_null(), "a draft serves nobody");
    eventually(&platform, &api, "button", "a draft", |results| {
        results["recommendation"]["action"] == "not_started"
    })
    .await;

    // How long must it run? The metric's own history says how many buy, and how many come.
    platform.ingest().unwrap().deliver(&history()).await.unwrap();
    let analytics = api.at(&platform.value("FF_ANALYTICS_URL").unwrap());
    let plan = ff_testkit::eventually(super::SOON, || async {
        let path = "/v1/orgs/demo/projects/shop/experiments/button/plan";
        let plan = analytics.get(path).await.unwrap();
        let known = plan.body["metrics"][0]["history"]["users"] == 1_000;
        if known { Ok(plan.body) } else { Err(plan) }
    })
    .await;
    let bought = &plan["metrics"][0];
    assert_eq!(bought["input"]["metric"], json!({"kind": "binomial", "rate": 0.1}), "{bought}");
    let needed = bought["plan"]["sample"]["total"].as_u64().unwrap();
    assert!((1_000..USERS).contains(&needed), "{bought}");
    // The same, asked with numbers of one's own: half the effect takes about four times the users.
    let mut question = bought["input"].clone();
    question["minimum_effect"] = json!(0.15);
    let more = analytics.post("/v1/power", Some(question)).await.unwrap();
    assert_eq!(more.status, 200, "{}", more.body);
    let ratio = more.body["sample"]["total"].as_f64().unwrap() / needed as f64;
    assert!((3.0..5.0).contains(&ratio), "{ratio}");

    let started = post(&api, "experiments/button/start", None).await;
    assert_eq!(started.body["status"], "running");
    let traffic = |users: u64| {
        let (users, seed) = (users.to_string(), "7");
        let arguments =
            ["--users", &users, "--effect", "50%", "--seed", seed, "--experiment", "button"];
        platform.traffic(&arguments).unwrap()
    };
    let said = traffic(3_000);
    assert!(said.contains("saw green") && said.contains("saw blue"), "{said}");
    assert!(said.contains("events rejected        0"), "{said}");
    let early = eventually(&platform, &api, "button", "3,000 users", |r| users(r) == 3_000).await;
    assert_eq!(early["recommendation"]["action"], "keep_running", "{}", early["recommendation"]);

    // The first ones come again, and are the same.
    traffic(USERS);
    let full = eventually(&platform, &api, "button", "all users", |r| {
        users(r) == USERS && r["recommendation"]["action"] != "keep_running"
    })
    .await;
    assert_eq!(full["health"]["sound"], true, "{}", full["health"]);
    assert_eq!(full["health"]["alarms"], json!([]), "{}", full["health"]);
    assert_eq!(full["health"]["several"]["users"], 0);
    assert_eq!(full["health"]["exposures"]["stored"], USERS, "{}", full["health"]["exposures"]);
    assert_eq!(full["health"]["exposures"]["sent"], USERS, "{}", full["health"]["exposures"]);
    assert_eq!(full["recommendation"]["action"], "ship", "{}", full["recommendation"]);
    assert_eq!(full["recommendation"]["variation"], "green");
    let bought = &full["metrics"][0]["comparisons"][0];
    assert_eq!(bought["verdict"]["state"], "better", "{bought}");
    assert_eq!(bought["now"]["cuped"]["used"], true, "{}", bought["now"]["cuped"]);
    let waited = &full["metrics"][2]["comparisons"][0]["guardrail"];
    assert_eq!(waited["state"]["state"], "pass", "{waited}");

    let stopped = post(&api, "experiments/button/stop", None).await;
    assert_eq!(stopped.body["status"], "stopped");
    let decision = json!({"outcome": {"type": "ship", "variation": "green"}, "reason": "half as many more buy"});
    post(&api, "experiments/button/decide", Some(decision)).await;
    let shipped = post(&api, "experiments/button/ship", None).await;
    assert_eq!(shipped.body["shipped"], "green", "{}", shipped.body);
    let position = shipped.position.unwrap();
    ff_testkit::eventually(SOON, || async {
        let context = json!({"targetingKey": "user-0"});
        let answer = evaluate(&platform, &server_key, "button-color", context).await.unwrap();
        // A user may have been served green before: the position says that this is since it was shipped.
        if answer["metadata"]["position"] == *position { Ok(()) } else { Err(answer.to_string()) }
    })
    .await;
    for user in 0..20 {
        let context = json!({"targetingKey": format!("user-{user}")});
        let answer = evaluate(&platform, &server_key, "button-color", context).await.unwrap();
        assert_eq!(answer["variant"], "green", "{answer}");
        assert!(answer["metadata"]["experiment"].is_null(), "{answer}");
    }

    let audit = audit(&api, &position).await;
    for (event, times) in [
        ("metric.created", 3),
        ("experiment.created", 1),
        ("experiment.started", 1),
        ("flag.experiment_served", 1),
        ("experiment.stopped", 1),
        ("flag.experiment_ended", 1),
        ("experiment.decided", 1),
        ("experiment.shipped", 1),
    ] {
        assert_eq!(changes(&audit, event).len(), times, "{event}");
    }
    let verified = platform.ff(&["audit", "verify"]).unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let again = api.get_at(&format!("{SHOP}/experiments/button"), &position).await.unwrap();
    assert_eq!(again.body["status"], "decided");
    // What was found out stays readable.
    let after = results(&platform, &api, "button", "").await;
    assert_eq!(users(&after.body), USERS, "{}", after.body["arms"]);
}

/// What 1,000 users did three days ago: all saw a page, and a tenth of them bought.
fn history() -> Value {
    let at = (jiff::Timestamp::now() - Duration::from_secs(3 * 86_400)).to_string();
    let event = |user: u32, metric: &str, value: f64| {
        json!({
            "type": "metric", "id": Uuid::new_v4(), "at": at, "user_key": format!("earlier-{user}"),
            "metric": metric, "value": value,
        })
    };
    let seen = (0..1_000).map(|user| event(user, "page_load", 900.0));
    let bought = (0..100).map(|user| event(user, "purchase", 1.0));
    json!({"events": seen.chain(bought).collect::<Vec<_>>()})
}
