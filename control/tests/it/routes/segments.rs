//! Segments.

use reqwest::Method;
use serde_json::json;

use crate::world::World;

const ALL: &str = "/orgs/acme/projects/web/segments";

#[tokio::test]
async fn a_segment_knows_who_uses_it() {
    let world = World::furnished().await;
    let beta =
        json!({"key": "beta", "name": "Beta", "tags": ["test"], "members": {"included": ["ada"]}});
    let made = world.post(ALL, beta).await.is(201);
    assert_eq!(made.header("location"), "/api/v1/orgs/acme/projects/web/segments/beta");
    let members = json!({"included": ["ada"], "rules": [{"attribute": "plan", "operator": "eq", "value": "pro"}]});
    let path = format!("{ALL}/beta");
    let replaced =
        world.change(Method::PUT, &format!("{path}/members"), 1, members.clone()).await.is(200);
    assert_eq!(replaced.body["members"], members);

    let targeting = json!({
        "off_variation": "off", "default": {"variation": "off"},
        "rules": [{"if": {"operator": "in_segment", "value": ["beta"]}, "then": {"variation": "on"}}],
    });
    let flag = "/orgs/acme/projects/web/flags/checkout/environments/staging/targeting";
    world.change(Method::PUT, flag, 1, targeting).await.is(200);
    let found = world.get(&path).await.is(200);
    assert_eq!(found.body["used_by"], json!(["flag:checkout"]));
    world.act(&format!("{path}/archive")).await.problem(409, "FF-1114");

    let details = json!({"name": "Beta users", "description": "Early", "tags": []});
    let changed = world.change(Method::PATCH, &path, 2, details).await.is(200);
    assert_eq!(changed.body["tags"], json!([]));
    let history = world.get(&format!("{path}/history")).await.is(200).body;
    let types: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["event"]["type"].as_str().unwrap())
        .collect();
    assert_eq!(types[..2], ["segment.created", "segment.members_replaced"]);
}

#[tokio::test]
async fn segments_are_archived_restored_and_found_again() {
    let world = World::furnished().await;
    for key in ["alpha", "beta"] {
        let tags = [key, "both"];
        world.post(ALL, json!({"key": key, "name": key, "tags": tags})).await.is(201);
    }
    world.act(&format!("{ALL}/alpha/archive")).await.is(200);
    for (query, expected) in [
        ("", vec!["beta"]),
        ("?state=all&search=ALPH", vec!["alpha"]),
        ("?state=all&tag=both", vec!["alpha", "beta"]),
        ("?state=all&tag=both&tag=beta", vec!["beta"]),
        ("?state=archived", vec!["alpha"]),
    ] {
        let list = world.get(&format!("{ALL}{query}")).await.is(200).body;
        let keys: Vec<_> =
            list["items"].as_array().unwrap().iter().map(|s| s["key"].clone()).collect();
        assert_eq!(keys, expected, "{query}");
    }
    world.act(&format!("{ALL}/alpha/restore")).await.is(200);
    assert_eq!(world.get(ALL).await.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_is_wrong_in_a_segment_has_a_place() {
    let world = World::furnished().await;
    for (members, place) in [
        (json!({"included": ["a"], "excluded": ["a"]}), "/members/excluded"),
        (json!({"rules": [{"operator": "in_segment", "value": ["none"]}]}), "/members/rules/0"),
        (
            json!({"rules": [{"attribute": "a", "operator": "matches", "value": "("}]}),
            "/members/rules/0/value",
        ),
    ] {
        let body = json!({"key": "s", "name": "S", "members": members});
        let reply = world.post(ALL, body).await;
        assert_eq!(reply.problem(422, "FF-1304"), [place]);
    }
}
