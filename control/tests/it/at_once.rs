//! What is taken is taken: at the next request where it was done, and within two seconds on another control plane.

use std::time::Duration;

use ff_testkit::eventually;
use reqwest::Method;
use serde_json::{Value, json};

use crate::routes::members::role;
use crate::world::World;

/// What is promised.
const PROMISED: Duration = Duration::from_secs(2);
const KEYS: &str = "/orgs/acme/keys";
const ACCOUNT: &str = "/orgs/acme/service-accounts/deploy";

/// Two control planes on the same servers.
async fn two() -> (World, World) {
    let (nats, database) =
        tokio::join!(ff_testkit::nats::server(), ff_testkit::postgres::database());
    let (url, data, pool) = (nats.url.clone(), database.url.clone(), database.pool.clone());
    let one = World::over(&url, &data, pool.clone(), Box::new((nats, database)), |_| {}).await;
    let other = World::over(&url, &data, pool, Box::new(()), |_| {}).await;
    one.furnish().await;
    (one, other)
}

/// The other one answers this soon.
async fn becomes(world: &World, token: &str, path: &str, status: u16) {
    eventually(PROMISED, || async {
        let reply = world.as_(token).get(path).await;
        if reply.status == status { Ok(()) } else { Err(reply) }
    })
    .await;
}

async fn issue(world: &World, token: &str, purpose: Value) -> (String, String) {
    let body = json!({"name": "t", "purpose": purpose});
    let issued = world.as_(token).post(KEYS, body).await.is(201).body;
    let text = |field: &str| issued[field].as_str().unwrap().to_owned();
    (text("key"), text("id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn on_every_control_plane() {
    let (one, other) = two().await;
    let flags = "/orgs/acme/projects/web/flags";
    let (ada, token) = one.colleague("ada@example.com", json!([role("viewer")])).await;
    becomes(&other, &token, flags, 200).await;

    // A role, directly and by what it holds.
    one.post(&format!("/orgs/acme/members/{ada}/roles/take"), role("viewer")).await.is(200);
    one.as_(&token).get(flags).await.problem(404, "FF-1006");
    becomes(&other, &token, flags, 404).await;
    let reader = json!({"key": "reader", "name": "R", "permissions": ["flag.read"]});
    let version = one.post("/orgs/acme/roles", reader).await.is(201).version();
    one.post(&format!("/orgs/acme/members/{ada}/roles/give"), role("reader")).await.is(200);
    one.as_(&token).get(flags).await.is(200);
    becomes(&other, &token, flags, 200).await;
    let less = json!({"name": "R", "permissions": []});
    one.change(Method::PUT, "/orgs/acme/roles/reader", version, less).await.is(200);
    one.as_(&token).get(flags).await.problem(403, "FF-3004");
    becomes(&other, &token, flags, 403).await;

    // A key, a service account, and a member with their tokens.
    let owner = one.token();
    let (key, id) = issue(&one, &owner, json!({"kind": "api_token", "role": "viewer"})).await;
    becomes(&other, &key, flags, 200).await;
    one.change(Method::DELETE, &format!("{KEYS}/{id}"), 1, Value::Null).await.is(200);
    one.as_(&key).get(flags).await.problem(401, "FF-3001");
    becomes(&other, &key, flags, 401).await;

    let account = json!({"key": "deploy", "name": "D", "roles": [role("viewer")]});
    one.post("/orgs/acme/service-accounts", account).await.is(201);
    let (key, _) =
        issue(&one, &owner, json!({"kind": "service_account", "account": "deploy"})).await;
    becomes(&other, &key, flags, 200).await;
    one.act(&format!("{ACCOUNT}/archive")).await.is(200);
    one.as_(&key).get(flags).await.problem(401, "FF-3001");
    becomes(&other, &key, flags, 401).await;

    let (bob, token) = one.colleague("bob@example.com", json!([role("editor")])).await;
    let personal = json!({"kind": "personal_token", "scopes": [role("editor")]});
    let (key, _) = issue(&one, &token, personal).await;
    becomes(&other, &key, flags, 200).await;
    let path = format!("/orgs/acme/members/{bob}");
    one.change(Method::DELETE, &path, 1, Value::Null).await.is(200);
    for (dead, status, code) in [(&token, 404, "FF-1006"), (&key, 401, "FF-3001")] {
        one.as_(dead).get(flags).await.problem(status, code);
        becomes(&other, dead, flags, status).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_key_ends_when_it_was_said_to() {
    let (one, other) = two().await;
    let (key, id) = issue(&one, &one.token(), json!({"kind": "api_token", "role": "viewer"})).await;
    becomes(&other, &key, "/orgs/acme", 200).await;
    let path = format!("{KEYS}/{id}/rotate");
    let next = one.post(&path, json!({"overlap_seconds": 0})).await.is(201).body;
    let next = next["key"].as_str().unwrap();
    one.as_(&key).get("/orgs/acme").await.problem(401, "FF-3001");
    becomes(&other, &key, "/orgs/acme", 401).await;
    becomes(&other, next, "/orgs/acme", 200).await;
}
