//! Servers that are gone: what can go on goes on, and nothing is acknowledged that did not happen.

use std::time::{Duration, Instant};

use ff_testkit::{eventually, nats, postgres};
use reqwest::Method;
use serde_json::json;

use crate::world::{EMAIL, PASSWORD, World, flag};

const FLAGS: &str = "/orgs/acme/projects/web/flags";

#[tokio::test]
async fn without_nats_commands_are_refused_in_time_and_come_back() {
    let database = postgres::database().await;
    let mut nats = nats::dedicated(nats::DedicatedOptions::default()).await;
    let (url, pool) = (database.url.clone(), database.pool.clone());
    let world = World::over(&nats.url, &url, pool, Box::new(database), |_| {}).await;
    world.furnish().await;
    nats.kill().await;

    let began = Instant::now();
    let request = || world.request(Method::POST, FLAGS).header("Idempotency-Key", "k");
    let reply = world.send(request().json(&flag("later"))).await;
    assert_eq!(reply.status, 503, "{}", reply.body);
    assert!(reply.body["code"].as_str().unwrap().starts_with("FF-2"), "{}", reply.body);
    assert!(reply.headers.contains_key("retry-after"));
    // Within two seconds on a machine that is not busy; what is excluded here is waiting for NATS.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let ready = world.send(world.open(Method::GET, "/readyz")).await.is(503);
    assert_eq!(ready.body["nats"], "unavailable");
    world.send(world.open(Method::GET, "/healthz")).await.is(200);

    nats.start().await;
    eventually(Duration::from_secs(60), || async {
        let reply = world.send(request().json(&flag("later"))).await;
        if reply.status == 201 { Ok(()) } else { Err(reply) }
    })
    .await;
    eventually(Duration::from_secs(60), || async {
        let reply = world.get(&format!("{FLAGS}/later")).await;
        if reply.status == 200 { Ok(()) } else { Err(reply) }
    })
    .await;
}

#[tokio::test]
async fn without_postgres_commands_go_on_and_queries_say_so() {
    let nats = nats::server().await;
    let mut database = postgres::dedicated().await;
    let (nats_url, url, pool) = (nats.url.clone(), database.url.clone(), database.pool.clone());
    let world = World::over(&nats_url, &url, pool, Box::new(nats), |_| {}).await;
    world.furnish().await;
    let body = json!({"name": "t", "purpose": {"kind": "api_token", "role": "editor"}});
    let token = world.post("/orgs/acme/keys", body).await.is(201).body;
    database.stop().await;

    world.act(&format!("{FLAGS}/checkout/environments/production/on")).await.is(200);
    let editor = world.open(Method::POST, FLAGS).bearer_auth(token["key"].as_str().unwrap());
    world.send(editor.json(&flag("meanwhile"))).await.is(201);
    for path in [FLAGS, "/me", "/orgs", "/orgs/acme/audit", "/orgs/acme/keys"] {
        let reply = world.get(path).await;
        assert_eq!(reply.status, 503, "{path}: {}", reply.body);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.header("retry-after"), "1");
    }
    let login = json!({"email": EMAIL, "password": PASSWORD});
    let reply = world.send(world.open(Method::POST, "/sessions").json(&login)).await;
    reply.problem(503, "FF-1015");
    let ready = world.send(world.open(Method::GET, "/readyz")).await.is(503);
    assert_eq!(ready.body["postgres"], "unavailable");

    database.start().await;
    eventually(Duration::from_secs(60), || async {
        let reply = world.get(&format!("{FLAGS}/meanwhile")).await;
        if reply.status == 200 { Ok(()) } else { Err(reply) }
    })
    .await;
}
