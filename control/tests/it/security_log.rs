//! The security log over HTTP.

use std::cmp::Reverse;
use std::time::Duration;

use ff_testkit::eventually;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::sign_in::Desk;
use crate::world::Reply;

const PATH: &str = "/orgs/acme/security-log";

/// With a denial of a viewer, two changes of keys, and something in another organization.
async fn eventful() -> (Desk, String, String) {
    let desk = Desk::open().await;
    let world = &desk.world;
    let viewer = world.colleague("viewer@example.com", json!([{"role": "viewer"}])).await;
    world.as_(&viewer.1).get("/orgs/acme/keys").await.problem(403, "FF-3004");
    let stranger = world.person("stranger@example.com", "Stranger").await.1;
    world.as_(&stranger).post("/orgs", json!({"key": "other", "name": "Other"})).await.is(201);
    world.as_(&stranger).get(PATH).await.problem(404, "FF-1006");
    for name in ["a", "b"] {
        let body = json!({"name": name, "purpose": {"kind": "api_token", "role": "viewer"}});
        let key = world.post("/orgs/acme/keys", body.clone()).await.is(201).body;
        let token = key["key"].as_str().unwrap().to_owned();
        world.as_(&token).post("/orgs/acme/keys", body).await.problem(403, "FF-3004");
    }
    eventually(Duration::from_secs(30), || async {
        // Three denials, two keys that were issued and used.
        let all =
            world.get(&format!("{PATH}?kind=access.denied&kind=key.issued&kind=key.used")).await;
        if items(&all).len() == 7 { Ok(()) } else { Err(all) }
    })
    .await;
    (desk, viewer.0.to_string(), stranger)
}

/// When something happened.
fn at(record: &Value) -> Timestamp {
    record["at"].as_str().unwrap().parse().unwrap()
}

fn items(reply: &Reply) -> Vec<Value> {
    reply.body["items"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn what_happened_is_found_by_what_is_known_of_it() {
    let (desk, viewer, _) = eventful().await;
    let world = &desk.world;
    let denied = world.get(&format!("{PATH}?kind=access.denied&actor={viewer}")).await.is(200);
    let denied = items(&denied);
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0]["actor"], json!({"kind": "user", "id": viewer}));
    assert_eq!(
        (&denied[0]["outcome"], &denied[0]["reason"]),
        (&json!("refused"), &json!("forbidden"))
    );
    assert_eq!(denied[0]["detail"]["permission"], "api_key.read");
    assert_eq!(denied[0]["address"], "127.0.0.1");
    assert!(denied[0]["request"].is_string() && denied[0]["session"].is_string());

    let count =
        async |query: &str| items(&world.get(&format!("{PATH}?{query}")).await.is(200)).len();
    let all = count("").await;
    assert_eq!(count("outcome=refused").await, 3);
    assert_eq!(count("outcome=ok").await + 3, all);
    let then = at(&denied[0]);
    assert_eq!(count(&format!("from={then}")).await + count(&format!("to={then}")).await, all);
    let both = count("kind=access.denied&kind=key.issued").await;
    assert_eq!(both, 3 + count("kind=key.issued").await);
    assert_eq!(count("subject=nobody%00").await, 0);

    // All of it, in pages.
    let (mut seen, mut path) = (Vec::new(), format!("{PATH}?limit=2"));
    loop {
        let page = world.get(&path).await.is(200);
        seen.extend(items(&page));
        assert!(page.headers.get("ff-position").is_none());
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        assert!(page.header("link").ends_with("rel=\"next\""));
        path = format!("{PATH}?limit=2&cursor={next}");
    }
    assert!(seen.len() >= all && seen.is_sorted_by_key(|item| Reverse(at(item))));

    for (query, place) in [
        ("kind=made_up", "?kind"),
        ("outcome=x", "?outcome"),
        ("from=yesterday", "?from"),
        ("actor=x", "?actor"),
        ("limit=0", "?limit"),
        ("limit=201", "?limit"),
        ("cursor=x", "?cursor"),
        ("who=x", "?who"),
    ] {
        let reply = world.get(&format!("{PATH}?{query}")).await;
        assert_eq!(reply.problem(400, "FF-1009"), [place], "{query}");
    }
}

