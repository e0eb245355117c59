//! Oneself: the name, the password, and being forgotten.

use ff_auth::{KeyKind, keys};
use ff_commands::Target;
use ff_domain::api_key::{KeyPurpose, TokenRole, TokenScope};
use ff_domain::{
    ApiKey, ApiKeyCommand, ApiKeyId, ApiKeyState, OrganizationId, OrganizationKey, UserId,
};
use ff_identity::Origin;
use jiff::Timestamp;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{EMAIL, PASSWORD, Reply, World};

const OTHER: &str = "another battery of words";

fn acme() -> OrganizationId {
    OrganizationId::of(&OrganizationKey::parse("acme").unwrap())
}

/// The access token of a session that an identity provider of `acme` has vouched for.
async fn vouched_for(world: &World, user: Uuid) -> String {
    let opened = world.people.open(user, Some(acme().0), Origin::default(), Timestamp::now());
    let refresh = opened.await.unwrap().refresh;
    let body = json!({"refresh_token": refresh.expose_secret()});
    let reply = world.send(world.open(Method::POST, "/sessions/refresh").json(&body)).await.is(201);
    reply.body["access_token"].as_str().unwrap().to_owned()
}

/// Somebody whom only acme's identity provider knows.
async fn managed(world: &World, email: &str) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO identity.users (id, email, name, organization) VALUES ($1, $2, 'M', $3)",
    )
    .bind(id)
    .bind(email)
    .bind(acme().0)
    .execute(&world.pool)
    .await
    .unwrap();
    id
}

async fn ask(world: &World, token: &str, method: Method, path: &str, body: Value) -> Reply {
    world.send(world.as_(token).request(method, path).json(&body)).await
}

async fn erase(world: &World, token: &str, password: &str) -> Reply {
    ask(world, token, Method::DELETE, "/me", json!({"password": password})).await
}

async fn change(world: &World, token: &str, old: &str, new: &str) -> Reply {
    let body = json!({"old_password": old, "new_password": new});
    world.as_(token).post("/me/password", body).await
}

