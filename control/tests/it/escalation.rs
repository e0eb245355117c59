//! Nobody gives more than they have: not directly, not by a role, a token, a service account or an old key, and nobody
//! takes it.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::routes::members::{in_project, role};
use crate::world::World;

const KEYS: &str = "/orgs/acme/keys";
const ROLES: &str = "/orgs/acme/roles";
const ACCOUNTS: &str = "/orgs/acme/service-accounts";

/// Somebody new whose role of the organization's own holds these permissions.
async fn holding(world: &World, key: &str, permissions: &[&str]) -> (Uuid, String) {
    let body = json!({"key": key, "name": key, "permissions": permissions});
    world.post(ROLES, body).await.is(201);
    world.colleague(&format!("{key}@example.com"), json!([role(key)])).await
}

fn token(purpose: &Value) -> Value {
    json!({"name": "t", "purpose": purpose})
}

#[tokio::test]
async fn not_directly() {
    let world = World::furnished().await;
    let (hr, hr_token) =
        holding(&world, "hr", &["membership.read", "membership.grant", "membership.revoke"]).await;
    let (bob, _) = world.colleague("bob@example.com", json!([role("editor")])).await;
    let (_, admin) = world.colleague("admin@example.com", json!([role("admin")])).await;
    let (newcomer, _) = world.managed("acme", "new@example.com").await;
    let members = "/orgs/acme/members";
    let (hr_, admin) = (world.as_(&hr_token), world.as_(&admin));
    for body in [role("viewer"), role("editor"), in_project("viewer", "web"), role("owner")] {
        for (path, who) in [("give", hr), ("give", bob), ("take", bob)] {
            let path = format!("{members}/{who}/roles/{path}");
            hr_.post(&path, body.clone()).await.problem(403, "FF-3006");
        }
        let add = json!({"user": newcomer, "roles": [body]});
        hr_.post(members, add).await.problem(403, "FF-3006");
    }
    hr_.change(Method::DELETE, &format!("{members}/{bob}"), 1, Value::Null)
        .await
        .problem(403, "FF-3006");
    // What they have they may give, also to somebody new, who then has it.
    hr_.post(&format!("{members}/{bob}/roles/give"), role("hr")).await.is(200);
    hr_.post(members, json!({"user": newcomer, "roles": [role("hr")]})).await.is(201);
    hr_.change(Method::DELETE, &format!("{members}/{newcomer}"), 1, Value::Null).await.is(200);
    for what in [role("owner"), in_project("owner", "web")] {
        let add = json!({"user": newcomer, "roles": [what]});
        admin.post(members, add).await.problem(403, "FF-3006");
    }
    admin.post(members, json!({"user": newcomer, "roles": [role("admin")]})).await.is(201);
}

#[tokio::test]
async fn not_by_a_role_they_define_or_one_that_is_edited_later() {
    let world = World::furnished().await;
    let (_, token) =
        holding(&world, "architect", &["role.define", "membership.grant", "membership.read"]).await;
    let version = world.get(ROLES).await.version();
    let architect = world.as_(&token);
    let more = json!({"key": "more", "name": "More", "permissions": ["flag.toggle"]});
    architect.post(ROLES, more).await.problem(403, "FF-3006");
    // Their own role, which they would have at the next request.
    let own = format!("{ROLES}/architect");
    let body =
        json!({"name": "A", "permissions": ["role.define", "membership.grant", "flag.toggle"]});
    architect.change(Method::PUT, &own, version, body).await.problem(403, "FF-3006");
    // One that holds what they have not is not theirs to take from its holders either.
    let strong = json!({"key": "strong", "name": "S", "permissions": ["organization.archive"]});
    let version = world.post(ROLES, strong).await.is(201).version();
    let weak = json!({"name": "S", "permissions": ["role.define"]});
    let path = format!("{ROLES}/strong");
    architect.change(Method::PUT, &path, version, weak.clone()).await.problem(403, "FF-3006");
    architect.change(Method::DELETE, &path, version, Value::Null).await.problem(403, "FF-3006");
    let (_, admin) = world.colleague("admin@example.com", json!([role("admin")])).await;
    let admin = world.as_(&admin);
    admin.change(Method::PUT, &path, version, weak).await.problem(403, "FF-3006");
    let archive = json!({"key": "a2", "name": "A", "permissions": ["organization.archive"]});
    admin.post(ROLES, archive).await.problem(403, "FF-3006");
    admin
        .post(ROLES, json!({"key": "b2", "name": "B", "permissions": ["flag.toggle"]}))
        .await
        .is(201);

    // What they have they may put into a role; and a project's admin defines none, since it would hold everywhere.
    let less = json!({"key": "less", "name": "L", "permissions": ["membership.read"]});
    architect.post(ROLES, less).await.is(201);
    let (_, project) =
        world.colleague("pat@example.com", json!([in_project("admin", "web")])).await;
    let none = json!({"key": "none", "name": "N", "permissions": []});
    world.as_(&project).post(ROLES, none).await.problem(403, "FF-3004");
}

