//! Organizations.

use reqwest::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn an_organization_is_founded_listed_and_renamed() {
    let world = World::start().await;
    assert_eq!(world.get("/orgs").await.is(200).body["items"], json!([]));
    let founded = world.post("/orgs", json!({"key": "acme", "name": "Acme"})).await.is(201);
    assert_eq!(founded.header("location"), "/api/v1/orgs/acme");
    assert_eq!(founded.version(), 1);
    assert_eq!(founded.body["key"], "acme");

    let listed = world.get("/orgs").await.is(200).body;
    assert_eq!(listed["items"][0]["name"], "Acme");
    assert_eq!(listed["next_cursor"], json!(null));

    let renamed = json!({"name": "Acme & Sons"});
    let reply = world.change(Method::PATCH, "/orgs/acme", 1, renamed).await.is(200);
    assert_eq!((reply.version(), &reply.body["name"]), (2, &json!("Acme & Sons")));
    let found = world.get("/orgs/acme").await.is(200);
    assert_eq!((found.version(), &found.body["name"]), (2, &json!("Acme & Sons")));
    assert!(found.body["created_at"].is_string());
    assert_eq!(found.body["id"], founded.body["id"]);
}

#[tokio::test]
async fn a_key_is_founded_once() {
    let world = World::furnished().await;
    let again = world.post("/orgs", json!({"key": "acme", "name": "Other"})).await;
    again.problem(409, "FF-1101");
    let blank = world.post("/orgs", json!({"key": "other", "name": " "})).await;
    assert_eq!(blank.problem(422, "FF-1102"), ["/name"]);
}
