//! Requests that are wrong in every way a request can be: each a problem document that names the place.

use reqwest::Method;
use serde_json::json;

use crate::world::{World, flag, quota};

const FLAGS: &str = "/orgs/acme/projects/web/flags";
const TARGETING: &str = "/orgs/acme/projects/web/flags/checkout/environments/production/targeting";

fn deep(levels: usize) -> String {
    let condition = (0..levels)
        .fold(r#"{"attribute":"a","operator":"exists"}"#.to_owned(), |inside, _| {
            format!(r#"{{"not":{inside}}}"#)
        });
    format!(
        r#"{{"off_variation":"off","default":{{"variation":"off"}},"rules":[{{"if":{condition},"then":{{"variation":"on"}}}}]}}"#
    )
}

/// A flag with one variation of this value.
fn value(json: &str) -> String {
    format!(r#"{{"key":"f","variations":[{{"key":"v","value":{json}"#)
}

#[tokio::test]
async fn every_wrong_body_is_told_its_place() {
    let world = World::furnished().await;
    let mut unknown = flag("f");
    unknown["colour"] = json!("red");
    let mut nested = flag("f");
    nested["variations"][1]["valeu"] = json!(1);
    let mut kind = flag("f");
    kind["type"] = json!("integer");
    let mut missing = flag("f");
    missing.as_object_mut().unwrap().remove("variations");
    let mut key = flag("-f");
    key["key"] = json!("-f");
    let table: [(&str, String, u16, &str, &str); 18] = [
        ("POST", "{\"key\":".into(), 400, "FF-1000", ""),
        ("POST", "nonsense".into(), 400, "FF-1000", ""),
        ("POST", String::new(), 400, "FF-1000", ""),
        ("POST", "{} {}".into(), 422, "FF-1001", ""),
        ("POST", "[]".into(), 422, "FF-1001", ""),
        ("POST", unknown.to_string(), 422, "FF-1001", "/colour"),
        ("POST", nested.to_string(), 422, "FF-1001", "/variations/1/valeu"),
        ("POST", kind.to_string(), 422, "FF-1001", "/type"),
        ("POST", missing.to_string(), 422, "FF-1001", ""),
        ("POST", key.to_string(), 422, "FF-1001", "/key"),
        ("POST", flag("f").to_string() + "x", 400, "FF-1000", ""),
        ("POST", "[".repeat(100_000), 400, "FF-1019", ""),
        ("POST", value(&"[".repeat(100_000)), 400, "FF-1019", ""),
        ("POST", value(&"{\"a\":".repeat(100_000)), 400, "FF-1019", ""),
        ("POST", r#"["f","F"]"#.into(), 422, "FF-1001", ""),
        ("PUT", deep(200), 400, "FF-1019", ""),
        ("PUT", deep(40), 422, "FF-1001", "/rules/0/if/not"),
        ("PUT", deep(2), 200, "", ""),
    ];
    for (method, body, status, code, place) in table {
        let path = if method == "PUT" { TARGETING } else { FLAGS };
        let request = world
            .request(method.parse().unwrap(), path)
            .header("If-Match", "\"1\"")
            .header("Content-Type", "application/json")
            .body(body.clone());
        let reply = world.send(request).await;
        let shown: String = body.chars().take(60).collect();
        if status == 200 {
            reply.is(200);
            continue;
        }
        let pointers = reply.problem(status, code);
        // Of what nests too deep nothing is read, so there is no place.
        if code == "FF-1019" {
            continue;
        }
        assert!(pointers.len() == 1 && pointers[0].starts_with(place), "{shown}: {pointers:?}");
    }
    assert_eq!(world.get(FLAGS).await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_says_what_it_is_and_has_its_limits() {
    let world = World::furnished().await;
    let plain = world.request(Method::POST, FLAGS).body(flag("f").to_string());
    world.send(plain).await.problem(415, "FF-1002");
    let form = world
        .request(Method::POST, FLAGS)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("key=f");
    world.send(form).await.problem(415, "FF-1002");

    let large = |bytes: usize| json!({"key": "s", "name": "S", "description": "x".repeat(bytes)});
    let segments = "/orgs/acme/projects/web/segments";
    world.post(FLAGS, large(10 << 20)).await.problem(413, "FF-1003");
    world.post(FLAGS, large(1 << 20)).await.problem(413, "FF-1003");
    world.post(segments, large(10 << 20)).await.problem(413, "FF-1003");
    let fits = world.post(segments, large(2 << 20)).await;
    assert_eq!(fits.problem(422, "FF-1304"), ["/description"]);
    let users: Vec<_> = (0..50_000).map(|n| format!("user-{n:08}-{}", "x".repeat(30))).collect();
    let many = json!({"key": "many", "name": "Many", "members": {"included": users}});
    let reply = world.post(segments, many).await;
    assert!([201, 413].contains(&reply.status.as_u16()), "{}", reply.body);
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems_too() {
    let world = World::furnished().await;
    for path in ["/nowhere", "/orgs/", "/orgs/acme/projects/web/flags/checkout/nothing"] {
        world.get(path).await.problem(404, "FF-1004");
        world.send(world.open(Method::GET, path)).await.problem(404, "FF-1004");
    }
    let reply = world.act("/me").await;
    reply.problem(405, "FF-1005");
    assert!(reply.header("allow").contains("GET"));
    world.send(world.open(Method::DELETE, "/sessions")).await.problem(405, "FF-1005");
    for path in ["/orgs/acme/projects/%2F", "/orgs/%ff", "/orgs/acme/keys/no-uuid", "/orgs/-"] {
        world.get(path).await.problem(404, "FF-1006");
    }
}

#[tokio::test]
async fn headers_are_read_strictly() {
    let world = World::furnished().await;
    let post = |name: &str, value: &str| {
        let request = world.request(Method::POST, FLAGS).header(name, value).json(&flag("f"));
        world.send(request)
    };
    for (name, value) in [
        ("Idempotency-Key", String::new()),
        ("Idempotency-Key", "x".repeat(256)),
        ("FF-Via", "carrier pigeon".to_owned()),
        ("FF-Comment", "%FF".to_owned()),
        ("FF-Comment", "x".repeat(3000)),
        ("If-Match", "7".to_owned()),
    ] {
        let reply = post(name, &value).await;
        assert_eq!(reply.problem(400, "FF-1008"), [format!("{name}:")]);
    }
    for value in ["", "x", "-1", "1.5", "01"] {
        let request = world.open(Method::GET, FLAGS).bearer_auth(world.token());
        let reply = world.send(request.header("FF-Min-Position", value)).await;
        assert_eq!(reply.problem(400, "FF-1008"), ["FF-Min-Position:"]);
    }
}

#[tokio::test]
async fn who_shows_two_tokens_is_nobody() {
    let world = World::furnished().await;
    let twice = world.open(Method::GET, FLAGS).bearer_auth(world.token());
    let reply = world.send(twice.header("Authorization", "Bearer x")).await;
    reply.problem(401, "FF-3001");
    assert!(
        reply.header("ratelimit").contains("\"address\""),
        "also who is nobody is told what is left"
    );
}

#[tokio::test]
async fn a_position_that_has_not_come_is_waited_for_and_not_for_ever() {
    let world = World::furnished().await;
    let position: u64 = world.get("/orgs").await.header("ff-position").parse().unwrap();
    let request = world.open(Method::GET, FLAGS).bearer_auth(world.token());
    let reply = world.send(request.header("FF-Min-Position", position + 1000)).await;
    reply.problem(503, "FF-2200");
    assert_eq!(reply.header("retry-after"), "1");
}

#[tokio::test]
async fn a_caller_may_send_only_so_many_requests() {
    let world = World::with(|options| options.quotas.user = quota(3)).await;
    for left in ["r=2", "r=1", "r=0"] {
        let reply = world.get("/orgs").await.is(200);
        assert!(reply.header("ratelimit").contains(left), "{}", reply.header("ratelimit"));
        assert_eq!(reply.header("ratelimit-policy"), "\"user\";q=3;w=3600");
    }
    let reply = world.get("/orgs").await;
    reply.problem(429, "FF-1010");
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=1200).contains(&wait), "{wait}");
    assert!(reply.header("ratelimit").contains("r=0"));
    world.send(world.open(Method::GET, "/healthz")).await.is(200);
}

#[tokio::test]
async fn sdk_keys_are_told_that_this_is_not_their_place() {
    let world = World::furnished().await;
    let purpose = json!({"kind": "sdk_server", "project": "web", "environment": "staging"});
    let body = json!({"name": "k", "purpose": purpose});
    let issued = world.post("/orgs/acme/keys", body).await.is(201).body;
    let request = world.open(Method::GET, FLAGS).bearer_auth(issued["key"].as_str().unwrap());
    world.send(request).await.problem(403, "FF-3002");
}
