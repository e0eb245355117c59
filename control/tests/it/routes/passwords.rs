//! Forgotten passwords.

use reqwest::Method;
use serde_json::{Value, json};

use crate::mailbox::Mailbox;
use crate::world::{EMAIL, PASSWORD, Reply, World, quota};

const OTHER: &str = "another battery of words";

async fn send(world: &World, path: &str, body: Value) -> Reply {
    world.send(world.open(Method::POST, path).json(&body)).await
}

async fn forget(world: &World, email: &str) -> Reply {
    send(world, "/password-resets", json!({"email": email})).await
}

async fn complete(world: &World, token: &str, password: &str) -> Reply {
    let body = json!({"token": token, "new_password": password});
    send(world, "/password-resets/complete", body).await
}

#[tokio::test]
async fn whoever_has_the_mailbox_sets_a_new_password_once() {
    let mailbox = Mailbox::open().await;
    let mailer = mailbox.mailer();
    let world = World::with(|options| {
        options.mailer = mailer;
        options.public_url = "https://flags.example.com".to_owned();
    })
    .await;
    let known = forget(&world, "owner@EXAMPLE.com").await.is(202);
    let unknown = forget(&world, "nobody@example.com").await.is(202);
    assert_eq!(known.body, unknown.body);
    let mail = mailbox.next().await;
    assert_eq!(mail.to, EMAIL);
    assert!(mail.text.contains("https://flags.example.com/reset#ff_rst_"), "{}", mail.text);
    let token = mail.token();

    let reply = complete(&world, &token, "short").await;
    assert_eq!(reply.problem(422, "FF-3012"), ["/new_password"]);
    complete(&world, &token, OTHER).await.is(204);
    world.get("/me").await.problem(401, "FF-3001");
    let old = json!({"email": EMAIL, "password": PASSWORD});
    send(&world, "/sessions", old).await.problem(401, "FF-3005");
    world.sign_in(EMAIL, OTHER).await;
    complete(&world, &token, PASSWORD).await.problem(404, "FF-3014");
    assert_eq!(mailbox.len().await, 0);
}

#[tokio::test]
async fn what_is_no_token_sets_nothing() {
    let world = World::start().await;
    for token in ["", "ff_rst_", "ff_inv_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        complete(&world, token, OTHER).await.problem(404, "FF-3014");
    }
    world.sign_in(EMAIL, PASSWORD).await;
}

#[tokio::test]
async fn without_a_mail_server_nothing_is_made_that_nobody_could_use() {
    let world = World::start().await;
    for email in [EMAIL, "nobody@example.com", "", "\u{0}"] {
        forget(&world, email).await.is(202);
    }
    let made: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.resets")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(made, 0);
}

#[tokio::test]
async fn asking_is_limited_like_signing_in() {
    let world = World::with(|options| options.quotas.sign_in = quota(3)).await;
    forget(&world, EMAIL).await.is(202);
    complete(&world, "nonsense", OTHER).await.problem(404, "FF-3014");
    forget(&world, EMAIL).await.problem(429, "FF-1010");
    complete(&world, "nonsense", OTHER).await.problem(429, "FF-1010");
}
