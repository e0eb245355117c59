//! Invitations: made, looked at, accepted, and what they may promise.

mod promises;

use reqwest::Method;
use serde_json::{Value, json};

use crate::mailbox::Mailbox;
use crate::world::{PASSWORD, Reply, World, quota};

const INVITATIONS: &str = "/orgs/acme/invitations";
const EVE: &str = "eve@example.com";

fn viewer() -> Value {
    json!([{"role": "viewer"}])
}

async fn invite(world: &World, email: &str, roles: Value) -> Reply {
    world.post(INVITATIONS, json!({"email": email, "roles": roles})).await
}

/// An invitation that was not mailed.
async fn invited(world: &World, email: &str, roles: Value) -> String {
    let reply = invite(world, email, roles).await.is(201);
    reply.body["token"].as_str().unwrap().to_owned()
}

async fn look(world: &World, token: &str) -> Reply {
    let body = json!({"token": token});
    world.send(world.open(Method::POST, "/invitations/look").json(&body)).await
}

async fn accept(world: &World, token: &str, password: &str) -> Reply {
    let body = json!({"token": token, "name": "Eve", "password": password});
    world.send(world.open(Method::POST, "/invitations/accept").json(&body)).await
}

async fn accept_as(world: &World, bearer: &str, token: &str) -> Reply {
    world.as_(bearer).post("/me/invitations/accept", json!({"token": token})).await
}

#[tokio::test]
async fn somebody_new_gets_an_account_and_is_in_at_once() {
    let world = World::furnished().await;
    let me = world.get("/me").await.body["id"].clone();
    let roles =
        json!([{"role": "editor", "project": "web", "environment": "staging"}, {"role": "viewer"}]);
    let made = invite(&world, EVE, roles).await.is(201);
    assert_eq!((&made.body["email"], &made.body["invited_by"]), (&json!(EVE), &me));
    let token = made.body["token"].as_str().unwrap();
    assert!(made.body["link"].as_str().unwrap().ends_with(&format!("/invitations#{token}")));

    let listed = world.get(INVITATIONS).await.is(200).body;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["id"], made.body["id"]);
    assert!(!listed.to_string().contains("ff_inv_"));
    let seen = look(&world, token).await.is(200).body;
    assert_eq!(seen["organization"], "acme");
    assert_eq!(seen["organization_name"], "Acme");
    assert_eq!((&seen["email"], &seen["has_account"]), (&json!(EVE), &json!(false)));

    let reply = accept(&world, token, "short").await;
    assert_eq!(reply.problem(422, "FF-3012"), ["/password"]);
    let session = accept(&world, token, PASSWORD).await.is(201).body;
    let eve = session["access_token"].as_str().unwrap();
    let flag = "/orgs/acme/projects/web/flags/checkout";
    world.as_(eve).act(&format!("{flag}/environments/staging/on")).await.is(200);
    world.as_(eve).act(&format!("{flag}/environments/production/on")).await.problem(403, "FF-3004");
    world.sign_in(EVE, PASSWORD).await;

    look(&world, token).await.problem(404, "FF-3014");
    accept(&world, token, PASSWORD).await.problem(404, "FF-3014");
    assert_eq!(world.get(INVITATIONS).await.body["items"], json!([]));
    let audit = world.get("/orgs/acme/audit?limit=5").await.is(200).body;
    let items = audit["items"].as_array().unwrap();
    let joined = items.iter().find(|item| item["aggregate_type"] == "membership").unwrap();
    assert_eq!(joined["actor"], json!({"kind": "user", "id": me}));
    assert_eq!(joined["events"][0]["type"], "membership.granted");
    assert!(!audit.to_string().contains("eve@"));
}

#[tokio::test]
async fn a_browser_is_signed_in_with_cookies() {
    let world = World::furnished().await;
    let token = invited(&world, EVE, viewer()).await;
    let body = json!({"token": token, "name": "Eve", "password": PASSWORD, "cookies": true});
    let request = world.open(Method::POST, "/invitations/accept").json(&body);
    let reply = world.send(request).await.is(201);
    assert!(reply.body["csrf_token"].is_string() && reply.body.get("access_token").is_none());
    assert_eq!(reply.headers.get_all("set-cookie").iter().count(), 2);
}

#[tokio::test]
async fn with_a_mail_server_only_the_mailbox_gets_the_link() {
    let mailbox = Mailbox::open().await;
    let mailer = mailbox.mailer();
    let world = World::with(|options| options.mailer = mailer).await;
    world.furnish().await;
    let made = invite(&world, EVE, viewer()).await.is(201);
    assert_eq!((&made.body["token"], &made.body["link"]), (&Value::Null, &Value::Null));
    let mail = mailbox.next().await;
    assert_eq!(mail.to, EVE);
    assert!(mail.text.contains("Olive Owner invites you to join Acme."), "{}", mail.text);
    accept(&world, &mail.token(), PASSWORD).await.is(201);
}

