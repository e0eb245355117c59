//! Keys that take the place of others, personal tokens, and finding keys.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::members::{in_project, role};
use crate::world::{Reply, World};

const ALL: &str = "/orgs/acme/keys";

fn sdk(environment: &str) -> Value {
    json!({"kind": "sdk_server", "project": "web", "environment": environment})
}

fn personal(role: &Value) -> Value {
    json!({"kind": "personal_token", "scopes": [role]})
}

fn new(purpose: &Value) -> Value {
    json!({"name": "new", "purpose": purpose})
}

fn text(reply: &Reply, field: &str) -> String {
    reply.body[field].as_str().unwrap().to_owned()
}

fn at(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// Whether a time is about so long from now.
fn is_in(value: &Value, seconds: i64) -> bool {
    let expected = Timestamp::now() + SignedDuration::from_secs(seconds);
    at(value).duration_since(expected).abs() < SignedDuration::from_mins(2)
}

async fn rotate(world: &World, id: &str, body: Value) -> Reply {
    world.post(&format!("{ALL}/{id}/rotate"), body).await
}

#[tokio::test]
async fn both_keys_let_in_until_the_overlap_is_over() {
    let world = World::furnished().await;
    let issued =
        world.post(ALL, new(&json!({"kind": "api_token", "role": "viewer"}))).await.is(201);
    let (old, id) = (text(&issued, "key"), text(&issued, "id"));
    let rotated = world.act(&format!("{ALL}/{id}/rotate")).await.is(201);
    let (key, by) = (text(&rotated, "key"), text(&rotated, "id"));
    assert!(key.starts_with("ff_pat_") && key != old);
    assert_eq!(rotated.header("location"), format!("/api/v1{ALL}/{by}"));
    assert_eq!((&rotated.body["name"], &rotated.body["replaces"]), (&json!("new"), &json!(id)));
    assert_eq!(
        (&rotated.body["expires_at"], &rotated.body["last_used"]),
        (&Value::Null, &Value::Null)
    );
    for key in [&old, &key] {
        world.as_(key).get("/orgs/acme").await.is(200);
    }
    let before = world.get(&format!("{ALL}/{id}")).await.is(200);
    assert_eq!((&before.body["replaced_by"], before.version()), (&json!(by), 2));
    assert!(is_in(&before.body["expires_at"], 24 * 60 * 60), "{}", before.body);

    // Once more, and at once.
    let now = json!({"overlap_seconds": 0, "name": "next", "expires_at": "2090-01-01T00:00:00Z"});
    let next = rotate(&world, &by, now).await.is(201);
    assert_eq!(
        (&next.body["name"], &next.body["expires_at"]),
        (&json!("next"), &json!("2090-01-01T00:00:00Z"))
    );
    world.as_(&key).get("/orgs/acme").await.problem(401, "FF-3001");
    world.as_(&text(&next, "key")).get("/orgs/acme").await.is(200);
    rotate(&world, &by, json!({})).await.problem(409, "FF-1133");
    // Each has one in its place.
    rotate(&world, &id, json!({})).await.problem(409, "FF-1134");

    // The earlier one never lives longer than it would have, and the next one as long, unless another end is said.
    for (body, end) in [
        (json!({"overlap_seconds": 2_592_000}), "2090-01-01T00:00:00Z"),
        (json!({"overlap_seconds": 2_592_000, "expires_at": null}), ""),
    ] {
        let soon = Timestamp::now() + SignedDuration::from_hours(24);
        let expires = if end.is_empty() { soon.to_string() } else { end.to_owned() };
        let mut issue = new(&json!({"kind": "api_token", "role": "viewer"}));
        issue["expires_at"] = json!(expires);
        let id = text(&world.post(ALL, issue).await.is(201), "id");
        let next = rotate(&world, &id, body).await.is(201);
        let expected = if end.is_empty() { Value::Null } else { json!(end) };
        assert_eq!(next.body["expires_at"], expected);
        let before = world.get(&format!("{ALL}/{id}")).await.is(200);
        let seconds = if end.is_empty() { 24 * 60 * 60 } else { 2_592_000 };
        assert!(is_in(&before.body["expires_at"], seconds), "{}", before.body);
    }
}

#[tokio::test]
async fn the_same_rotation_gives_the_same_key() {
    let world = World::furnished().await;
    let issued = world.post(ALL, new(&sdk("production"))).await.is(201);
    let path = format!("{ALL}/{}/rotate", text(&issued, "id"));
    let ask = || world.request(Method::POST, &path).header("Idempotency-Key", "r1");
    let first = world.send(ask()).await.is(201);
    let again = world.send(ask()).await.is(201);
    assert_eq!(first.body["key"], again.body["key"]);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let other = world.send(ask().json(&json!({"overlap_seconds": 1}))).await;
    other.problem(422, "FF-1014");
    assert!(text(&first, "key").starts_with("ff_srv_"));
    assert_eq!(world.get(ALL).await.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_rotation_builds_on_the_version_of_the_key_that_was_seen() {
    let world = World::furnished().await;
    let issued = world.post(ALL, new(&sdk("production"))).await.is(201);
    let path = format!("{ALL}/{}/rotate", text(&issued, "id"));
    let ask = |key: &str, version: &str| {
        let request = world.request(Method::POST, &path);
        request.header("Idempotency-Key", key).header("If-Match", version)
    };
    world.send(ask("r1", "\"7\"")).await.problem(412, "FF-2002");
    let first = world.send(ask("r2", "\"1\"")).await.is(201);
    // The first answer once more, though the earlier key has another version by now; and nobody else goes unseen.
    let again = world.send(ask("r2", "\"1\"")).await.is(201);
    assert_eq!(first.body["key"], again.body["key"]);
    let late = world.send(ask("r3", "\"1\"")).await;
    late.problem(412, "FF-2002");
}

#[tokio::test]
async fn what_cannot_be_rotated_is_told() {
    let world = World::furnished().await;
    let issued = world.post(ALL, new(&sdk("production"))).await.is(201);
    let id = text(&issued, "id");
    let long = rotate(&world, &id, json!({"overlap_seconds": 2_592_001})).await;
    assert_eq!(long.problem(422, "FF-1132"), ["/overlap_seconds"]);
    for odd in
        [json!({"overlap_seconds": -1}), json!({"overlap_seconds": 1.5}), json!({"name": null})]
    {
        rotate(&world, &id, odd).await.problem(422, "FF-1001");
    }
    let past = rotate(&world, &id, json!({"expires_at": "2020-01-01T00:00:00Z"})).await;
    assert_eq!(past.problem(422, "FF-1132"), ["/expires_at"]);
    rotate(&world, &Uuid::now_v7().to_string(), json!({})).await.problem(404, "FF-1006");
    rotate(&world, "nonsense", json!({})).await.problem(404, "FF-1006");
    world.change(Method::DELETE, &format!("{ALL}/{id}"), 1, Value::Null).await.is(200);
    rotate(&world, &id, json!({})).await.problem(409, "FF-1133");
    // Nothing of it was done.
    assert_eq!(world.get(ALL).await.body["items"], json!([]));
}

#[tokio::test]
async fn everybody_has_tokens_of_their_own() {
    let world = World::furnished().await;
    let (ada, token) =
        world.colleague("ada@example.com", json!([in_project("editor", "web")])).await;
    let (_, other) = world.colleague("bob@example.com", json!([role("viewer")])).await;
    let person = world.as_(&token);
    let issued = person.post(ALL, new(&personal(&role("admin")))).await.is(201);
    assert_eq!(issued.body["purpose"]["owner"], ada.to_string());
    let (key, id) = (text(&issued, "key"), text(&issued, "id"));
    let on = "/orgs/acme/projects/web/flags/checkout/environments/staging/on";
    world.as_(&key).act(on).await.is(200);
    // Whatever is written in it, it may no more than she may.
    world.as_(&key).get(ALL).await.problem(403, "FF-3004");
    world.as_(&key).get("/orgs/acme/members").await.problem(403, "FF-3004");

    let one = format!("{ALL}/{id}");
    let mine = format!("{ALL}?mine=true");
    assert_eq!(person.get(&mine).await.is(200).body["items"][0]["id"], json!(id));
    assert_eq!(world.as_(&key).get(&mine).await.is(200).body["items"][0]["id"], json!(id));
    assert_eq!(world.as_(&other).get(&mine).await.is(200).body["items"], json!([]));
    person.get(&one).await.is(200);
    for path in [ALL, &format!("{ALL}?mine=false"), &format!("{ALL}?purpose=personal_token")] {
        person.get(path).await.problem(403, "FF-3004");
    }
    // Nobody else issues, rotates or takes back what is hers, but who may put an end to every key.
    let odd = json!({"kind": "personal_token", "scopes": [role("viewer")], "owner": ada});
    world.post(ALL, new(&odd)).await.problem(422, "FF-1001");
    rotate(&world, &id, json!({})).await.problem(403, "FF-3006");
    world.as_(&key).act(&format!("{one}/rotate")).await.problem(403, "FF-3006");
    world.as_(&key).post(ALL, new(&personal(&role("viewer")))).await.problem(403, "FF-3006");
    world.as_(&other).get(&one).await.problem(403, "FF-3004");
    world.as_(&other).change(Method::DELETE, &one, 1, Value::Null).await.problem(403, "FF-3004");
    world.as_(&key).change(Method::DELETE, &one, 1, Value::Null).await.problem(403, "FF-3004");

    let next = person.act(&format!("{one}/rotate")).await.is(201);
    person.change(Method::DELETE, &one, 2, Value::Null).await.is(200);
    world.as_(&key).get("/orgs/acme").await.problem(401, "FF-3001");
    let next_path = format!("{ALL}/{}", text(&next, "id"));
    world.as_(&text(&next, "key")).get("/orgs/acme").await.is(200);
    world.change(Method::DELETE, &next_path, 1, Value::Null).await.is(200);
    world.as_(&text(&next, "key")).get("/orgs/acme").await.problem(401, "FF-3001");
}

#[tokio::test]
async fn keys_are_found_by_what_they_are_for() {
    let world = World::furnished().await;
    let account = json!({"key": "deploy", "name": "D", "roles": [role("viewer")]});
    world.post("/orgs/acme/service-accounts", account).await.is(201);
    let purposes = [
        sdk("production"),
        sdk("staging"),
        json!({"kind": "sdk_client", "project": "web", "environment": "staging"}),
        json!({"kind": "api_token", "role": "viewer"}),
        json!({"kind": "service_account", "account": "deploy"}),
        personal(&role("viewer")),
    ];
    let mut ids = Vec::new();
    for purpose in &purposes {
        ids.push(text(&world.post(ALL, new(purpose)).await.is(201), "id"));
    }
    let staging = "project=web&environment=staging";
    for (query, expected) in [
        ("limit=200".to_owned(), vec![5, 4, 3, 2, 1, 0]),
        ("purpose=sdk_server".to_owned(), vec![1, 0]),
        ("purpose=personal_token".to_owned(), vec![5]),
        (staging.to_owned(), vec![2, 1]),
        (format!("purpose=sdk_client&{staging}"), vec![2]),
        ("account=deploy".to_owned(), vec![4]),
        ("account=none".to_owned(), vec![]),
        ("mine=true".to_owned(), vec![5]),
        (format!("mine=true&{staging}"), vec![]),
    ] {
        let found = world.get(&format!("{ALL}?{query}")).await.is(200).body;
        let found: Vec<_> =
            found["items"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
        let expected: Vec<_> = expected.into_iter().map(|index: usize| json!(ids[index])).collect();
        assert_eq!(found, expected, "{query}");
    }
    for (query, place) in [
        ("purpose=king", "?purpose"),
        ("environment=staging", "?environment"),
        ("project=web", "?project"),
        ("mine=yes", "?mine"),
        ("account=a%20b", "?account"),
    ] {
        assert_eq!(world.get(&format!("{ALL}?{query}")).await.problem(400, "FF-1009"), [place]);
    }
    // A project's admin sees the keys of its environments, and no others.
    let (_, admin) = world.colleague("pat@example.com", json!([in_project("admin", "web")])).await;
    let admin = world.as_(&admin);
    admin.get(ALL).await.problem(403, "FF-3004");
    let found = admin.get(&format!("{ALL}?{staging}")).await.is(200).body;
    assert_eq!(found["items"].as_array().unwrap().len(), 2);
    admin.get(&format!("{ALL}/{}", ids[0])).await.is(200);
    admin.get(&format!("{ALL}/{}", ids[3])).await.problem(403, "FF-3004");
    admin.post(ALL, new(&sdk("staging"))).await.is(201);
    admin.act(&format!("{ALL}/{}/rotate", ids[1])).await.is(201);
    admin.change(Method::DELETE, &format!("{ALL}/{}", ids[0]), 1, Value::Null).await.is(200);
    admin.act(&format!("{ALL}/{}/rotate", ids[3])).await.problem(403, "FF-3004");
    admin
        .change(Method::DELETE, &format!("{ALL}/{}", ids[3]), 1, Value::Null)
        .await
        .problem(403, "FF-3004");
}

#[tokio::test]
async fn the_last_use_is_told_and_not_missed() {
    let world = World::furnished().await;
    let issued = world.post(ALL, new(&sdk("production"))).await.is(201);
    let id = text(&issued, "id");
    let one = format!("{ALL}/{id}");
    assert_eq!(world.get(&one).await.is(200).body["last_used"], Value::Null);
    let used: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
    for (service, at, uses) in
        [("edge", used, 40_i64), ("ingest", used - SignedDuration::from_hours(1), 2)]
    {
        sqlx::query("INSERT INTO security.key_use VALUES ($1, $2, NULL, $3::timestamptz, $3::timestamptz, $4)")
            .bind(id.parse::<Uuid>().unwrap())
            .bind(service)
            .bind(at.to_string())
            .bind(uses)
            .execute(&world.pool)
            .await
            .unwrap();
    }
    let last = json!({"at": "2026-11-20T08:00:00Z", "service": "edge", "uses": 42});
    assert_eq!(world.get(&one).await.is(200).body["last_used"], last);
    assert_eq!(world.get(ALL).await.is(200).body["items"][0]["last_used"], last);

    // A list of keys is worth something without it.
    sqlx::query("ALTER TABLE security.key_use RENAME TO gone").execute(&world.pool).await.unwrap();
    assert_eq!(world.get(&one).await.is(200).body["last_used"], Value::Null);
    assert_eq!(world.get(ALL).await.is(200).body["items"][0]["last_used"], Value::Null);
}
