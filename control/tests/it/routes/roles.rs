//! Roles of an organization's own, permissions, and what one may do.

use reqwest::Method;
use serde_json::{Value, json};

use super::members::{in_project, role};
use crate::world::World;

const ALL: &str = "/orgs/acme/roles";
const RELEASER: &str = "/orgs/acme/roles/releaser";

fn releaser(permissions: &[&str]) -> Value {
    json!({"key": "releaser", "name": "Releaser", "permissions": permissions})
}

fn anew(permissions: &[&str]) -> Value {
    json!({"name": "Releaser", "description": "Goes live", "permissions": permissions})
}

fn named<'a>(roles: &'a Value, key: &str) -> &'a Value {
    let items = roles["items"].as_array().unwrap();
    items.iter().find(|role| role["key"] == key).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn every_permission_says_what_it_is() {
    let world = World::start().await;
    let all = world.get("/permissions").await.is(200).body;
    let items = all["items"].as_array().unwrap();
    assert_eq!(items.len(), ff_auth::Permission::ALL.len());
    let toggle = items.iter().find(|item| item["name"] == "flag.toggle").unwrap();
    let about = "Turn a flag on or off in an environment.";
    assert_eq!((&toggle["about"], &toggle["least_role"]), (&json!(about), &json!("editor")));
}

#[tokio::test]
async fn a_role_is_made_changed_and_removed() {
    let world = World::furnished().await;
    let listed = world.get(ALL).await.is(200);
    let keys: Vec<_> =
        listed.body["items"].as_array().unwrap().iter().map(|it| &it["key"]).collect();
    assert_eq!(keys, ["viewer", "editor", "admin", "owner"]);
    assert_eq!((listed.version(), &named(&listed.body, "owner")["holders"]), (1, &json!(1)));
    assert_eq!(named(&listed.body, "viewer")["built_in"], true);

    let made = world.post(ALL, releaser(&["flag.toggle", "experiment.start"])).await.is(201);
    assert_eq!(made.header("location"), format!("/api/v1{RELEASER}"));
    assert_eq!((made.version(), &made.body["holders"]), (2, &json!(0)));
    assert_eq!(made.body["permissions"], json!(["experiment.start", "flag.toggle"]));
    world.post(ALL, releaser(&[])).await.problem(409, "FF-1105");

    world.send(world.request(Method::PUT, RELEASER).json(&anew(&[]))).await.problem(428, "FF-1007");
    world.change(Method::PUT, RELEASER, 1, anew(&[])).await.problem(412, "FF-2002");
    let changed = world.change(Method::PUT, RELEASER, 2, anew(&["flag.toggle"])).await.is(200);
    assert_eq!((changed.version(), &changed.body["description"]), (3, &json!("Goes live")));
    let found = world.get(RELEASER).await.is(200);
    assert_eq!((found.version(), &found.body["permissions"]), (3, &json!(["flag.toggle"])));
    assert_eq!(world.get(&format!("{ALL}/admin")).await.is(200).body["built_in"], true);
    world.get(&format!("{ALL}/none")).await.problem(404, "FF-1006");

    let left = world.change(Method::DELETE, RELEASER, 3, Value::Null).await.is(200);
    assert_eq!((left.version(), named(&left.body, "releaser")), (4, &Value::Null));
    world.get(RELEASER).await.problem(404, "FF-1006");
    world.change(Method::DELETE, RELEASER, 4, Value::Null).await.problem(404, "FF-1104");
    world.change(Method::PUT, RELEASER, 4, anew(&[])).await.problem(404, "FF-1104");
    let built_in = format!("{ALL}/viewer");
    world.change(Method::DELETE, &built_in, 4, Value::Null).await.problem(404, "FF-1104");
}

#[tokio::test]
async fn what_is_wrong_in_a_role_has_a_place() {
    let world = World::furnished().await;
    let odd = world.post(ALL, releaser(&["flag.toggle", "flag.explode", "flag.archive"])).await;
    assert_eq!(odd.problem(422, "FF-1102"), ["/permissions/1"]);
    for (key, name, place) in [
        ("Owner", "O", "/key"),
        ("owner", "O", "/key"),
        ("chef", " ", "/name"),
        ("chef", "a\nb", "/name"),
        ("chef", "\u{202e}fehc", "/name"),
    ] {
        let body = json!({"key": key, "name": name, "permissions": []});
        assert_eq!(world.post(ALL, body).await.problem(422, "FF-1102"), [place]);
    }
    let body = json!({"key": "a b", "name": "A", "permissions": []});
    assert_eq!(world.post(ALL, body).await.problem(422, "FF-1001"), ["/key"]);
}

#[tokio::test]
async fn a_role_that_somebody_has_stays() {
    let world = World::furnished().await;
    world.post(ALL, releaser(&["flag.toggle"])).await.is(201);
    let given = json!([in_project("releaser", "web")]);
    let (ada, _) = world.colleague("ada@example.com", given.clone()).await;
    let account = json!({"key": "deploy", "name": "Deploy", "roles": given});
    world.post("/orgs/acme/service-accounts", account).await.is(201);
    assert_eq!(world.get(RELEASER).await.body["holders"], 2);
    let take = format!("/orgs/acme/members/{ada}/roles/take");
    world.change(Method::DELETE, RELEASER, 2, Value::Null).await.problem(409, "FF-3020");
    world.post(&take, in_project("releaser", "web")).await.is(200);
    // An account that is put away comes back with what it had.
    world.act("/orgs/acme/service-accounts/deploy/archive").await.is(200);
    world.change(Method::DELETE, RELEASER, 2, Value::Null).await.problem(409, "FF-3020");
    world.act("/orgs/acme/service-accounts/deploy/restore").await.is(200);
    let back = in_project("releaser", "web");
    world.post("/orgs/acme/service-accounts/deploy/roles/take", back).await.is(200);
    world.change(Method::DELETE, RELEASER, 2, Value::Null).await.is(200);
}

