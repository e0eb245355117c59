//! An organization in which every operation finds something that it can succeed with.

use ff_e2e::Api;
use serde_json::{Value, json};

pub const ORGANIZATION: &str = "schema";
pub const PROJECT: &str = "web";

/// The steps that bring an experiment from a draft to each place in its life.
const LIVES: [(&str, &[&str]); 5] = [
    ("draft", &[]),
    ("running", &["start"]),
    ("paused", &["start", "pause"]),
    ("stopped", &["start", "stop"]),
    ("decided", &["start", "stop", "decide"]),
];

pub async fn seed(api: &Api) {
    let organization = format!("/api/v1/orgs/{ORGANIZATION}");
    let project = format!("{organization}/projects/{PROJECT}");
    make(api, "/api/v1/orgs", json!({"key": ORGANIZATION, "name": "Schema"})).await;
    make(api, &format!("{organization}/projects"), json!({"key": PROJECT, "name": "Web"})).await;
    for key in ["production", "staging"] {
        make(api, &format!("{project}/environments"), json!({"key": key, "name": key})).await;
    }
    for key in ["orders", "revenue"] {
        let kind = json!({"type": "binomial", "event": key});
        let definition = json!({"kind": kind, "better": "higher"});
        let metric = json!({"key": key, "name": key, "definition": definition});
        make(api, &format!("{project}/metrics"), metric).await;
    }
    for key in ["shared", "spare"] {
        make(api, &format!("{project}/segments"), json!({"key": key, "name": key})).await;
        make(api, &format!("{project}/layers"), json!({"key": key, "name": key})).await;
    }
    for number in 0..3 {
        let purpose = json!({"kind": "api_token", "role": "viewer"});
        let key = json!({"name": format!("key {number}"), "purpose": purpose});
        make(api, &format!("{organization}/keys"), key).await;
        make(api, &format!("{project}/flags"), flag(&format!("flag-{number}"))).await;
    }
    for (place, steps) in LIVES {
        for number in 0..2 {
            experiment(api, &project, &format!("{place}-{number}"), steps).await;
        }
    }
}

async fn experiment(api: &Api, project: &str, key: &str, steps: &[&str]) {
    make(api, &format!("{project}/flags"), flag(key)).await;
    make(api, &format!("{project}/flags/{key}/environments/production/on"), Value::Null).await;
    let design = json!({"metrics": {"primary": ["orders"]}});
    let draft = json!({
        "key": key, "name": key, "environment": "production", "flag": key, "design": design,
    });
    make(api, &format!("{project}/experiments"), draft).await;
    for step in steps {
        let outcome = json!({"type": "ship", "variation": "on"});
        let body = match *step {
            "decide" => json!({"outcome": outcome, "reason": "it won"}),
            _ => Value::Null,
        };
        make(api, &format!("{project}/experiments/{key}/{step}"), body).await;
    }
}

/// A flag with a variation that nothing serves.
fn flag(key: &str) -> Value {
    json!({
        "key": key, "name": key, "type": "boolean",
        "variations": [
            {"key": "on", "value": true},
            {"key": "off", "value": false},
            {"key": "unused", "value": true},
        ],
        "initial": {"off_variation": "off", "default_variation": "on"},
    })
}

async fn make(api: &Api, path: &str, body: Value) {
    let body = (!body.is_null()).then_some(body);
    let answer = api.post(path, body).await.unwrap();
    assert!((200..300).contains(&answer.status), "{path}: {} {}", answer.status, answer.body);
}
