//! Keys and tokens.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, flag};

const ALL: &str = "/orgs/acme/keys";

fn sdk(kind: &str) -> Value {
    let purpose = json!({"kind": kind, "project": "web", "environment": "production"});
    json!({"name": kind, "purpose": purpose})
}

fn token(role: &str) -> Value {
    json!({"name": role, "purpose": {"kind": "api_token", "role": role}})
}

#[tokio::test]
async fn a_key_is_shown_once_listed_without_its_secret_and_revoked() {
    let world = World::furnished().await;
    let issued = world.post(ALL, sdk("sdk_server")).await.is(201);
    let key = issued.body["key"].as_str().unwrap();
    assert!(key.starts_with("ff_srv_"), "{key}");
    let id = issued.body["id"].as_str().unwrap();
    assert_eq!(issued.header("location"), format!("/api/v1{ALL}/{id}"));

    let listed = world.get(ALL).await.is(200).body;
    let found = world.get(&format!("{ALL}/{id}")).await.is(200);
    assert_eq!(listed["items"][0]["id"], id);
    assert!(key.starts_with(found.body["prefix"].as_str().unwrap()));
    for answer in [&listed, &found.body] {
        let text = answer.to_string();
        assert!(!text.contains(key) && !text.contains("\"hash\""), "{text}");
    }
    let path = format!("{ALL}/{id}");
    let revoked = world.change(Method::DELETE, &path, 1, Value::Null).await.is(200);
    assert_eq!(revoked.body["revoked"], true);
    assert_eq!(world.get(ALL).await.body["items"], json!([]));
    assert_eq!(world.get(&format!("{ALL}?state=all")).await.body["items"][0]["revoked"], true);
}

#[tokio::test]
async fn the_same_request_gives_the_same_key() {
    let world = World::furnished().await;
    let issue = || world.request(Method::POST, ALL).header("Idempotency-Key", "k1");
    let first = world.send(issue().json(&sdk("sdk_client"))).await.is(201);
    let again = world.send(issue().json(&sdk("sdk_client"))).await.is(201);
    assert_eq!(first.body["key"], again.body["key"]);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let other = world.send(issue().json(&sdk("sdk_server"))).await;
    assert_eq!(other.problem(422, "FF-1014"), ["Idempotency-Key:"]);
    let without = world.post(ALL, sdk("sdk_client")).await.is(201);
    assert_ne!(first.body["key"], without.body["key"]);
}

#[tokio::test]
async fn a_token_may_do_what_its_role_holds() {
    let world = World::furnished().await;
    for (role, reads, edits, issues) in
        [("viewer", 200, 403, 403), ("editor", 200, 201, 403), ("admin", 200, 201, 201)]
    {
        let issued = world.post(ALL, token(role)).await.is(201).body;
        let key = issued["key"].as_str().unwrap();
        let call = |method: Method, path: &str, body: Value| {
            let request = world.request_by(key, method, path);
            world.send(if body.is_null() { request } else { request.json(&body) })
        };
        let flags = "/orgs/acme/projects/web/flags";
        call(Method::GET, flags, Value::Null).await.is(reads);
        call(Method::POST, flags, flag(role)).await.is(edits);
        let reply = call(Method::POST, ALL, sdk("sdk_server")).await.is(issues);
        if issues == 403 {
            reply.problem(403, "FF-3004");
        }
        call(Method::GET, "/me", Value::Null).await.problem(403, "FF-3003");

        let path = format!("{ALL}/{}", issued["id"].as_str().unwrap());
        world.change(Method::DELETE, &path, 1, Value::Null).await.is(200);
        call(Method::GET, flags, Value::Null).await.problem(401, "FF-3001");
    }
}

#[tokio::test]
async fn what_is_wrong_in_a_key_has_a_place() {
    let world = World::furnished().await;
    let nowhere = json!({"kind": "sdk_server", "project": "web", "environment": "none"});
    for (body, place) in [
        (json!({"name": "k", "purpose": nowhere}), "/purpose/environment"),
        (
            json!({"name": "k", "purpose": {"kind": "api_token", "role": "admin"}, "expires_at": "2020-01-01T00:00:00Z"}),
            "/expires_at",
        ),
        (json!({"name": "", "purpose": {"kind": "api_token", "role": "admin"}}), "/name"),
    ] {
        assert_eq!(world.post(ALL, body).await.problem(422, "FF-1132"), [place]);
    }
    let odd = json!({"name": "k", "purpose": {"kind": "api_token", "role": "king"}});
    let reply = world.post(ALL, odd).await;
    assert!(reply.problem(422, "FF-1001")[0].starts_with("/purpose"));
}