#[tokio::test]
async fn the_log_is_for_admins_and_of_one_organization() {
    let (desk, _, stranger) = eventful().await;
    let world = &desk.world;
    let editor = world.colleague("editor@example.com", json!([{"role": "editor"}])).await.1;
    let admin = world.colleague("admin@example.com", json!([{"role": "admin"}])).await.1;
    for path in [PATH.to_owned(), format!("{PATH}/export")] {
        world.as_(&editor).get(&path).await.problem(403, "FF-3004");
        world.as_(&stranger).get(&path).await.problem(404, "FF-1006");
        world.as_(&admin).get(&path).await.is(200);
        let own = world.as_(&stranger).get(&path.replace("acme", "other")).await.is(200);
        assert!(!own.body.to_string().contains("api_key.issue"), "{}", own.body);
    }
}

#[tokio::test]
async fn an_organization_sees_how_its_people_sign_in_while_they_are_its_people() {
    let (desk, viewer, _) = eventful().await;
    let world = &desk.world;
    let email = "viewer@example.com";
    let wrong = json!({"email": email, "password": "not hers at all"});
    let send =
        async |body: &Value| world.send(world.open(Method::POST, "/sessions").json(body)).await;
    send(&wrong).await.problem(401, "FF-3005");
    let token = world.sign_in(email, crate::world::PASSWORD).await;
    let nobody = json!({"email": "nobody@example.com", "password": "not hers at all"});
    send(&nobody).await.problem(401, "FF-3005");
    let path = format!("{PATH}?kind=sign_in&subject={viewer}");
    let seen = eventually(Duration::from_secs(30), || async {
        let found = items(&world.get(&path).await);
        if found.len() == 2 { Ok(found) } else { Err(found) }
    })
    .await;
    assert_eq!((&seen[0]["outcome"], &seen[1]["outcome"]), (&json!("ok"), &json!("refused")));
    assert_eq!((&seen[1]["reason"], &seen[1]["address"]), (&json!("wrong"), &json!("127.0.0.1")));

    // What comes once she has left is not theirs to see, and what was before stays.
    world.as_(&token).act("/orgs/acme/leave").await.is(200);
    send(&wrong).await.problem(401, "FF-3005");
    world.post("/orgs", json!({"key": "later", "name": "L"})).await.is(201);
    let last = eventually(Duration::from_secs(30), || async {
        let rows =
            "SELECT count(*) FROM security.log WHERE subject_id = $1 AND outcome = 'refused'";
        let rows = sqlx::query_scalar::<_, i64>(rows).bind(&viewer);
        let count = rows.fetch_one(&world.pool).await.unwrap();
        if count == 2 { Ok(items(&world.get(&path).await)) } else { Err(count) }
    })
    .await;
    assert_eq!(last, seen);
    let all = items(&world.get(&format!("{PATH}?kind=sign_in&limit=200")).await.is(200));
    assert!(all.iter().all(|record| record["subject"] != Value::Null), "nobody is the operator's");
}

#[tokio::test]
async fn the_log_is_a_file() {
    let (desk, viewer, _) = eventful().await;
    let world = &desk.world;
    let export = async |query: &str| world.get(&format!("{PATH}/export?{query}")).await;
    let lines = export("").await.is(200);
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    assert!(lines.header("content-disposition").contains("security-log.jsonl"));
    let lines: Vec<Value> = lines
        .body
        .as_str()
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.is_sorted_by_key(at));
    let denied =
        lines.iter().find(|line| line["actor"]["id"] == viewer && line["kind"] == "access.denied");
    let then = at(denied.unwrap());

    let table = export(&format!("format=csv&from={then}")).await.is(200);
    assert!(table.header("content-type").starts_with("text/csv"));
    let table = table.body.as_str().unwrap().to_owned();
    let mut rows = table.split("\r\n");
    assert!(rows.next().unwrap().starts_with("id,at,kind,outcome"));
    assert!(rows.next().unwrap().contains(&viewer));
    let before = export(&format!("format=csv&to={then}")).await.is(200);
    assert!(!before.body.as_str().unwrap().contains("access.denied"));
    assert_eq!(export("format=xml").await.problem(400, "FF-1009"), ["?format"]);
    assert_eq!(export("kind=sign_in").await.problem(400, "FF-1009"), ["?kind"]);
    // Nothing of a time when nothing happened, but for the header.
    let none = export("format=csv&to=2020-01-01T00:00:00Z").await.is(200);
    assert_eq!(none.body.as_str().unwrap().lines().count(), 1);
}
