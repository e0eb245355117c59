//! Projects.

use reqwest::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_project_is_made_and_changed() {
    let world = World::furnished().await;
    let new = json!({"key": "app", "name": "App", "description": "For phones"});
    let made = world.post("/orgs/acme/projects", new).await.is(201);
    assert_eq!(made.header("location"), "/api/v1/orgs/acme/projects/app");
    let path = "/orgs/acme/projects/app";
    let changed = world.change(Method::PATCH, path, 1, json!({"name": "Apps"})).await.is(200);
    assert_eq!(changed.body["description"], "For phones");
    let found = world.get(path).await.is(200);
    assert_eq!((found.version(), &found.body["name"]), (2, &json!("Apps")));
    assert!(found.body.get("references").is_none());
    let nothing = world.change(Method::PATCH, path, 2, json!({})).await.is(200);
    assert_eq!(nothing.version(), 2);
}

#[tokio::test]
async fn projects_come_in_pages_that_lead_to_each_other() {
    let world = World::furnished().await;
    for key in ["a", "b", "c", "d"] {
        world.post("/orgs/acme/projects", json!({"key": key, "name": key})).await.is(201);
    }
    let mut keys = Vec::new();
    let mut path = "/orgs/acme/projects?limit=2".to_owned();
    loop {
        let page = world.get(&path).await.is(200);
        let items = page.body["items"].as_array().unwrap();
        keys.extend(items.iter().map(|item| item["key"].as_str().unwrap().to_owned()));
        if page.body["next_cursor"].is_null() {
            assert!(!page.headers.contains_key("link"));
            break;
        }
        let link = page.header("link");
        assert!(link.ends_with(">; rel=\"next\""), "{link}");
        path = link[1..link.find('>').unwrap()].to_owned();
        assert!(path.contains("limit=2&cursor="), "{path}");
    }
    assert_eq!(keys, ["a", "b", "c", "d", "web"]);
    let other = world.get("/orgs/acme/keys?cursor=nonsense").await;
    assert_eq!(other.problem(400, "FF-2201"), ["?cursor"]);
}