#[tokio::test]
async fn nobody_s_mailbox_is_filled() {
    let mailbox = Mailbox::open().await;
    let mailer = mailbox.mailer();
    let world = World::with(|options| {
        options.mailer = mailer;
        options.quotas.mailbox = quota(2);
        options.quotas.invitations = quota(3);
        options.quotas.foundings = quota(2);
    })
    .await;
    // One of two, or three.
    world.furnish().await;
    invite(&world, EVE, viewer()).await.is(201);
    invite(&world, &EVE.to_uppercase(), viewer()).await.is(201);
    let reply = invite(&world, EVE, viewer()).await;
    reply.problem(429, "FF-1010");
    assert!(reply.body["detail"].as_str().unwrap().contains("`mailbox`"), "{}", reply.body);
    // The one that went nowhere counts for who has tried.
    let reply = invite(&world, "other@example.com", viewer()).await;
    reply.problem(429, "FF-1010");
    assert!(reply.body["detail"].as_str().unwrap().contains("`invitations`"), "{}", reply.body);

    let found = |key: &str| world.post("/orgs", json!({"key": key, "name": "N"}));
    found("second").await.is(201);
    found("third").await.problem(429, "FF-1010");
}

#[tokio::test]
async fn an_invitation_that_cannot_be_mailed_is_none() {
    for (answer, status, code) in
        [("550 nobody here", 422, "FF-3012"), ("450 later", 503, "FF-3019")]
    {
        let mailer = Mailbox::answering(answer).await.mailer();
        let world = World::with(|options| options.mailer = mailer).await;
        world.furnish().await;
        let reply = invite(&world, EVE, viewer()).await;
        reply.problem(status, code);
        assert!(!reply.body.to_string().contains("ff_inv_"));
        assert_eq!(world.get(INVITATIONS).await.is(200).body["items"], json!([]));
    }
}

#[tokio::test]
async fn who_has_an_account_accepts_signed_in_and_only_with_the_invited_mailbox() {
    let world = World::furnished().await;
    let (_, eve) = world.person(EVE, "Eve").await;
    let (_, mallory) = world.person("mallory@example.com", "Mallory").await;
    let token = invited(&world, "Eve@Example.com", viewer()).await;
    assert_eq!(look(&world, &token).await.is(200).body["has_account"], true);
    accept(&world, &token, PASSWORD).await.problem(409, "FF-3011");
    accept_as(&world, &mallory, &token).await.problem(403, "FF-3015");
    world.as_(&eve).get("/orgs/acme").await.problem(404, "FF-1006");

    let joined = accept_as(&world, &eve, &token).await.is(200);
    assert_eq!(joined.body, json!({"organization": "acme"}));
    world.as_(&eve).get("/orgs/acme").await.is(200);
    assert_eq!(world.as_(&eve).get("/me").await.body["organizations"][0]["key"], "acme");
    accept_as(&world, &eve, &token).await.problem(404, "FF-3014");
}

#[tokio::test]
async fn a_member_gets_the_roles_as_well() {
    let world = World::furnished().await;
    let (_, eve) = world.colleague(EVE, viewer()).await;
    let on = "/orgs/acme/projects/web/flags/checkout/environments/staging/on";
    world.as_(&eve).act(on).await.problem(403, "FF-3004");
    let roles = json!([{"role": "viewer"}, {"role": "editor", "project": "web"}]);
    let token = invited(&world, EVE, roles).await;
    accept_as(&world, &eve, &token).await.is(200);
    world.as_(&eve).act(on).await.is(200);
}

#[tokio::test]
async fn a_withdrawn_or_repeated_invitation_is_worth_nothing() {
    let world = World::furnished().await;
    world.post("/orgs", json!({"key": "other", "name": "Other"})).await.is(201);
    let first = invited(&world, EVE, viewer()).await;
    let made = invite(&world, " EVE@example.com", viewer()).await.is(201).body;
    let second = made["token"].as_str().unwrap();
    look(&world, &first).await.problem(404, "FF-3014");
    look(&world, second).await.is(200);

    let id = made["id"].as_str().unwrap();
    let withdraw = |path: String| world.send(world.request(Method::DELETE, &path));
    withdraw(format!("/orgs/other/invitations/{id}")).await.problem(404, "FF-1006");
    withdraw(format!("{INVITATIONS}/{id}")).await.is(204);
    withdraw(format!("{INVITATIONS}/{id}")).await.problem(404, "FF-1006");
    look(&world, second).await.problem(404, "FF-3014");
    accept(&world, second, PASSWORD).await.problem(404, "FF-3014");
}

#[tokio::test]
async fn an_invitation_ends() {
    let world = World::with(|options| options.people.invitation = jiff::SignedDuration::ZERO).await;
    world.furnish().await;
    let token = invited(&world, EVE, viewer()).await;
    look(&world, &token).await.problem(404, "FF-3014");
    accept(&world, &token, PASSWORD).await.problem(404, "FF-3014");
    assert_eq!(world.get(INVITATIONS).await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_an_invitation_is_told_with_its_place() {
    let world = World::furnished().await;
    for (email, roles, code, place) in [
        ("eve", viewer(), "FF-3012", "/email"),
        (EVE, json!([{"role": "viewer"}, {"role": "baker"}]), "FF-1142", "/roles/1/role"),
        (EVE, json!([{"role": "viewer", "project": "none"}]), "FF-1142", "/roles/0/project"),
        (EVE, json!([{"role": "viewer", "colour": "red"}]), "FF-1001", "/roles/0/colour"),
    ] {
        let reply = invite(&world, email, roles).await;
        assert_eq!(reply.problem(422, code), [place]);
    }
    assert_eq!(world.get(INVITATIONS).await.body["items"], json!([]));
}
