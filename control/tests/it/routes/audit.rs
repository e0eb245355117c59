//! The audit log.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

fn actions(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| item["events"][0]["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn it_says_who_changed_what_when_through_what_and_why() {
    let world = World::furnished().await;
    let path = "/orgs/acme/projects/web/flags/checkout/environments/production/on";
    let request = world
        .request(Method::POST, path)
        .header("FF-Comment", "gr%C3%BCnes%20Licht")
        .header("FF-Via", "cli");
    let on = world.send(request).await.is(200);
    let list = world.get("/orgs/acme/audit?limit=1").await.is(200);
    let newest = &list.body["items"][0];
    assert_eq!(newest["position"], on.header("ff-position"));
    assert_eq!(newest["comment"], "grünes Licht");
    assert_eq!(newest["via"], "cli");
    assert_eq!(newest["actor"]["kind"], "user");
    assert_eq!(newest["actor"]["id"], world.get("/me").await.body["id"]);
    assert_eq!(newest["correlation_id"], on.header("x-request-id"));
    assert_eq!((&newest["aggregate_type"], &newest["label"]), (&json!("flag"), &json!("checkout")));
    assert_eq!(newest["events"][0]["data"], json!({"environment": "production"}));
    assert!(list.body["next_cursor"].is_string());
}

#[tokio::test]
async fn it_is_filtered() {
    let world = World::furnished().await;
    let me = world.get("/me").await.body["id"].as_str().unwrap().to_owned();
    let flag = world.get("/orgs/acme/projects/web/flags/checkout").await.body;
    let id = flag["id"].as_str().unwrap();
    for (query, expected) in [
        ("aggregate_type=flag".to_owned(), vec!["flag.created"]),
        (format!("aggregate_id={id}"), vec!["flag.created"]),
        ("action=organization.created".to_owned(), vec!["organization.created"]),
        (format!("actor={me}&action=project.created"), vec!["project.created"]),
        ("project=web&aggregate_type=environment&limit=1".to_owned(), vec!["environment.created"]),
        ("project=other".to_owned(), vec![]),
        ("to=2020-01-01T00:00:00Z".to_owned(), vec![]),
        (format!("actor={}", uuid::Uuid::nil()), vec![]),
    ] {
        let list = world.get(&format!("/orgs/acme/audit?{query}")).await.is(200).body;
        assert_eq!(actions(&list), expected, "{query}");
    }
    let from = world.get("/orgs/acme/audit?from=2020-01-01T00:00:00Z").await.body;
    assert_eq!(actions(&from).len(), 6);
    for bad in ["from=yesterday", "actor=me", "project=-", "who=me"] {
        let place = format!("?{}", bad.split('=').next().unwrap());
        let reply = world.get(&format!("/orgs/acme/audit?{bad}")).await;
        assert_eq!(reply.problem(400, "FF-1009"), [place]);
    }
}
