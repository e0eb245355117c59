//! Service accounts: made, given roles, put away and taken back.

use reqwest::Method;
use serde_json::{Value, json};

use super::members::{in_project, role};
use crate::world::World;

const ALL: &str = "/orgs/acme/service-accounts";
const DEPLOY: &str = "/orgs/acme/service-accounts/deploy";

fn deploy(roles: &Value) -> Value {
    json!({"key": "deploy", "name": "Deploy", "description": "Ships", "roles": roles})
}

async fn key_of(world: &World, account: &str) -> (String, String) {
    let purpose = json!({"kind": "service_account", "account": account});
    let body = json!({"name": "pipeline", "purpose": purpose});
    let issued = world.post("/orgs/acme/keys", body).await.is(201).body;
    let text = |field: &str| issued[field].as_str().unwrap().to_owned();
    (text("key"), text("id"))
}

#[tokio::test]
async fn an_account_is_made_found_and_renamed() {
    let world = World::furnished().await;
    let made = world.post(ALL, deploy(&json!([role("editor")]))).await.is(201);
    assert_eq!(made.header("location"), format!("/api/v1{DEPLOY}"));
    assert_eq!((made.version(), &made.body["archived"]), (1, &json!(false)));
    world.post(ALL, deploy(&json!([]))).await.problem(409, "FF-1151");
    let other = json!({"key": "another", "name": "Another"});
    world.post(ALL, other).await.is(201);

    let first = world.get(&format!("{ALL}?limit=1")).await.is(200).body;
    assert_eq!(first["items"][0]["key"], "another");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world.get(&format!("{ALL}?limit=1&cursor={cursor}")).await.is(200).body;
    assert_eq!(
        (&second["items"][0]["key"], &second["next_cursor"]),
        (&json!("deploy"), &Value::Null)
    );

    world.send(world.request(Method::PATCH, DEPLOY).json(&json!({}))).await.problem(428, "FF-1007");
    let renamed =
        world.change(Method::PATCH, DEPLOY, 1, json!({"name": "Deployment"})).await.is(200);
    assert_eq!((renamed.version(), &renamed.body["description"]), (2, &json!("Ships")));
    let blank = world.change(Method::PATCH, DEPLOY, 2, json!({"name": ""})).await;
    assert_eq!(blank.problem(422, "FF-1153"), ["/name"]);
    let found = world.get(DEPLOY).await.is(200);
    assert_eq!((found.version(), &found.body["name"]), (2, &json!("Deployment")));
    assert_eq!(found.body["roles"], json!([role("editor")]));
    world.get(&format!("{ALL}/none")).await.problem(404, "FF-1006");
    world.act(&format!("{ALL}/none/archive")).await.problem(404, "FF-1150");
}

#[tokio::test]
async fn what_is_wrong_in_an_account_has_a_place() {
    let world = World::furnished().await;
    let roles = json!([role("viewer"), role("chef"), role("owner"), in_project("editor", "none")]);
    let reply = world.post(ALL, deploy(&roles)).await;
    let mut places = reply.problem(422, "FF-1153");
    places.sort_unstable();
    assert_eq!(places, ["/roles/1/role", "/roles/2/role", "/roles/3/project"]);
    world.post(ALL, deploy(&json!([]))).await.is(201);
    let give = format!("{DEPLOY}/roles/give");
    assert_eq!(world.post(&give, role("owner")).await.problem(422, "FF-1153"), ["/role"]);
    assert_eq!(world.post(&give, role("chef")).await.problem(422, "FF-1153"), ["/role"]);
    let reply = world.post(&give, in_project("viewer", "none")).await;
    assert_eq!(reply.problem(422, "FF-1153"), ["/project"]);
}

