//! The OpenAPI document: that the committed copy is the code's, and that nothing in it is open.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

pub(crate) fn document() -> Value {
    serde_json::to_value(ff_control::openapi()).unwrap()
}

/// Every operation: method, path and what is known of it.
pub(crate) fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["get", "post", "put", "patch", "delete"] {
            if let Some(operation) = item.get(method) {
                let method = method.to_uppercase().parse().unwrap();
                all.push((method, path.clone(), operation.clone()));
            }
        }
    }
    all
}

/// Run with `FF_WRITE_OPENAPI=1` to write the copy anew.
#[test]
fn the_committed_copy_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let mut now = serde_json::to_string_pretty(&ff_control::openapi()).unwrap();
    now.push('\n');
    if std::env::var_os("FF_WRITE_OPENAPI").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == now,
        "the API has changed: look at the difference that \
         `FF_WRITE_OPENAPI=1 cargo test -p ff-control the_committed_copy` makes, and commit it"
    );
}

#[test]
fn every_operation_is_named_once_and_says_how_it_can_fail() {
    let document = document();
    let operations = operations(&document);
    assert!(operations.len() > 35, "{}", operations.len());
    let mut ids = BTreeSet::new();
    for (method, path, operation) in &operations {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} twice");
        assert!(operation["summary"].is_string(), "{id}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with(['2', '3'])), "{id}");
        let mut expected = vec!["400", "401", "405", "429", "500", "503"];
        if [Method::PUT, Method::PATCH, Method::DELETE].contains(method) {
            expected.extend(["403", "404", "409", "413", "415", "422"]);
            let people = ["sessions", "people"].contains(&operation["tags"][0].as_str().unwrap());
            let headers = operation["parameters"].to_string();
            assert_eq!(headers.contains("If-Match"), !people, "{id}");
            if !people {
                expected.extend(["412", "428"]);
            }
        }
        for status in expected {
            let shared = responses[status]["$ref"].as_str().unwrap();
            let shared = document.pointer(shared.strip_prefix('#').unwrap()).unwrap();
            let content = &shared["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{id} {status}");
        }
        for part in path.split('/').filter_map(|part| part.strip_prefix('{')) {
            let name = part.trim_end_matches('}');
            let parameters = operation["parameters"].as_array().unwrap();
            assert!(
                parameters.iter().any(|p| p["name"] == name && p["in"] == "path"),
                "{id} {name}"
            );
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(to)) = members.get("$ref") {
                    found.insert(to.clone());
                }
                members.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn no_operation_answers_without_a_principal() {
    let world = World::start().await;
    let mut asked = 0;
    for (method, path, operation) in operations(&document()) {
        if operation["security"] == json!([]) {
            continue;
        }
        let path = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let bare = || world.open(method.clone(), &path);
        let reply = world.send(bare()).await;
        reply.problem(401, "FF-3000");
        assert!(reply.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
        let forged = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIwIn0.";
        for odd in ["Bearer nonsense", "Basic eDp5", "Bearer", &format!("Bearer {forged}")] {
            let reply = world.send(bare().header("Authorization", odd)).await;
            reply.problem(401, "FF-3001");
        }
        asked += 1;
    }
    assert!(asked > 35);
}
