//! The unmodified OpenFeature SDK and OFREP provider of npm against the edge.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use ff_e2e::Platform;
use serde_json::{Value, json};

use crate::SHOP;

/// Runs the client with a script of evaluations and answers what it got.
fn run_client(platform: &Platform, evaluations: &Value) -> Vec<Value> {
    let clients = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");
    let mut client = Command::new("node")
        .arg("openfeature.mjs")
        .current_dir(clients)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is installed");
    let input = json!({
        "baseUrl": platform.value("FF_EDGE_URL").unwrap(),
        "key": platform.value("FF_DEMO_SERVER_KEY").unwrap(),
        "evaluations": evaluations,
    });
    client.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "the client failed; `make e2e-clients` installs what it needs"
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_client_gets_every_type_and_sees_a_change() {
    let platform = Platform::start().unwrap();
    let context = json!({"targetingKey": "user-1", "country": "US", "plan": "pro"});
    let evaluations = json!([
        {"flag": "maintenance-mode", "type": "boolean", "default": true, "context": context},
        {"flag": "button-color", "type": "string", "default": "none", "context": context},
        {"flag": "search-results", "type": "number", "default": -1, "context": context},
        {"flag": "theme", "type": "object", "default": {}, "context": context},
        {"flag": "no-such-flag", "type": "boolean", "default": true, "context": context},
        {"flag": "theme", "type": "boolean", "default": true, "context": context},
    ]);
    let answers = run_client(&platform, &evaluations);
    assert_eq!(answers[0]["value"], json!(false), "{}", answers[0]);
    assert!(
        ["red", "green", "blue"].contains(&answers[1]["value"].as_str().unwrap()),
        "{}",
        answers[1]
    );
    assert_eq!(answers[2]["value"], json!(50), "{}", answers[2]);
    assert!(answers[3]["value"].is_object(), "{}", answers[3]);
    assert_eq!(answers[4]["errorCode"], "FLAG_NOT_FOUND", "{}", answers[4]);
    assert_eq!(
        answers[4]["value"],
        json!(true),
        "an unknown flag leaves the caller with its default"
    );
    assert_eq!(answers[5]["errorCode"], "TYPE_MISMATCH", "{}", answers[5]);

    let api = platform.api().await.unwrap();
    let on = api
        .post(&format!("{SHOP}/flags/maintenance-mode/environments/production/on"), None)
        .await
        .unwrap();
    assert_eq!(on.status, 200, "{}", on.body);
    let changed = json!([
        {"flag": "maintenance-mode", "type": "boolean", "default": false, "context": context, "waitFor": true},
    ]);
    let answers = run_client(&platform, &changed);
    assert_eq!(answers[0]["value"], json!(true), "{}", answers[0]);
    assert_eq!(answers[0]["reason"], "STATIC", "{}", answers[0]);
}
