//! Who connects providers, and what a connection must be.

use ff_testkit::identity_provider::{IdentityProvider, SECRET};
use reqwest::Method;
use serde_json::{Value, json};

use super::desk::{Desk, draft};

const PATH: &str = "/orgs/acme/sign-in-connections";

#[tokio::test]
async fn a_connection_is_made_changed_and_deleted() {
    let (desk, provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let world = &desk.world;
    let made = world.post(PATH, draft(&provider.issuer)).await.is(201);
    let id = made.body["id"].as_str().unwrap();
    let path = format!("{PATH}/{id}");
    assert_eq!(made.header("location"), format!("/api/v1{path}"));
    assert_eq!(made.version(), 1);
    let redirect = format!("{}/api/v1/sign-in/acme/{id}/callback", world.base);
    assert_eq!(made.body["redirect_uri"], redirect);
    assert_eq!((&made.body["enabled"], &made.body["require_email"]), (&json!(true), &json!(false)));
    let roles = json!([{"role": "editor", "project": "web"}]);
    assert_eq!(made.body["group_roles"][0], json!({"group": "engineering", "roles": roles}));
    let got = world.get(&path).await.is(200);
    assert_eq!((&got.body, got.version()), (&made.body, 1));
    let list = world.get(PATH).await.is(200);
    assert_eq!(list.body, json!({"items": [got.body]}));
    for reply in [&made, &list] {
        assert!(!reply.body.to_string().contains(SECRET));
    }

    let mut next = draft(&provider.issuer);
    next["name"] = json!("Everybody");
    next.as_object_mut().unwrap().remove("client_secret");
    let bare = world.request(Method::PUT, &path).json(&next);
    world.send(bare).await.problem(428, "FF-1007");
    let changed = world.change(Method::PUT, &path, 1, next.clone()).await.is(200);
    assert_eq!((&changed.body["name"], changed.version()), (&json!("Everybody"), 2));
    let stale = world.change(Method::PUT, &path, 1, next.clone()).await;
    stale.problem(412, "FF-3034");
    assert_eq!(stale.version(), 2);
    // A secret goes to nobody whom it was not entered for.
    next["client_id"] = json!("another");
    let other = world.change(Method::PUT, &path, 2, next).await;
    assert_eq!(other.problem(422, "FF-3031"), ["/client_secret"]);

    let bare = world.request(Method::DELETE, &path);
    world.send(bare).await.problem(428, "FF-1007");
    world.change(Method::DELETE, &path, 2, Value::Null).await.is(204);
    world.get(&path).await.problem(404, "FF-1006");
    world.change(Method::DELETE, &path, 2, Value::Null).await.problem(404, "FF-1006");
    let noted = desk.records("sso.configured", 3).await;
    let changes: Vec<_> = noted.iter().map(|record| &record["detail"]["change"]).collect();
    assert_eq!(changes, ["created", "changed", "deleted"]);
    assert!(noted.iter().all(|record| record["subject"]["id"] == *id));
}

#[tokio::test]
async fn what_is_wrong_is_told_where() {
    let (desk, provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let world = &desk.world;
    let role =
        |role: Value| json!({"group_roles": [{"group": "a", "roles": [{"role": "viewer"}, role]}]});
    for (change, code, pointers) in [
        (json!({"name": " "}), "FF-3031", vec!["/name"]),
        (json!({"client_id": "a\u{0}"}), "FF-3031", vec!["/client_id"]),
        (json!({"client_secret": ""}), "FF-3031", vec!["/client_secret"]),
        (json!({"client_secret": null}), "FF-3031", vec!["/client_secret"]),
        (json!({"email_domains": ["a@b.c"]}), "FF-3031", vec!["/email_domains"]),
        (json!({"issuer": "http://login.example.com"}), "FF-3032", vec!["/issuer"]),
        (json!({"issuer": "https://169.254.169.254"}), "FF-3032", vec!["/issuer"]),
        (json!({"issuer": format!("{}/elsewhere", provider.issuer)}), "FF-3032", vec!["/issuer"]),
        (role(json!({"role": "nobody"})), "FF-1142", vec!["/group_roles/0/roles/1/role"]),
        (
            role(json!({"role": "viewer", "project": "none"})),
            "FF-1142",
            vec!["/group_roles/0/roles/1/project"],
        ),
        (
            role(json!({"role": "viewer", "environment": "staging"})),
            "FF-1142",
            vec!["/group_roles/0/roles/1/environment"],
        ),
        (
            json!({"default_roles": [{"role": "b"}, {"role": "viewer"}, {"role": "a"}]}),
            "FF-1142",
            vec!["/default_roles/2/role", "/default_roles/0/role"],
        ),
        (json!({"more": 1}), "FF-1001", vec!["/more"]),
        (
            json!({"default_roles": [{"role": "viewer", "x": 1}]}),
            "FF-1001",
            vec!["/default_roles/0/x"],
        ),
    ] {
        let mut body = draft(&provider.issuer);
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        let reply = world.post(PATH, body).await;
        assert_eq!(reply.problem(422, code), pointers, "{change}");
    }
    // As many roles as no member can have.
    let roles: Vec<_> =
        (0..201).map(|n| json!({"role": "viewer", "project": format!("p{n}")})).collect();
    let mut body = draft(&provider.issuer);
    body["default_roles"] = json!(roles);
    let reply = world.post(PATH, body).await;
    assert!(reply.problem(422, "FF-1142").contains(&"/group_roles"));
    assert_eq!(world.get(PATH).await.body, json!({"items": []}));
}

#[tokio::test]
async fn only_owners_connect_and_nobody_else_s_provider_is_seen() {
    let (desk, provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let world = &desk.world;
    let made = world.post(PATH, draft(&provider.issuer)).await.is(201);
    let path = format!("{PATH}/{}", made.body["id"].as_str().unwrap());
    let role =
        json!({"key": "connector", "name": "Connector", "permissions": ["sign_in.configure"]});
    world.post("/orgs/acme/roles", role).await.is(201);

    let admin = world.colleague("admin@example.com", json!([{"role": "admin"}])).await.1;
    let connector = [json!({"role": "connector"}), json!({"role": "admin"})];
    let connector = world.colleague("connector@example.com", json!(connector)).await.1;
    let stranger = world.person("stranger@example.com", "Stranger").await.1;
    world.as_(&stranger).post("/orgs", json!({"key": "other", "name": "Other"})).await.is(201);
    let token = json!({"name": "t", "purpose": {"kind": "api_token", "role": "admin"}});
    let token = world.post("/orgs/acme/keys", token).await.is(201).body;
    let token = token["key"].as_str().unwrap().to_owned();

    for (who, reads, writes, code) in [
        (&admin, 403, 403, "FF-3004"),
        (&token, 403, 403, "FF-3004"),
        // Who says which provider is believed could come in as an owner.
        (&connector, 200, 403, "FF-3006"),
        (&stranger, 404, 404, "FF-1006"),
    ] {
        let body = || draft(&provider.issuer);
        let who = world.as_(who);
        assert_eq!(who.get(PATH).await.status, reads);
        assert_eq!(who.get(&path).await.status, reads);
        who.post(PATH, body()).await.problem(writes, code);
        who.change(Method::PUT, &path, 1, body()).await.problem(writes, code);
        who.change(Method::DELETE, &path, 1, Value::Null).await.problem(writes, code);
    }
    // Somebody else's connection under one's own organization.
    let theirs = path.replace("/acme/", "/other/");
    world.as_(&stranger).get(&theirs).await.problem(404, "FF-1006");
    world
        .as_(&stranger)
        .change(Method::DELETE, &theirs, 1, Value::Null)
        .await
        .problem(404, "FF-1006");
    assert_eq!(world.get(&path).await.is(200).version(), 1);
}