#[tokio::test]
async fn a_key_of_it_may_what_the_account_may_at_that_moment() {
    let world = World::furnished().await;
    world.post(ALL, deploy(&json!([]))).await.is(201);
    let (key, id) = key_of(&world, "deploy").await;
    let program = world.as_(&key);
    let on = "/orgs/acme/projects/web/flags/checkout/environments/staging/on";
    program.act(on).await.problem(404, "FF-1006");
    world.post(&format!("{DEPLOY}/roles/give"), in_project("editor", "web")).await.is(200);
    program.act(on).await.is(200);
    world.post(&format!("{DEPLOY}/roles/take"), in_project("editor", "web")).await.is(200);
    program.act(on).await.problem(404, "FF-1006");
    world.post(&format!("{DEPLOY}/roles/give"), role("viewer")).await.is(200);
    program.act(on).await.problem(403, "FF-3004");
    program.get("/orgs/acme/projects/web/flags").await.is(200);

    let keys = world.get(&format!("{DEPLOY}/keys")).await.is(200).body;
    assert_eq!((&keys["items"][0]["id"], &keys["items"][1]), (&json!(id), &Value::Null));
    world.get(&format!("{ALL}/none/keys")).await.problem(404, "FF-1006");
    program.get(&format!("{DEPLOY}/keys")).await.problem(403, "FF-3004");
}

#[tokio::test]
async fn an_account_that_is_put_away_lets_nobody_in() {
    let world = World::furnished().await;
    world.post(ALL, deploy(&json!([role("viewer")]))).await.is(201);
    let (key, _) = key_of(&world, "deploy").await;
    let program = world.as_(&key);
    program.get("/orgs/acme").await.is(200);
    let archived = world.act(&format!("{DEPLOY}/archive")).await.is(200);
    assert_eq!((archived.version(), &archived.body["archived"]), (2, &json!(true)));
    program.get("/orgs/acme").await.problem(401, "FF-3001");
    assert_eq!(world.get(ALL).await.body["items"], json!([]));
    assert_eq!(world.get(&format!("{ALL}?state=archived")).await.body["items"][0]["key"], "deploy");
    world.post(&format!("{DEPLOY}/roles/give"), role("editor")).await.problem(409, "FF-1152");
    let purpose = json!({"kind": "service_account", "account": "deploy"});
    let reply = world.post("/orgs/acme/keys", json!({"name": "k", "purpose": purpose})).await;
    assert_eq!(reply.problem(422, "FF-1132"), ["/purpose/account"]);

    world.act(&format!("{DEPLOY}/restore")).await.is(200);
    program.get("/orgs/acme").await.is(200);
}

#[tokio::test]
async fn a_project_s_admin_gives_an_account_roles_in_the_project() {
    let world = World::furnished().await;
    world.post(ALL, deploy(&json!([role("viewer")]))).await.is(201);
    let (_, admin) = world.colleague("pat@example.com", json!([in_project("admin", "web")])).await;
    let (_, viewer) = world.colleague("vic@example.com", json!([role("viewer")])).await;
    let (give, take) = (format!("{DEPLOY}/roles/give"), format!("{DEPLOY}/roles/take"));
    let admin = world.as_(&admin);
    admin.post(&give, in_project("editor", "web")).await.is(200);
    admin.post(&take, in_project("editor", "web")).await.is(200);
    for path in [&give, &take] {
        admin.post(path, role("viewer")).await.problem(403, "FF-3004");
    }
    admin.post(ALL, json!({"key": "x", "name": "X"})).await.problem(403, "FF-3004");
    // They find whom to give roles to.
    admin.get(ALL).await.is(200);

    let viewer = world.as_(&viewer);
    viewer.get(DEPLOY).await.is(200);
    viewer.post(&give, role("viewer")).await.problem(403, "FF-3004");
    for path in ["archive", "restore"] {
        viewer.act(&format!("{DEPLOY}/{path}")).await.problem(403, "FF-3004");
    }
    viewer.change(Method::PATCH, DEPLOY, 1, json!({"name": "x"})).await.problem(403, "FF-3004");
}
