//! Another tenant's things do not exist: the answer is the same as for what nobody has.

use ff_identity::IdentityError;
use ff_testkit::eventually;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

use crate::world::{PASSWORD, World};

const PATHS: [(&str, &str, &str); 72] = [
    ("GET", "/orgs/{org}", ""),
    ("PATCH", "/orgs/{org}", r#"{"name":"x"}"#),
    ("GET", "/orgs/{org}/projects", ""),
    ("POST", "/orgs/{org}/projects", r#"{"key":"x","name":"x"}"#),
    ("GET", "/orgs/{org}/projects/web", ""),
    ("PATCH", "/orgs/{org}/projects/web", r#"{"name":"x"}"#),
    ("GET", "/orgs/{org}/projects/web/environments", ""),
    ("POST", "/orgs/{org}/projects/web/environments", r#"{"key":"x","name":"x"}"#),
    ("GET", "/orgs/{org}/projects/web/environments/production", ""),
    ("POST", "/orgs/{org}/projects/web/environments/production/archive", ""),
    ("GET", "/orgs/{org}/projects/web/flags", ""),
    ("GET", "/orgs/{org}/projects/web/flags/checkout", ""),
    ("GET", "/orgs/{org}/projects/web/flags/checkout/history", ""),
    ("POST", "/orgs/{org}/projects/web/flags/checkout/archive", ""),
    ("POST", "/orgs/{org}/projects/web/flags/checkout/environments/production/on", ""),
    ("GET", "/orgs/{org}/projects/web/segments", ""),
    ("GET", "/orgs/{org}/keys", ""),
    ("GET", "/orgs/{org}/audit", ""),
    ("POST", "/orgs/{org}/keys", r#"{"name":"x","purpose":{"kind":"api_token","role":"admin"}}"#),
    ("DELETE", "/orgs/{org}/keys/{key}", ""),
    ("GET", "/orgs/{org}/projects/web/experiments", ""),
    ("POST", "/orgs/{org}/projects/web/experiments", EXPERIMENT),
    ("GET", "/orgs/{org}/projects/web/experiments/colour", ""),
    ("GET", "/orgs/{org}/projects/web/experiments/colour?as_of=281474976710657", ""),
    ("PATCH", "/orgs/{org}/projects/web/experiments/colour", r#"{"name":"x"}"#),
    ("PUT", "/orgs/{org}/projects/web/experiments/colour/design", DESIGN),
    ("POST", "/orgs/{org}/projects/web/experiments/colour/start", ""),
    ("POST", "/orgs/{org}/projects/web/experiments/colour/pause", ""),
    ("POST", "/orgs/{org}/projects/web/experiments/colour/resume", ""),
    ("POST", "/orgs/{org}/projects/web/experiments/colour/stop", ""),
    (
        "POST",
        "/orgs/{org}/projects/web/experiments/colour/decide",
        r#"{"outcome":{"type":"inconclusive"},"reason":"x"}"#,
    ),
    ("POST", "/orgs/{org}/projects/web/experiments/colour/ship", ""),
    ("POST", "/orgs/{org}/projects/web/experiments/colour/archive", ""),
    ("POST", "/orgs/{org}/projects/web/experiments/colour/restore", ""),
    ("GET", "/orgs/{org}/projects/web/experiments/colour/history", ""),
    ("GET", "/orgs/{org}/projects/web/metrics", ""),
    ("POST", "/orgs/{org}/projects/web/metrics", METRIC),
    ("GET", "/orgs/{org}/projects/web/metrics/orders", ""),
    ("PATCH", "/orgs/{org}/projects/web/metrics/orders", r#"{"name":"x"}"#),
    ("POST", "/orgs/{org}/projects/web/metrics/orders/archive", ""),
    ("GET", "/orgs/{org}/projects/web/metrics/orders/history", ""),
    ("GET", "/orgs/{org}/projects/web/layers", ""),
    ("POST", "/orgs/{org}/projects/web/layers", r#"{"key":"x","name":"x"}"#),
    ("GET", "/orgs/{org}/projects/web/layers/shared", ""),
    ("POST", "/orgs/{org}/projects/web/layers/shared/archive", ""),
    (
        "POST",
        "/orgs/{org}/projects/web/flags/checkout/environments/production/explain",
        r#"{"context":{}}"#,
    ),
    ("GET", "/orgs/{org}/me", ""),
    ("GET", "/orgs/{org}/me?project=web&environment=production", ""),
    ("POST", "/orgs/{org}/leave", ""),
    ("GET", "/orgs/{org}/members", ""),
    (
        "POST",
        "/orgs/{org}/members",
        r#"{"user":"00000000-0000-0000-0000-000000000000","roles":[]}"#,
    ),
    ("GET", "/orgs/{org}/members/{member}", ""),
    ("DELETE", "/orgs/{org}/members/{member}", ""),
    ("POST", "/orgs/{org}/members/{member}/roles/give", ROLE),
    ("POST", "/orgs/{org}/members/{member}/roles/take", ROLE),
    ("GET", "/orgs/{org}/roles", ""),
    ("POST", "/orgs/{org}/roles", r#"{"key":"x","name":"x","permissions":[]}"#),
    ("GET", "/orgs/{org}/roles/viewer", ""),
    ("PUT", "/orgs/{org}/roles/x", r#"{"name":"x","permissions":[]}"#),
    ("DELETE", "/orgs/{org}/roles/x", ""),
    ("GET", "/orgs/{org}/service-accounts", ""),
    ("POST", "/orgs/{org}/service-accounts", r#"{"key":"x","name":"x"}"#),
    ("GET", "/orgs/{org}/service-accounts/deploy", ""),
    ("PATCH", "/orgs/{org}/service-accounts/deploy", r#"{"name":"x"}"#),
    ("GET", "/orgs/{org}/service-accounts/deploy/keys", ""),
    ("POST", "/orgs/{org}/service-accounts/deploy/roles/give", ROLE),
    ("POST", "/orgs/{org}/service-accounts/deploy/roles/take", ROLE),
    ("POST", "/orgs/{org}/service-accounts/deploy/archive", ""),
    ("POST", "/orgs/{org}/service-accounts/deploy/restore", ""),
    ("GET", "/orgs/{org}/keys?mine=true", ""),
    ("GET", "/orgs/{org}/keys/{key}", ""),
    ("POST", "/orgs/{org}/keys/{key}/rotate", ""),
];

const ROLE: &str = r#"{"role":"viewer"}"#;

const EXPERIMENT: &str = r#"{"key":"x","name":"x","environment":"production","flag":"checkout","design":{"metrics":{"primary":["orders"]}}}"#;
const DESIGN: &str = r#"{"arms":[{"key":"on","weight":50},{"key":"off","weight":50}],"control":"off","metrics":{"primary":["orders"]}}"#;
const METRIC: &str = r#"{"key":"x","name":"x","definition":{"kind":{"type":"count","event":"e"},"better":"higher"}}"#;

#[tokio::test]
async fn another_tenant_is_the_same_as_nobody() {
    let world = World::furnished().await;
    world.draft("colour", json!({})).await;
    world
        .post("/orgs/acme/projects/web/layers", json!({"key": "shared", "name": "S"}))
        .await
        .is(201);
    let account = json!({"key": "deploy", "name": "D", "roles": [{"role": "viewer"}]});
    world.post("/orgs/acme/service-accounts", account).await.is(201);
    let body = json!({"name": "t", "purpose": {"kind": "api_token", "role": "viewer"}});
    let key = world.post("/orgs/acme/keys", body).await.is(201).body["id"].clone();
    let member = world.get("/me").await.is(200).body["id"].clone();
    let [key, member] = [key, member].map(|id| id.as_str().unwrap().to_owned());
    let stranger = "stranger@example.com";
    let (_, person) = world.person(stranger, "Stranger").await;
    let own = world.open(Method::POST, "/orgs").bearer_auth(&person);
    world.send(own.json(&json!({"key": "other", "name": "Other"}))).await.is(201);
    let issue = world.open(Method::POST, "/orgs/other/keys").bearer_auth(&person);
    let body = json!({"name": "t", "purpose": {"kind": "api_token", "role": "admin"}});
    let token = world.send(issue.json(&body)).await.is(201).body;
    let token = token["key"].as_str().unwrap().to_owned();

    for bearer in [&person, &token] {
        for (method, path, body) in PATHS {
            let ask = |org: &str| {
                let path = path.replace("{org}", org).replace("{member}", &member);
                let path = path.replace("{key}", &key);
                let request = world
                    .open(method.parse().unwrap(), &path)
                    .bearer_auth(bearer)
                    .header("If-Match", "\"1\"")
                    .header("Content-Type", "application/json")
                    .body(body);
                world.send(request)
            };
            let (theirs, nobodys) = (ask("acme").await, ask("nobody").await);
            theirs.problem(404, "FF-1006");
            assert_eq!(theirs.body, nobodys.body, "{method} {path}");
        }
    }
    assert_eq!(world.get("/orgs").await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_does_not_exist_in_one_s_own_organization_is_not_found() {
    let world = World::furnished().await;
    for (method, path, body) in PATHS.iter().skip(4).filter(|(_, path, _)| path.contains("/web")) {
        let path = path.replace("{org}", "acme").replace("/web", "/none");
        let request = world
            .request(method.parse().unwrap(), &path)
            .header("If-Match", "\"1\"")
            .header("Content-Type", "application/json")
            .body(*body);
        let reply = world.send(request).await;
        assert_eq!(reply.status, 404, "{method} {path}: {}", reply.body);
    }
}

#[tokio::test]
async fn an_address_can_be_taken_once() {
    let world = World::furnished().await;
    let again = world.people.create("OWNER@example.com", "Other", PASSWORD.into()).await;
    assert!(matches!(again, Err(IdentityError::EmailTaken)));
    let bootstrapped = world.people.bootstrap_owner("owner@example.com", "Other", PASSWORD.into());
    let id = bootstrapped.await.unwrap();
    let me: Value = eventually(Duration::from_secs(10), || async {
        let reply = world.get("/me").await;
        (reply.status == 200).then_some(reply.body)
    })
    .await;
    assert_eq!(me["id"], id.to_string());
    assert_eq!(me["name"], "Olive Owner");
}
