//! Layers.

use reqwest::Method;
use serde_json::json;

use crate::world::World;

const ALL: &str = "/orgs/acme/projects/web/layers";

#[tokio::test]
async fn a_layer_says_who_has_which_part_of_it() {
    let world = World::furnished().await;
    let body = json!({"key": "shared", "name": "Shared", "holdout": 5});
    let made = world.post(ALL, body.clone()).await.is(201);
    assert_eq!(made.header("location"), "/api/v1/orgs/acme/projects/web/layers/shared");
    assert_eq!((&made.body["holdout"], &made.body["allocations"]), (&json!(5), &json!({})));
    world.post(ALL, body).await.problem(409, "FF-1801");
    let plain = world.post(ALL, json!({"key": "plain", "name": "Plain"})).await.is(201);
    assert_eq!(plain.body["holdout"], 0);

    world.draft("colour", json!({"layer": "shared", "traffic": 40})).await;
    let path = format!("{ALL}/shared");
    let found = world.get(&path).await.is(200).body;
    assert_eq!((&found["used_by"], &found["allocations"]), (&json!(["colour"]), &json!({})));
    let experiment = "/orgs/acme/projects/web/experiments/colour";
    world.act(&format!("{experiment}/start")).await.is(200);
    let found = world.get(&path).await.is(200);
    // Forty percent of all, behind the five that are held out.
    let expected = json!({"production": {"colour": [[500, 4500]]}});
    assert_eq!(found.body["allocations"], expected, "{}", found.body);
    world.act(&format!("{path}/archive")).await.problem(409, "FF-1805");
    world.act(&format!("{experiment}/stop")).await.is(200);
    let found = world.get(&path).await.is(200).body;
    assert_eq!((&found["used_by"], &found["allocations"]), (&json!([]), &json!({})));
    world.act(&format!("{path}/archive")).await.is(200);

    let list = world.get(ALL).await.is(200).body;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let list = world.get(&format!("{ALL}?state=archived&search=SHA")).await.is(200).body;
    assert_eq!(list["items"][0]["key"], "shared");
    world.act(&format!("{path}/restore")).await.is(200);
    world.act(&format!("{path}/restore")).await.problem(409, "FF-1803");
    world.get(&format!("{ALL}/none")).await.problem(404, "FF-1006");
}

#[tokio::test]
async fn what_is_wrong_in_a_layer_has_a_place() {
    let world = World::furnished().await;
    for (body, code, place) in [
        (json!({"key": "l", "name": "L", "holdout": 101}), "FF-1001", "/holdout"),
        (json!({"key": "l", "name": "L", "holdout": 100}), "FF-1804", "/holdout"),
        (json!({"key": "l", "name": "L", "holdout": 0.005}), "FF-1804", "/holdout"),
        (json!({"key": "l", "name": "L", "allocations": {}}), "FF-1001", "/allocations"),
    ] {
        let reply = world.post(ALL, body.clone()).await;
        assert_eq!(reply.problem(422, code), [place], "{body}");
    }
    world.post(ALL, json!({"key": "l", "name": "L"})).await.is(201);
    let path = format!("{ALL}/l");
    let holdout = world.change(Method::PATCH, &path, 1, json!({"holdout": 1})).await;
    assert_eq!(holdout.problem(422, "FF-1001"), ["/holdout"]);
    let named = world.change(Method::PATCH, &path, 1, json!({"name": "Other"})).await.is(200);
    assert_eq!(named.body["name"], "Other");
}
