//! Signing in, and who one is.

use reqwest::Method;
use serde_json::json;

use crate::world::{EMAIL, PASSWORD, World, quota};

#[tokio::test]
async fn whoever_signs_in_gets_a_token_and_learns_who_they_are() {
    let world = World::furnished().await;
    let body = json!({"email": "owner@EXAMPLE.com", "password": PASSWORD});
    let reply = world.send(world.open(Method::POST, "/sessions").json(&body)).await.is(201);
    assert_eq!(reply.body["token_type"], "Bearer");
    assert_eq!(reply.body["expires_in"], 900);
    assert_eq!(reply.header("cache-control"), "no-store");

    let me = world.get("/me").await.is(200).body;
    assert_eq!((&me["email"], &me["name"]), (&json!(EMAIL), &json!("Olive Owner")));
    assert_eq!(me["organizations"][0]["key"], "acme");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_person_are_the_same() {
    let world = World::start().await;
    let mut answers = Vec::new();
    for (email, password) in [(EMAIL, "wrong"), ("nobody@example.com", PASSWORD), ("\0", "")] {
        let body = json!({"email": email, "password": password});
        let reply = world.send(world.open(Method::POST, "/sessions").json(&body)).await;
        reply.problem(401, "FF-3005");
        assert!(reply.header("www-authenticate").starts_with("Bearer"));
        answers.push(reply.body);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn failed_sign_ins_are_limited_and_good_ones_are_not() {
    let world = World::with(|options| options.sign_ins = quota(2)).await;
    for _ in 0..4 {
        world.sign_in(EMAIL, PASSWORD).await;
    }
    let wrong = json!({"email": EMAIL, "password": "wrong"});
    for expected in [401, 401, 429] {
        let reply = world.send(world.open(Method::POST, "/sessions").json(&wrong)).await;
        assert_eq!(reply.status, expected);
    }
}
