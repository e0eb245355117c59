//! Each change of who may do what is in the security log, once, and what changed nothing is not.

use std::time::Duration;

use ff_testkit::eventually;
use reqwest::Method;
use serde_json::{Value, json};

use crate::routes::members::{in_project, role};
use crate::sign_in::Desk;

const KEYS: &str = "/orgs/acme/keys";
const ROLES: &str = "/orgs/acme/roles";
const ACCOUNT: &str = "/orgs/acme/service-accounts/deploy";

#[tokio::test]
async fn every_change_of_rights_is_recorded_once() {
    let desk = Desk::open().await;
    let world = &desk.world;
    let me = world.get("/me").await.is(200).body["id"].clone();
    let (ada, token) = world.managed("acme", "ada@example.com").await;
    let member = format!("/orgs/acme/members/{ada}");
    let twice = async |path: String, body: Value| {
        for _ in 0..2 {
            world.post(&path, body.clone()).await.is(200);
        }
    };

    let made = json!({"key": "chef", "name": "Chef", "permissions": ["flag.read"]});
    let version = world.post(ROLES, made).await.is(201).version();
    let again = json!({"name": "Cook", "permissions": ["flag.read"]});
    let chef = format!("{ROLES}/chef");
    let version = world.change(Method::PUT, &chef, version, again).await.is(200).version();
    world.change(Method::DELETE, &chef, version, Value::Null).await.is(200);
    world.post("/orgs/acme/members", json!({"user": ada, "roles": []})).await.is(201);
    twice(format!("{member}/roles/give"), in_project("editor", "web")).await;
    twice(format!("{member}/roles/take"), in_project("editor", "web")).await;
    world.change(Method::DELETE, &member, 3, Value::Null).await.is(200);
    world.post("/orgs/acme/members", json!({"user": ada, "roles": [role("viewer")]})).await.is(201);
    world.as_(&token).act("/orgs/acme/leave").await.is(200);

    let account = json!({"key": "deploy", "name": "D"});
    let account = world.post("/orgs/acme/service-accounts", account).await.is(201).body;
    twice(format!("{ACCOUNT}/roles/give"), role("viewer")).await;
    twice(format!("{ACCOUNT}/roles/take"), role("viewer")).await;
    for path in ["archive", "archive", "restore"] {
        world.act(&format!("{ACCOUNT}/{path}")).await.is(200);
    }
    let purpose = json!({"kind": "sdk_server", "project": "web", "environment": "staging"});
    let issue = || world.request(Method::POST, KEYS).header("Idempotency-Key", "k");
    let mut key = Value::Null;
    for _ in 0..2 {
        let body = json!({"name": "k", "purpose": purpose});
        key = world.send(issue().json(&body)).await.is(201).body["id"].clone();
    }
    let path = format!("{KEYS}/{}", key.as_str().unwrap());
    let next = world.act(&format!("{path}/rotate")).await.is(201).body["id"].clone();
    world.change(Method::DELETE, &path, 2, Value::Null).await.is(200);

    let (ada, id) = (json!(ada), account["id"].clone());
    let expected = [
        ("role.defined", "role", &json!("chef"), &me),
        ("role.defined", "role", &json!("chef"), &me),
        ("role.removed", "role", &json!("chef"), &me),
        ("member.added", "user", &ada, &me),
        ("role.given", "user", &ada, &me),
        ("role.taken", "user", &ada, &me),
        ("member.removed", "user", &ada, &me),
        ("member.added", "user", &ada, &me),
        ("member.removed", "user", &ada, &ada),
        ("member.added", "service_account", &id, &me),
        ("role.given", "service_account", &id, &me),
        ("role.taken", "service_account", &id, &me),
        ("member.removed", "service_account", &id, &me),
        ("member.added", "service_account", &id, &me),
        ("key.issued", "key", &key, &me),
        ("key.rotated", "key", &key, &me),
        ("key.revoked", "key", &key, &me),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(kind, what, subject, actor)| {
            let subject = json!({"kind": what, "id": subject});
            json!([kind, subject, actor])
        })
        .collect();
    let found = eventually(Duration::from_secs(30), || async {
        let log = world.get("/orgs/acme/security-log?limit=200&outcome=ok").await.is(200).body;
        let mut items = log["items"].as_array().unwrap().clone();
        items.reverse();
        let ours = |kind: &str| ["role.", "member.", "key."].iter().any(|p| kind.starts_with(p));
        items.retain(|item| ours(item["kind"].as_str().unwrap()));
        if items.len() >= expected.len() { Ok(items) } else { Err(items) }
    })
    .await;
    let short: Vec<_> = found
        .iter()
        .map(|item| json!([item["kind"], item["subject"], item["actor"]["id"]]))
        .collect();
    assert_eq!(short, expected);
    assert_eq!(found[4]["detail"], json!({"role": "editor", "project": "web"}));
    assert_eq!(found[15]["detail"]["replaced_by"], next);
}
