//! What operators ask, and what every answer carries.

use ff_front::Origins;
use reqwest::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn operators_see_that_it_lives_and_works() {
    let world = World::furnished().await;
    let health = world.send(world.open(Method::GET, "/healthz")).await.is(200);
    assert_eq!(health.body, json!({"status": "ok"}));
    let ready = world.send(world.open(Method::GET, "/readyz")).await.is(200);
    assert_eq!(ready.body, json!({"status": "ok", "nats": "ok", "postgres": "ok"}));
    world.send(world.open(Method::GET, "/metrics")).await.is(200);
}

#[tokio::test]
async fn the_page_of_the_documentation_needs_nothing_from_elsewhere() {
    let world = World::start().await;
    let document = world.send(world.open(Method::GET, "/api/openapi.json")).await.is(200);
    assert_eq!(document.body["openapi"], "3.1.0");
    let page = world.send(world.open(Method::GET, "/api/docs")).await.is(200);
    let page = page.body.as_str().unwrap().to_owned();
    assert!(!page.contains("//"), "a page that loads from elsewhere: {page}");
    for part in ["/api/docs/page.js", "/api/docs/page.css"] {
        assert!(page.contains(part));
        world.send(world.open(Method::GET, part)).await.is(200);
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_it_safe() {
    let world = World::start().await;
    for path in ["/healthz", "/me", "/nowhere", "/api/docs"] {
        let reply = world.send(world.open(Method::GET, path)).await;
        assert_eq!(reply.header("cache-control"), "no-store", "{path}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
        assert!(reply.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert_eq!(reply.header("x-request-id").len(), 36, "{path}");
    }
    let first = world.get("/orgs").await;
    assert_ne!(first.header("x-request-id"), world.get("/orgs").await.header("x-request-id"));
}

#[tokio::test]
async fn only_pages_of_named_origins_may_call() {
    let origin = "https://admin.example.com";
    let world = World::with(|options| options.cors = Origins::parse([origin]).unwrap()).await;
    for (from, allowed) in [(origin, true), ("https://evil.example.com", false)] {
        let preflight = world
            .open(Method::OPTIONS, "/orgs")
            .header("Origin", from)
            .header("Access-Control-Request-Method", "POST");
        let reply = world.send(preflight).await;
        assert_eq!(reply.headers.contains_key("access-control-allow-origin"), allowed, "{from}");
    }
}
