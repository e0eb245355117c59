//! Environments.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::World;

fn keys(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_environment_has_a_salt_of_its_own() {
    let world = World::furnished().await;
    let path = "/orgs/acme/projects/web/environments";
    let list = world.get(path).await.is(200).body;
    assert_eq!(keys(&list), ["production", "staging"]);
    let salts: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|e| e["salt"].as_str().unwrap()).collect();
    assert!(salts.iter().all(|salt| salt.len() == 32));
    assert_ne!(salts[0], salts[1]);
    assert_eq!(list["items"][0]["production"], true);
}

#[tokio::test]
async fn it_is_changed_archived_and_restored() {
    let world = World::furnished().await;
    let all = "/orgs/acme/projects/web/environments";
    let path = "/orgs/acme/projects/web/environments/staging";
    let renamed = json!({"name": "Stage", "production": true});
    let changed = world.change(Method::PATCH, path, 1, renamed).await.is(200);
    // Name and stage are two events of one command, and one version.
    assert_eq!(changed.version(), 2);
    let archived = world.act(&format!("{path}/archive")).await.is(200);
    assert_eq!(archived.body["archived"], true);
    assert_eq!(keys(&world.get(all).await.body), ["production"]);
    assert_eq!(keys(&world.get(&format!("{all}?state=archived")).await.body), ["staging"]);
    assert_eq!(keys(&world.get(&format!("{all}?state=all")).await.body).len(), 2);
    let refused = world.change(Method::PATCH, path, 3, json!({"name": "x"})).await;
    refused.problem(409, "FF-1122");
    world.act(&format!("{path}/restore")).await.is(200);
    let found = world.get(path).await.is(200);
    assert_eq!((found.version(), &found.body["archived"]), (4, &json!(false)));
    world.act(&format!("{path}/restore")).await.problem(409, "FF-1123");
}
