//! Experiments from the draft to the shipped winner, and what must stop them.

mod aa;
mod as_of;
mod broken;
mod journey;
mod layers;

use std::time::Duration;

use ff_e2e::{Answer, Api, Platform};
use serde_json::{Value, json};

use crate::SHOP;

/// How long data may take to become results. The platform promises seconds; a debug build on a busy machine needs more.
const SOON: Duration = Duration::from_secs(90);

/// What the analytics engine says of an experiment; `as_of` is a query, such as `?position=1`.
async fn results(platform: &Platform, api: &Api, experiment: &str, as_of: &str) -> Answer {
    let analytics = api.at(&platform.value("FF_ANALYTICS_URL").unwrap());
    let path = format!("/v1/orgs/demo/projects/shop/experiments/{experiment}/results{as_of}");
    analytics.get(&path).await.unwrap()
}

/// How many users results are of.
fn users(results: &Value) -> u64 {
    let arms = results["arms"].as_array().into_iter().flatten();
    arms.filter_map(|arm| arm["users"].as_u64()).sum()
}

/// Waits until results hold, and answers them.
async fn eventually(
    platform: &Platform,
    api: &Api,
    experiment: &str,
    what: &str,
    holds: impl Fn(&Value) -> bool,
) -> Value {
    ff_testkit::eventually(SOON, || async {
        let answer = results(platform, api, experiment, "").await;
        if answer.status == 200 && holds(&answer.body) {
            return Ok(answer.body);
        }
        let body = &answer.body;
        Err(format!(
            "{what}: {} {} {} {}\n{}",
            answer.status,
            body["arms"],
            body["health"]["alarms"],
            body["recommendation"],
            platform.logs()
        ))
    })
    .await
}

/// A command, which must be taken.
async fn post(api: &Api, path: &str, body: Option<Value>) -> Answer {
    let answer = api.post(&format!("{SHOP}/{path}"), body).await.unwrap();
    assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
    answer
}

/// Everything that happened in the organization up to a position, the newest first: its changes and their events.
async fn audit(api: &Api, position: &str) -> Vec<Value> {
    let (mut all, mut next) = (Vec::new(), Some("/api/v1/orgs/demo/audit?limit=100".to_owned()));
    while let Some(path) = next.take() {
        let page = api.get_at(&path, position).await.unwrap();
        assert_eq!(page.status, 200, "{}", page.body);
        all.extend(page.body["items"].as_array().unwrap().iter().cloned());
        let cursor = page.body["next_cursor"].as_str();
        next = cursor.map(|cursor| format!("/api/v1/orgs/demo/audit?limit=100&cursor={cursor}"));
    }
    all
}

/// The changes that hold an event of this type.
fn changes<'a>(audit: &'a [Value], event: &str) -> Vec<&'a Value> {
    let is = |change: &&Value| {
        change["events"].as_array().unwrap().iter().any(|each| each["type"] == event)
    };
    audit.iter().filter(is).collect()
}

/// Makes a boolean flag that is on in production, and an experiment on it that runs; both have this key.
async fn run_experiment(api: &Api, key: &str, design: Value) -> Answer {
    crate::spine::make_flag(api, key).await;
    let arms = json!([{"key": "on", "weight": 50}, {"key": "off", "weight": 50}]);
    let mut whole = json!({"arms": arms, "control": "off"});
    for (name, value) in design.as_object().unwrap() {
        whole[name] = value.clone();
    }
    let experiment = json!({
        "key": key, "name": key, "environment": "production", "flag": key, "design": whole,
    });
    post(api, "experiments", Some(experiment)).await;
    post(api, &format!("experiments/{key}/start"), None).await
}

/// Waits until the experiments that the edge serves `user-0` are what they should be.
async fn edge_serves(platform: &Platform, holds: impl Fn(&[&str]) -> bool) {
    let (edge, key) =
        (platform.value("FF_EDGE_URL").unwrap(), platform.value("FF_DEMO_SERVER_KEY").unwrap());
    let client = reqwest::Client::new();
    ff_testkit::eventually(SOON, || async {
        let flags = evaluate_all(&client, &edge, &key, "user-0").await;
        let served: Vec<&str> = experiments_of(&flags).collect();
        if holds(&served) { Ok(()) } else { Err(format!("{served:?}")) }
    })
    .await;
}

/// The experiments that decided, by the edge's answers.
fn experiments_of(flags: &[Value]) -> impl Iterator<Item = &str> {
    flags.iter().filter_map(|flag| flag["metadata"]["experiment"].as_str())
}

/// What all flags are for a user, as the edge tells a server.
async fn evaluate_all(client: &reqwest::Client, edge: &str, key: &str, user: &str) -> Vec<Value> {
    let request = client
        .post(format!("{edge}/ofrep/v1/evaluate/flags"))
        .bearer_auth(key)
        .json(&json!({"context": {"targetingKey": user}}));
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["flags"].as_array().unwrap_or_else(|| panic!("{answer}")).clone()
}