#[tokio::test]
async fn a_changed_role_is_in_force_at_the_next_request() {
    let world = World::furnished().await;
    world.post(ALL, releaser(&["flag.toggle"])).await.is(201);
    let (_, token) = world.colleague("ada@example.com", json!([role("releaser")])).await;
    let on = "/orgs/acme/projects/web/flags/checkout/environments/staging/on";
    world.as_(&token).act(on).await.is(200);
    world.change(Method::PUT, RELEASER, 2, anew(&["experiment.start"])).await.is(200);
    world.as_(&token).act(on).await.problem(403, "FF-3004");
    world.change(Method::PUT, RELEASER, 3, anew(&["flag.toggle"])).await.is(200);
    world.as_(&token).act(on).await.is(200);
    // To see roles asks for more than to have one.
    world.as_(&token).get(ALL).await.problem(403, "FF-3004");
    world
        .as_(&token)
        .post(ALL, json!({"key": "x", "name": "X", "permissions": []}))
        .await
        .problem(403, "FF-3004");
}

#[tokio::test]
async fn one_can_read_what_one_may() {
    let world = World::furnished().await;
    let me = "/orgs/acme/me";
    let all = world.get(me).await.is(200).body;
    assert_eq!((&all["is_owner"], &all["here"]), (&json!(true), &Value::Null));
    assert_eq!(all["roles"], json!([role("owner")]));
    // Everything but founding, which is done in no organization.
    assert_eq!(all["permissions"].as_array().unwrap().len(), ff_auth::Permission::ALL.len() - 1);

    let staging = json!({"role": "editor", "project": "web", "environment": "staging"});
    let (ada, token) =
        world.colleague("ada@example.com", json!([in_project("viewer", "web"), staging])).await;
    let ask = async |query: &str| {
        let found = world.as_(&token).get(&format!("{me}{query}")).await.is(200).body;
        assert_eq!(found["user"], ada.to_string());
        found
    };
    let may = |found: &Value, list: &str, name: &str| {
        found[list].as_array().unwrap().iter().any(|permission| permission == name)
    };
    let plain = ask("").await;
    let own = json!([
        "organization.read",
        "personal_token.issue",
        "personal_token.revoke",
        "membership.leave"
    ]);
    assert_eq!(plain["permissions"], own);
    let project = ask("?project=web").await;
    assert!(may(&project, "here", "flag.read") && !may(&project, "here", "flag.toggle"));
    let staging = ask("?project=web&environment=staging").await;
    assert!(may(&staging, "here", "flag.toggle") && !may(&staging, "permissions", "flag.toggle"));
    let production = ask("?project=web&environment=production").await;
    assert!(!may(&production, "here", "flag.toggle"));

    for query in ["?project=none", "?project=web&environment=none"] {
        world.as_(&token).get(&format!("{me}{query}")).await.problem(404, "FF-1006");
        world.get(&format!("{me}{query}")).await.problem(404, "FF-1006");
    }
    let homeless = world.get(&format!("{me}?environment=staging")).await;
    assert_eq!(homeless.problem(400, "FF-1009"), ["?environment"]);
    // A change is there at once.
    let give = format!("/orgs/acme/members/{ada}/roles/give");
    world.post(&give, role("editor")).await.is(200);
    assert!(may(&ask("").await, "permissions", "flag.toggle"));
}

#[tokio::test]
async fn a_token_can_read_what_it_may() {
    let world = World::furnished().await;
    let account = json!({"key": "deploy", "name": "D", "roles": [role("editor")]});
    world.post("/orgs/acme/service-accounts", account).await.is(201);
    let mine = world.get("/me").await.body["id"].clone();
    let scope = in_project("viewer", "web");
    for (purpose, expected) in [
        (
            json!({"kind": "api_token", "role": "viewer", "project": "web"}),
            json!({"user": null, "service_account": null, "roles": [scope], "limits": null}),
        ),
        (
            json!({"kind": "personal_token", "scopes": [scope]}),
            json!({"user": mine, "service_account": null, "roles": [role("owner")], "limits": [scope]}),
        ),
        (
            json!({"kind": "service_account", "account": "deploy"}),
            json!({"user": null, "service_account": "deploy", "roles": [role("editor")], "limits": null}),
        ),
    ] {
        let body = json!({"name": "t", "purpose": purpose});
        let key = world.post("/orgs/acme/keys", body).await.is(201).body;
        let key = key["key"].as_str().unwrap();
        let found = world.as_(key).get("/orgs/acme/me?project=web").await.is(200).body;
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&found[field], value, "{field} of {purpose}");
        }
        // What is a person's own to decide no program does.
        let permissions = found["permissions"].as_array().unwrap();
        assert!(!permissions.contains(&json!("membership.leave")), "{purpose}");
        let toggles = found["here"].as_array().unwrap().contains(&json!("flag.toggle"));
        assert_eq!(toggles, purpose["kind"] == "service_account");
    }
}