#[tokio::test]
async fn not_by_a_token() {
    let world = World::furnished().await;
    let (_, token_of) = holding(&world, "keys", &["api_key.issue", "api_key.read"]).await;
    let keeper = world.as_(&token_of);
    for purpose in [
        json!({"kind": "api_token", "role": "viewer"}),
        json!({"kind": "api_token", "role": "admin"}),
        json!({"kind": "api_token", "role": "viewer", "project": "web"}),
    ] {
        keeper.post(KEYS, token(&purpose)).await.problem(403, "FF-3006");
    }
    let sdk = json!({"kind": "sdk_client", "project": "web", "environment": "staging"});
    keeper.post(KEYS, token(&sdk)).await.is(201);
    let (_, admin) = world.colleague("admin@example.com", json!([role("admin")])).await;
    let issued =
        world.as_(&admin).post(KEYS, token(&json!({"kind": "api_token", "role": "admin"}))).await;
    let issued = issued.is(201).body;
    let program = world.as_(issued["key"].as_str().unwrap());
    // A token makes no owners, issues what it has, and is not somebody.
    let (bob, _) = world.colleague("bob@example.com", json!([role("viewer")])).await;
    let give = format!("/orgs/acme/members/{bob}/roles/give");
    program.post(&give, role("owner")).await.problem(403, "FF-3006");
    program.post(&give, role("admin")).await.is(200);
    program.post(KEYS, token(&json!({"kind": "api_token", "role": "admin"}))).await.is(201);
    let personal = json!({"kind": "personal_token", "scopes": [role("viewer")]});
    program.post(KEYS, token(&personal)).await.problem(403, "FF-3006");

    let limited = json!({"kind": "api_token", "role": "admin", "project": "web"});
    let limited = world.post(KEYS, token(&limited)).await.is(201).body;
    let limited = world.as_(limited["key"].as_str().unwrap());
    let here = json!({"kind": "api_token", "role": "admin", "project": "web"});
    limited.post(KEYS, token(&here)).await.is(201);
    limited
        .post(KEYS, token(&json!({"kind": "api_token", "role": "viewer"})))
        .await
        .problem(403, "FF-3004");
    limited.post(&give, role("viewer")).await.problem(403, "FF-3004");
}