#[tokio::test]
async fn a_name_is_changed_by_who_has_it() {
    let world = World::furnished().await;
    let token = world.token();
    let renamed =
        ask(&world, &token, Method::PATCH, "/me", json!({"name": " Ada L. "})).await.is(200);
    assert_eq!((&renamed.body["name"], &renamed.body["email"]), (&json!("Ada L."), &json!(EMAIL)));
    assert_eq!(renamed.body["organizations"][0]["key"], "acme");
    assert_eq!(
        (&renamed.body["managed"], &renamed.body["has_password"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(world.get("/me").await.body["name"], "Ada L.");
    for (body, code, place) in [
        (json!({"name": ""}), "FF-3012", "/name"),
        (json!({"name": "a\nb"}), "FF-3012", "/name"),
        (json!({"name": null}), "FF-1001", "/name"),
        (json!({"nick": "A"}), "FF-1001", "/nick"),
    ] {
        let reply = ask(&world, &token, Method::PATCH, "/me", body).await;
        assert_eq!(reply.problem(422, code), [place]);
    }
    assert_eq!(world.get("/me").await.body["name"], "Ada L.");
}

#[tokio::test]
async fn another_password_keeps_this_session_and_ends_the_others() {
    let world = World::start().await;
    let (_, token) = world.person("ada@example.com", "Ada").await;
    let other = world.sign_in("ada@example.com", PASSWORD).await;

    let reply = change(&world, &token, "wrong", OTHER).await;
    assert_eq!(reply.problem(403, "FF-3005"), ["/old_password"]);
    for bad in ["short", "password123", "ada@example.com"] {
        let reply = change(&world, &token, PASSWORD, bad).await;
        assert_eq!(reply.problem(422, "FF-3012"), ["/new_password"]);
    }
    world.as_(&other).get("/me").await.is(200);

    change(&world, &token, PASSWORD, OTHER).await.is(204);
    world.as_(&token).get("/me").await.is(200);
    world.as_(&other).get("/me").await.problem(401, "FF-3001");
    let old = json!({"email": "ada@example.com", "password": PASSWORD});
    world.send(world.open(Method::POST, "/sessions").json(&old)).await.problem(401, "FF-3005");
    world.sign_in("ada@example.com", OTHER).await;
}

#[tokio::test]
async fn guessing_the_old_password_locks_it_like_signing_in() {
    let world = World::start().await;
    let (_, token) = world.person("ada@example.com", "Ada").await;
    for _ in 0..10 {
        change(&world, &token, "wrong", OTHER).await.problem(403, "FF-3005");
    }
    change(&world, &token, PASSWORD, OTHER).await.problem(429, "FF-3008");
    erase(&world, &token, PASSWORD).await.problem(429, "FF-3008");
}

#[tokio::test]
async fn a_session_of_one_organization_changes_nothing_that_is_about_all() {
    let world = World::furnished().await;
    let (id, _) = world.person("ada@example.com", "Ada").await;
    let token = vouched_for(&world, id).await;
    world.as_(&token).get("/me").await.is(200);
    for reply in [
        ask(&world, &token, Method::PATCH, "/me", json!({"name": "Mallory"})).await,
        change(&world, &token, PASSWORD, OTHER).await,
        erase(&world, &token, PASSWORD).await,
        world.as_(&token).post("/me/invitations/accept", json!({"token": "ff_inv_x"})).await,
    ] {
        reply.problem(403, "FF-3018");
    }
}

#[tokio::test]
async fn who_has_no_password_is_told_so() {
    let world = World::furnished().await;
    let id = managed(&world, "m@example.com").await;
    let token = vouched_for(&world, id).await;
    let me = ask(&world, &token, Method::PATCH, "/me", json!({"name": "Mia"})).await.is(200).body;
    assert_eq!((&me["name"], &me["managed"]), (&json!("Mia"), &json!(true)));
    change(&world, &token, PASSWORD, OTHER).await.problem(409, "FF-3013");
    erase(&world, &token, PASSWORD).await.problem(409, "FF-3013");
}

#[tokio::test]
async fn the_last_owner_stays_and_is_told_of_what() {
    let world = World::furnished().await;
    world.post("/orgs", json!({"key": "other", "name": "Other"})).await.is(201);
    let reply = erase(&world, &world.token(), PASSWORD).await;
    reply.problem(409, "FF-3017");
    let detail = reply.body["detail"].as_str().unwrap();
    assert!(detail.contains("`acme`, `other`"), "{detail}");
    assert_eq!(world.get("/me").await.body["organizations"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn nothing_is_left_of_somebody_but_what_they_did() {
    let world = World::furnished().await;
    let person @ (id, token) =
        &world.colleague("ada@example.com", json!([{"role": "editor"}])).await;
    let other = world.sign_in("ada@example.com", PASSWORD).await;
    let flags = "/orgs/acme/projects/web/flags";
    world.as_(token).act(&format!("{flags}/checkout/environments/staging/on")).await.is(200);
    let key = personal_token(&world, *id).await;
    world.as_(&key).get(flags).await.is(200);

    let wrong = erase(&world, token, "wrong").await;
    assert_eq!(wrong.problem(403, "FF-3005"), ["/password"]);
    let reply = erase(&world, token, PASSWORD).await.is(204);
    assert!(reply.headers.contains_key("ff-position"));

    for dead in [token, &other, &key] {
        world.as_(dead).get(flags).await.problem(401, "FF-3001");
    }
    let login = json!({"email": "ada@example.com", "password": PASSWORD});
    world.send(world.open(Method::POST, "/sessions").json(&login)).await.problem(401, "FF-3005");
    let left = world.people.find(*id).await.unwrap().unwrap();
    assert!(left.erased && left.email.is_none() && left.name.is_none());

    let audit = world.get("/orgs/acme/audit?limit=200").await.is(200).body;
    let items = audit["items"].as_array().unwrap();
    let did = items.iter().find(|item| item["actor"]["id"] == json!(id)).unwrap();
    assert_eq!(did["events"][0]["type"], "flag.turned_on");
    let gone = items.iter().find(|item| item["events"][0]["type"] == "membership.revoked").unwrap();
    assert_eq!(gone["actor"]["kind"], "system");
    assert!(!audit.to_string().contains("ada@example.com"));

    // The e-mail is free, and who takes it is somebody else.
    let (again, token) = world.person("ada@example.com", "Another Ada").await;
    assert_ne!(again, person.0);
    world.as_(&token).get("/orgs/acme").await.problem(404, "FF-1006");
}

/// A token of somebody's own, with which they may look.
async fn personal_token(world: &World, owner: Uuid) -> String {
    let new = keys::from_secret(KeyKind::ApiToken, &[7; 32]);
    let id = ApiKeyId::of(acme(), new.hash.as_bytes());
    let scopes = vec![TokenScope::everywhere(TokenRole::Viewer)];
    let issue = ApiKeyCommand::Issue(ApiKeyState {
        organization: acme(),
        name: "mine".to_owned(),
        purpose: KeyPurpose::PersonalToken { owner: UserId(owner), scopes },
        hash: new.hash.to_string(),
        prefix: new.prefix.to_string(),
        expires_at: None,
        replaces: None,
        replaced_by: None,
    });
    world.execute(Target::<ApiKey>::new(acme(), id), issue).await;
    let key = new.plain.expose().to_owned();
    ff_testkit::eventually(std::time::Duration::from_secs(20), || async {
        let reply = world.as_(&key).get("/orgs/acme").await;
        if reply.status == 200 { Ok(()) } else { Err(reply) }
    })
    .await;
    key
}
