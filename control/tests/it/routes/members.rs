//! Members: let in, given and taken roles, put out, and leaving.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

const ALL: &str = "/orgs/acme/members";

pub(crate) fn role(role: &str) -> Value {
    json!({"role": role})
}

pub(crate) fn in_project(role: &str, project: &str) -> Value {
    json!({"role": role, "project": project})
}

fn of(user: Uuid) -> String {
    format!("{ALL}/{user}")
}

fn give(user: Uuid) -> String {
    format!("{ALL}/{user}/roles/give")
}

fn take(user: Uuid) -> String {
    format!("{ALL}/{user}/roles/take")
}

async fn owner(world: &World) -> Uuid {
    world.get("/me").await.is(200).body["id"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn members_are_listed_with_what_they_are_called_and_may() {
    let world = World::furnished().await;
    let (ada, token) = world.colleague("ada@example.com", json!([role("viewer")])).await;
    let mia = world.managed("acme", "mia@example.com").await.0;
    let body = json!({"user": mia, "roles": [in_project("editor", "web")]});
    let added = world.post(ALL, body).await.is(201);
    assert_eq!(added.header("location"), format!("/api/v1{}", of(mia)));
    assert_eq!((added.version(), &added.body["member"]), (1, &json!(true)));
    assert!(added.body.get("email").is_none(), "a change asks the event log alone");

    let first = world.as_(&token).get(&format!("{ALL}?limit=2")).await.is(200);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let rest = world.as_(&token).get(&format!("{ALL}?limit=2&cursor={cursor}")).await.is(200);
    assert_eq!(rest.body["next_cursor"], Value::Null);
    let items: Vec<Value> = [&first, &rest]
        .iter()
        .flat_map(|page| page.body["items"].as_array().unwrap().clone())
        .collect();
    let short: Vec<_> = items
        .iter()
        .map(|it| {
            let email = it["email"].as_str().unwrap();
            (email, it["is_owner"].as_bool().unwrap(), it["managed"].as_bool().unwrap())
        })
        .collect();
    let expected = [
        ("Owner@example.com", true, false),
        ("ada@example.com", false, false),
        ("mia@example.com", false, true),
    ];
    assert_eq!(short, expected, "in the order they were let in");
    assert_eq!(items[1]["name"], "A Colleague");
    assert_eq!(items[2]["roles"], json!([{"role": "editor", "project": "web"}]));
    assert!(items.iter().all(|it| it["since"].is_string() && it["provider_roles"] == json!([])));

    let found = world.as_(&token).get(&of(ada)).await.is(200);
    assert_eq!((found.version(), &found.body["roles"]), (1, &json!([role("viewer")])));
    world.get(&of(Uuid::now_v7())).await.problem(404, "FF-1006");

    // Whoever was forgotten is a member without a name, if somebody forgot to put them out.
    world.people.erase(ada, Timestamp::now()).await.unwrap();
    let left = world.get(&of(ada)).await.is(200).body;
    assert_eq!((&left["email"], &left["name"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn only_who_there_is_is_let_in_and_once() {
    let world = World::furnished().await;
    let (ada, token) = world.managed("acme", "ada@example.com").await;
    world.as_(&token).get("/orgs/acme").await.problem(404, "FF-1006");
    let body = |user: Uuid, roles: Value| json!({"user": user, "roles": roles});
    let wrong = json!([role("viewer"), role("chef"), in_project("editor", "none")]);
    let reply = world.post(ALL, body(ada, wrong)).await;
    let mut places = reply.problem(422, "FF-1142");
    places.sort_unstable();
    assert_eq!(places, ["/roles/1/role", "/roles/2/project"], "where they stand in the request");

    let elsewhere = world.managed("other", "max@example.com").await.0;
    let (gone, _) = world.managed("acme", "gone@example.com").await;
    world.people.erase(gone, Timestamp::now()).await.unwrap();
    // Whoever has a password belongs to where they have accepted to.
    let (bob, _) = world.person("bob@example.com", "Bob").await;
    for nobody in [Uuid::now_v7(), elsewhere, gone, bob] {
        let reply = world.post(ALL, body(nobody, json!([]))).await;
        assert_eq!(reply.problem(422, "FF-1142"), ["/user"]);
    }

    world.post(ALL, body(ada, json!([role("editor")]))).await.is(201);
    // In force when the answer is there.
    let flags = "/orgs/acme/projects/web/flags";
    world.as_(&token).post(flags, crate::world::flag("hers")).await.is(201);
    world.post(ALL, body(ada, json!([]))).await.problem(409, "FF-1140");
    // Nobody learns who there is but who may let in.
    for nobody in [Uuid::now_v7(), elsewhere] {
        let reply = world.as_(&token).post(ALL, body(nobody, json!([]))).await;
        reply.problem(403, "FF-3004");
    }
}

#[tokio::test]
async fn roles_come_and_go_and_are_in_force_at_once() {
    let world = World::furnished().await;
    let (ada, token) = world.colleague("ada@example.com", json!([role("viewer")])).await;
    let on = "/orgs/acme/projects/web/flags/checkout/environments/staging/on";
    let off = on.replace("/on", "/off");
    world.as_(&token).act(on).await.problem(403, "FF-3004");
    let editor = json!({"role": "editor", "project": "web", "environment": "staging"});
    let given = world.post(&give(ada), editor.clone()).await.is(200);
    assert_eq!((given.version(), given.body["roles"].as_array().unwrap().len()), (2, 2));
    world.as_(&token).act(on).await.is(200);
    world.as_(&token).act(&on.replace("staging", "production")).await.problem(403, "FF-3004");
    assert_eq!(world.post(&give(ada), editor.clone()).await.is(200).version(), 2, "twice is once");

    world.post(&take(ada), editor.clone()).await.is(200);
    world.as_(&token).act(&off).await.problem(403, "FF-3004");
    assert_eq!(world.post(&take(ada), editor.clone()).await.is(200).version(), 3);
    let stale = world.request(Method::POST, &give(ada)).header("If-Match", "\"2\"").json(&editor);
    world.send(stale).await.problem(412, "FF-2002");

    for (body, place) in [
        (role("chef"), "/role"),
        (in_project("viewer", "none"), "/project"),
        (json!({"role": "viewer", "project": "web", "environment": "none"}), "/environment"),
        (json!({"role": "viewer", "environment": "staging"}), "/environment"),
    ] {
        assert_eq!(world.post(&give(ada), body).await.problem(422, "FF-1142"), [place]);
    }
    world.post(&give(Uuid::now_v7()), role("viewer")).await.problem(404, "FF-1141");
    let odd = world.post(&give(ada), json!({"role": "viewer", "until": "noon"})).await;
    assert_eq!(odd.problem(422, "FF-1001"), ["/until"]);
}

#[tokio::test]
async fn a_project_s_admin_has_a_hand_in_its_members_and_no_others() {
    let world = World::furnished().await;
    world.post("/orgs/acme/projects", json!({"key": "app", "name": "App"})).await.is(201);
    let (bob, _) = world.colleague("bob@example.com", json!([role("viewer")])).await;
    let (_, admin) = world.colleague("pat@example.com", json!([in_project("admin", "web")])).await;
    let admin = world.as_(&admin);
    admin.post(&give(bob), in_project("editor", "web")).await.is(200);
    let staging = json!({"role": "viewer", "project": "web", "environment": "staging"});
    admin.post(&give(bob), staging.clone()).await.is(200);
    admin.post(&take(bob), staging).await.is(200);
    admin.post(&take(bob), in_project("editor", "web")).await.is(200);

    admin.post(&give(bob), role("viewer")).await.problem(403, "FF-3004");
    admin.post(&take(bob), role("viewer")).await.problem(403, "FF-3004");
    admin.post(&give(bob), in_project("viewer", "app")).await.problem(404, "FF-1006");
    admin.post(&give(bob), in_project("owner", "web")).await.problem(403, "FF-3006");
    admin.post(&give(Uuid::now_v7()), in_project("viewer", "web")).await.problem(404, "FF-1141");
    admin.post(ALL, json!({"user": bob, "roles": []})).await.problem(403, "FF-3004");
    // They find whom to give roles to.
    assert_eq!(admin.get(ALL).await.is(200).body["items"].as_array().unwrap().len(), 3);
    admin.get(&of(bob)).await.is(200);
    admin.get("/orgs/acme/service-accounts").await.is(200);
    admin.change(Method::DELETE, &of(bob), 1, Value::Null).await.problem(403, "FF-3004");
    world.post(&give(bob), in_project("owner", "web")).await.is(200);
    admin.post(&take(bob), in_project("owner", "web")).await.problem(403, "FF-3006");
}

#[tokio::test]
async fn who_is_put_out_is_refused_from_then_on() {
    let world = World::furnished().await;
    let person = world.managed("acme", "ada@example.com").await;
    world.member("acme", &person, json!([role("editor")])).await;
    let (ada, token) = person;
    let keys = "/orgs/acme/keys";
    let scopes = json!([role("viewer")]);
    let body = json!({"name": "t", "purpose": {"kind": "personal_token", "scopes": scopes}});
    let hers = world.as_(&token).post(keys, body).await.is(201).body;
    let hers = hers["key"].as_str().unwrap();
    world.as_(hers).get("/orgs/acme").await.is(200);

    world.send(world.request(Method::DELETE, &of(ada))).await.problem(428, "FF-1007");
    world.change(Method::DELETE, &of(ada), 7, Value::Null).await.problem(412, "FF-2002");
    let removed = world.change(Method::DELETE, &of(ada), 1, Value::Null).await.is(200);
    assert_eq!((removed.version(), &removed.body["member"]), (2, &json!(false)));
    world.as_(&token).get("/orgs/acme").await.problem(404, "FF-1006");
    world.as_(hers).get("/orgs/acme").await.problem(401, "FF-3001");
    assert_eq!(world.get(ALL).await.body["items"].as_array().unwrap().len(), 1);
    world.get(&of(ada)).await.problem(404, "FF-1006");
    world.post(&give(ada), role("viewer")).await.problem(404, "FF-1141");

    // Let in again, without what she had: neither her role nor her token.
    let again = world.post(ALL, json!({"user": ada, "roles": [role("viewer")]})).await.is(201);
    world.as_(hers).get("/orgs/acme").await.problem(401, "FF-3001");
    let theirs = world.as_(&token).get(&format!("{keys}?mine=true")).await.is(200);
    assert_eq!(theirs.body["items"], json!([]));
    assert_eq!((again.version(), &again.body["roles"]), (3, &json!([role("viewer")])));
    let nobody = of(Uuid::now_v7());
    world.change(Method::DELETE, &nobody, 1, Value::Null).await.problem(404, "FF-1141");
}

#[tokio::test]
async fn somebody_always_owns_it() {
    let world = World::furnished().await;
    let me = owner(&world).await;
    let (bob, token) = world.colleague("bob@example.com", json!([role("admin")])).await;
    let leave = "/orgs/acme/leave";
    world.act(leave).await.problem(409, "FF-1103");
    world.post(&take(me), role("owner")).await.problem(409, "FF-1103");
    world.change(Method::DELETE, &of(me), 1, Value::Null).await.problem(409, "FF-1103");
    // An admin puts no owner out, and makes none.
    let admin = world.as_(&token);
    admin.change(Method::DELETE, &of(me), 1, Value::Null).await.problem(403, "FF-3006");
    admin.post(&take(me), role("owner")).await.problem(403, "FF-3006");
    admin.post(&give(bob), role("owner")).await.problem(403, "FF-3006");

    world.post(&give(bob), role("owner")).await.is(200);
    let left = world.act(leave).await.is(200);
    assert_eq!(left.body["member"], false);
    world.get("/orgs/acme").await.problem(404, "FF-1006");
    assert_eq!(world.get("/me").await.body["organizations"], json!([]));
    world.as_(&token).act(leave).await.problem(409, "FF-1103");
}

#[tokio::test]
async fn everybody_may_leave_and_nobody_is_left_by_a_program() {
    let world = World::furnished().await;
    let releaser = json!({"key": "releaser", "name": "R", "permissions": ["flag.toggle"]});
    world.post("/orgs/acme/roles", releaser).await.is(201);
    let leave = "/orgs/acme/leave";
    for (email, roles) in [
        ("a@example.com", json!([role("viewer")])),
        ("b@example.com", json!([in_project("editor", "web")])),
        ("c@example.com", json!([in_project("releaser", "web")])),
        ("d@example.com", json!([])),
    ] {
        let (id, token) = world.colleague(email, roles).await;
        let scopes = json!([role("admin")]);
        let body = json!({"name": "t", "purpose": {"kind": "personal_token", "scopes": scopes}});
        let key = world.as_(&token).post("/orgs/acme/keys", body).await.is(201).body;
        let key = key["key"].as_str().unwrap();
        world.as_(key).act(leave).await.problem(404, "FF-1006");
        let left = world.as_(&token).act(leave).await.is(200);
        assert_eq!(left.body["user"], id.to_string());
        world.as_(&token).act(leave).await.problem(404, "FF-1006");
        world.as_(key).get("/orgs/acme").await.problem(401, "FF-3001");
    }
    let (_, stranger) = world.person("s@example.com", "S").await;
    world.as_(&stranger).act(leave).await.problem(404, "FF-1006");
    world.as_(&stranger).act("/orgs/none/leave").await.problem(404, "FF-1006");
}