#[tokio::test]
async fn not_by_a_service_account_nor_by_restoring_one() {
    let world = World::furnished().await;
    let may = [
        "service_account.create",
        "service_account.edit",
        "service_account.archive",
        "api_key.issue",
    ];
    let (_, token_of) = holding(&world, "ops", &may).await;
    let ops = world.as_(&token_of);
    let strong = json!({"key": "strong", "name": "S", "roles": [role("admin")]});
    ops.post(ACCOUNTS, strong.clone()).await.problem(403, "FF-3006");
    world.post(ACCOUNTS, strong).await.is(201);
    ops.post(ACCOUNTS, json!({"key": "weak", "name": "W"})).await.is(201);
    for (account, body) in
        [("weak", role("viewer")), ("weak", role("admin")), ("strong", role("viewer"))]
    {
        let path = format!("{ACCOUNTS}/{account}/roles/give");
        ops.post(&path, body).await.problem(403, "FF-3006");
    }
    ops.post(&format!("{ACCOUNTS}/strong/roles/take"), role("admin")).await.problem(403, "FF-3006");
    ops.post(&format!("{ACCOUNTS}/weak/roles/give"), role("ops")).await.is(200);
    // Whoever has a key of an account is the account.
    let of = |account: &str| token(&json!({"kind": "service_account", "account": account}));
    ops.post(KEYS, of("strong")).await.problem(403, "FF-3006");
    ops.post(KEYS, of("weak")).await.is(201);

    let key = world.post(KEYS, of("strong")).await.is(201).body;
    ops.act(&format!("{ACCOUNTS}/strong/archive")).await.problem(403, "FF-3006");
    world.act(&format!("{ACCOUNTS}/strong/archive")).await.is(200);
    ops.act(&format!("{ACCOUNTS}/strong/restore")).await.problem(403, "FF-3006");
    world.as_(key["key"].as_str().unwrap()).get("/orgs/acme").await.problem(401, "FF-3001");
    ops.act(&format!("{ACCOUNTS}/weak/archive")).await.is(200);
    ops.act(&format!("{ACCOUNTS}/weak/restore")).await.is(200);
}

#[tokio::test]
async fn not_by_rotating_what_is_another_s() {
    let world = World::furnished().await;
    let (_, token_of) =
        holding(&world, "keys", &["api_key.issue", "api_key.read", "api_key.revoke"]).await;
    let keeper = world.as_(&token_of);
    world
        .post(ACCOUNTS, json!({"key": "strong", "name": "S", "roles": [role("admin")]}))
        .await
        .is(201);
    for purpose in [
        json!({"kind": "api_token", "role": "admin"}),
        json!({"kind": "service_account", "account": "strong"}),
        json!({"kind": "personal_token", "scopes": [role("viewer")]}),
    ] {
        let issued = world.post(KEYS, token(&purpose)).await.is(201).body;
        let path = format!("{KEYS}/{}", issued["id"].as_str().unwrap());
        let rotated = keeper.post(&format!("{path}/rotate"), json!({"overlap_seconds": 0})).await;
        rotated.problem(403, "FF-3006");
        // It has no end by the attempt.
        world.as_(issued["key"].as_str().unwrap()).get("/orgs/acme").await.is(200);
        // To put an end to a key is not to have what it gave.
        keeper.change(Method::DELETE, &path, 1, Value::Null).await.is(200);
    }
}

#[tokio::test]
async fn a_right_that_is_lost_is_not_given_any_more() {
    let world = World::furnished().await;
    let (bob, token_of) = world.colleague("bob@example.com", json!([role("admin")])).await;
    let (ada, _) = world.colleague("ada@example.com", json!([role("viewer")])).await;
    let personal = json!({"kind": "personal_token", "scopes": [role("admin")]});
    let key = world.as_(&token_of).post(KEYS, token(&personal)).await.is(201).body;
    let program = world.as_(key["key"].as_str().unwrap());
    let give = format!("/orgs/acme/members/{ada}/roles/give");
    program.post(&give, role("editor")).await.is(200);
    world.post(&format!("/orgs/acme/members/{bob}/roles/give"), role("viewer")).await.is(200);
    world.post(&format!("/orgs/acme/members/{bob}/roles/take"), role("admin")).await.is(200);
    program.post(&give, role("admin")).await.problem(403, "FF-3004");
    world.as_(&token_of).post(&give, role("admin")).await.problem(403, "FF-3004");
}
