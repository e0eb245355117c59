//! Nobody promises what they do not have, and what they have lost since is not given.

use ff_commands::Target;
use ff_domain::{
    Membership, MembershipCommand, MembershipId, OrganizationId, OrganizationKey, UserId,
};
use ff_testkit::eventually;
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

use super::{EVE, INVITATIONS, accept, accept_as, look, viewer};
use crate::world::{PASSWORD, World};

/// Takes somebody's membership away past all rights, and waits until that is in force.
async fn dismiss(world: &World, (user, token): &(Uuid, String)) {
    let organization = OrganizationId::of(&OrganizationKey::parse("acme").unwrap());
    let id = MembershipId::of(organization, UserId(*user));
    world.execute(Target::<Membership>::new(organization, id), MembershipCommand::Revoke).await;
    eventually(Duration::from_secs(20), || async {
        let reply = world.as_(token).get("/orgs/acme").await;
        if reply.status == 404 { Ok(()) } else { Err(reply) }
    })
    .await;
}

#[tokio::test]
async fn nobody_promises_more_than_they_have() {
    let world = World::furnished().await;
    let (_, admin) = world.colleague("admin@example.com", json!([{"role": "admin"}])).await;
    let (_, editor) = world.colleague("editor@example.com", json!([{"role": "editor"}])).await;
    let in_web = json!([{"role": "admin", "project": "web"}]);
    let (_, project) = world.colleague("web@example.com", in_web).await;
    let (_, stranger) = world.person("stranger@example.com", "Stranger").await;
    let owner = json!([{"role": "owner"}]);
    for (who, roles, status, code) in [
        (&admin, &owner, 403, "FF-3006"),
        (&editor, &viewer(), 403, "FF-3004"),
        (&project, &viewer(), 403, "FF-3004"),
        (&stranger, &viewer(), 404, "FF-1006"),
    ] {
        let body = json!({"email": EVE, "roles": roles});
        world.as_(who).post(INVITATIONS, body).await.problem(status, code);
        if who != &admin {
            world.as_(who).get(INVITATIONS).await.problem(status, code);
        }
    }
    assert_eq!(world.get(INVITATIONS).await.body["items"], json!([]));
    let body = json!({"email": EVE, "roles": [{"role": "admin"}]});
    world.as_(&admin).post(INVITATIONS, body).await.is(201);
}

#[tokio::test]
async fn who_is_gone_gives_nothing_and_the_invitation_waits_for_their_return() {
    let world = World::furnished().await;
    let admin = world.colleague("admin@example.com", json!([{"role": "admin"}])).await;
    let body = json!({"email": EVE, "roles": viewer()});
    let made = world.as_(&admin.1).post(INVITATIONS, body).await.is(201).body;
    let token = made["token"].as_str().unwrap();
    dismiss(&world, &admin).await;

    accept(&world, token, PASSWORD).await.problem(409, "FF-3016");
    // The account is there, and the invitation can still be accepted with it.
    let eve = world.sign_in(EVE, PASSWORD).await;
    assert_eq!(look(&world, token).await.is(200).body["has_account"], true);
    accept_as(&world, &eve, token).await.problem(409, "FF-3016");
    world.as_(&eve).get("/orgs/acme").await.problem(404, "FF-1006");
    world.member("acme", &admin, json!([{"role": "viewer"}])).await;
    accept_as(&world, &eve, token).await.problem(409, "FF-3016");

    dismiss(&world, &admin).await;
    world.member("acme", &admin, json!([{"role": "admin"}])).await;
    accept_as(&world, &eve, token).await.is(200);
    world.as_(&eve).get("/orgs/acme").await.is(200);
}

#[tokio::test]
async fn who_is_kept_out_gives_nothing() {
    let world = World::furnished().await;
    let (admin, token) = world.colleague("admin@example.com", json!([{"role": "admin"}])).await;
    let body = json!({"email": EVE, "roles": viewer()});
    let made = world.as_(&token).post(INVITATIONS, body).await.is(201).body;
    world.people.disable(admin, Timestamp::now()).await.unwrap();
    let token = made["token"].as_str().unwrap();
    accept(&world, token, PASSWORD).await.problem(409, "FF-3016");
    let eve = world.sign_in(EVE, PASSWORD).await;
    world.people.enable(admin).await.unwrap();
    accept_as(&world, &eve, token).await.is(200);
}

#[tokio::test]
async fn a_program_invites_for_as_long_as_its_token_lives() {
    let world = World::furnished().await;
    let body = json!({"name": "t", "purpose": {"kind": "api_token", "role": "admin"}});
    let key = world.post("/orgs/acme/keys", body).await.is(201).body;
    let bearer = key["key"].as_str().unwrap();
    let mut tokens = Vec::new();
    for email in [EVE, "bob@example.com"] {
        let body = json!({"email": email, "roles": viewer()});
        let made = world.as_(bearer).post(INVITATIONS, body).await.is(201).body;
        assert_eq!(made["invited_by"], key["id"]);
        tokens.push(made["token"].as_str().unwrap().to_owned());
    }
    let owner = json!({"email": EVE, "roles": [{"role": "owner"}]});
    world.as_(bearer).post(INVITATIONS, owner).await.problem(403, "FF-3006");

    accept(&world, &tokens[0], PASSWORD).await.is(201);
    let joined = eventually(Duration::from_secs(30), || async {
        let audit = world.get("/orgs/acme/audit?limit=5").await.is(200).body;
        let mut items = audit["items"].as_array().unwrap().iter();
        items.find(|item| item["aggregate_type"] == "membership").cloned().ok_or(audit)
    })
    .await;
    assert_eq!(joined["actor"], json!({"kind": "api_key", "id": key["id"]}));

    let path = format!("/orgs/acme/keys/{}", key["id"].as_str().unwrap());
    world.change(reqwest::Method::DELETE, &path, 1, serde_json::Value::Null).await.is(200);
    accept(&world, &tokens[1], PASSWORD).await.problem(409, "FF-3016");
}
