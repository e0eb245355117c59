//! Signing in, and who one is.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{EMAIL, PASSWORD, World, quota};

#[tokio::test]
async fn whoever_signs_in_gets_a_token_and_learns_who_they_are() {
    let world = World::furnished().await;
    let body = json!({"email": "owner@EXAMPLE.com", "password": PASSWORD});
    let reply = world.send(world.open(Method::POST, "/sessions").json(&body)).await.is(201);
    assert_eq!(reply.body["token_type"], "Bearer");
    assert_eq!(reply.body["expires_in"], 900);
    assert!(reply.body["refresh_token"].as_str().unwrap().starts_with("ff_rt_"));
    assert!(reply.body["refresh_expires_at"].is_string());
    assert!(reply.body.get("csrf_token").is_none() && !reply.headers.contains_key("set-cookie"));
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
async fn signing_in_is_limited_by_address_whoever_it_is() {
    // The world signs its owner in, which is one of them.
    let world = World::with(|options| options.quotas.sign_in = quota(4)).await;
    for (email, password, expected) in [
        (EMAIL, PASSWORD, 201),
        (EMAIL, "wrong", 401),
        ("nobody@example.com", "wrong", 401),
        (EMAIL, PASSWORD, 429),
    ] {
        let body = json!({"email": email, "password": password});
        let reply = world.send(world.open(Method::POST, "/sessions").json(&body)).await;
        assert_eq!(reply.status, expected, "{}", reply.body);
        if expected == 429 {
            reply.problem(429, "FF-1010");
            assert!(reply.headers.contains_key("retry-after"));
        }
    }
}

#[tokio::test]
async fn ten_wrong_passwords_lock_an_e_mail_also_one_that_nobody_has() {
    let world = World::start().await;
    for email in [EMAIL, "nobody@example.com"] {
        let wrong = json!({"email": email, "password": "wrong"});
        for _ in 0..10 {
            world.send(world.open(Method::POST, "/sessions").json(&wrong)).await.is(401);
        }
        let reply = world.send(world.open(Method::POST, "/sessions").json(&wrong)).await;
        reply.problem(429, "FF-3008");
        assert!(reply.header("retry-after").parse::<u64>().unwrap() > 0);
    }
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_using_it_twice_closes_the_session() {
    let world = World::furnished().await;
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let first = world.send(world.open(Method::POST, "/sessions").json(&body)).await.is(201).body;
    let refresh = |session: &Value| {
        let body = json!({"refresh_token": session["refresh_token"]});
        world.send(world.open(Method::POST, "/sessions/refresh").json(&body))
    };
    let second = refresh(&first).await.is(201).body;
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let token = second["access_token"].as_str().unwrap();
    world.as_(token).get("/me").await.is(200);
    refresh(&first).await.problem(401, "FF-3009");
    refresh(&second).await.problem(401, "FF-3009");
    world.as_(token).get("/me").await.problem(401, "FF-3001");
    world.get("/me").await.is(200);
}

#[tokio::test]
async fn sessions_are_listed_and_closed_one_by_one_and_all() {
    let world = World::start().await;
    let other = world.sign_in(EMAIL, PASSWORD).await;
    let listed = world.get("/me/sessions").await.is(200).body;
    let sessions = listed["items"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
    assert!(sessions.iter().all(|session| session["address"] == "127.0.0.1"));
    let theirs = sessions.iter().find(|session| session["current"] == false).unwrap();
    let close = |path: &str| world.send(world.request(Method::DELETE, path));
    close(&format!("/me/sessions/{}", theirs["id"].as_str().unwrap())).await.is(204);
    world.as_(&other).get("/me").await.problem(401, "FF-3001");
    close("/me/sessions/00000000-0000-0000-0000-000000000000").await.problem(404, "FF-1006");
    close("/me/sessions").await.is(204);
    world.get("/me").await.problem(401, "FF-3001");
    let again = world.sign_in(EMAIL, PASSWORD).await;
    world.as_(&again).get("/me").await.is(200);
}

#[tokio::test]
async fn a_browser_gets_cookies_and_proves_that_its_page_is_ours() {
    let world = World::start().await;
    let body = json!({"email": EMAIL, "password": PASSWORD, "cookies": true});
    let reply = world.send(world.open(Method::POST, "/sessions").json(&body)).await.is(201);
    assert!(reply.body.get("access_token").is_none() && reply.body.get("refresh_token").is_none());
    let csrf = reply.body["csrf_token"].as_str().unwrap();
    let cookies: Vec<_> = reply
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap())
        .collect();
    assert!(cookies.iter().all(|cookie| cookie.starts_with("__Host-ff_")), "{cookies:?}");
    let cookies = cookies.join("; ");
    let ask = |method: Method, path: &str| world.open(method, path).header("Cookie", &cookies);
    world.send(ask(Method::GET, "/me")).await.is(200);
    let organization = json!({"key": "acme", "name": "Acme"});
    let found = || ask(Method::POST, "/orgs").json(&organization);
    world.send(found()).await.problem(403, "FF-3007");
    world.send(found().header("X-CSRF-Token", "0".repeat(64))).await.problem(403, "FF-3007");
    world.send(found().header("X-CSRF-Token", csrf)).await.is(201);
}
