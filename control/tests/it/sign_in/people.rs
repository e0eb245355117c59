//! Who comes in, as whom, and with which roles.

use std::time::Duration;

use ff_commands::Target;
use ff_domain::{
    Membership, MembershipCommand, MembershipId, Organization, OrganizationCommand, OrganizationId,
    OrganizationKey, RoleAssignment, RoleKey, UserId,
};
use ff_testkit::eventually;
use ff_testkit::identity_provider::{Browser, IdentityProvider, Visitor};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::{Desk, claims, draft};

fn acme() -> OrganizationId {
    OrganizationId::of(&OrganizationKey::parse("acme").unwrap())
}

fn id(me: &Value) -> Uuid {
    me["id"].as_str().unwrap().parse().unwrap()
}

fn role(key: &str) -> RoleAssignment {
    RoleAssignment::everywhere(RoleKey::parse(key).unwrap())
}

#[tokio::test]
async fn roles_follow_the_groups_at_each_sign_in() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let staff = desk.connect(&mut provider).await;
    let token = desk.sign_in(&staff, "ada").await;
    let ada = desk.me(&token).await;
    assert_eq!((&ada["email"], &ada["name"]), (&json!("ada@example.com"), &json!("Ada Lovelace")));
    assert_eq!((&ada["managed"], &ada["has_password"]), (&json!(true), &json!(false)));
    assert_eq!(ada["organizations"].as_array().unwrap().len(), 1);
    assert_eq!((desk.sees(&token).await, desk.toggles(&token).await), (200, 200));
    let entered = &desk.records("sso.sign_in", 1).await[0];
    assert_eq!(entered["subject"], json!({"kind": "user", "id": ada["id"]}));
    assert_eq!(
        (&entered["outcome"], &entered["detail"]["connection"]),
        (&json!("ok"), &json!(staff.id))
    );
    desk.records("member.added", 1).await;
    let created = desk.records("person.created", 1).await;
    assert_eq!(created[0]["subject"], json!({"kind": "user", "id": ada["id"]}));

    // Out of engineering.
    provider.say("ada", &claims("ada@example.com", &["everybody", "unheard of"])).await;
    let again = desk.sign_in(&staff, "ada").await;
    assert_eq!(desk.me(&again).await["id"], ada["id"]);
    // What is recorded comes in order: by now a second one would be there.
    desk.records("sso.sign_in", 2).await;
    assert_eq!(desk.records("person.created", 1).await.len(), 1);
    for token in [&token, &again] {
        assert_eq!((desk.sees(token).await, desk.toggles(token).await), (200, 403));
    }

    // Out of everything: not let in, and what was open sees nothing any more.
    provider.say("ada", &claims("ada@example.com", &[])).await;
    desk.is_refused(&staff, "ada", "FF-3033").await;
    assert_eq!(desk.sees(&again).await, 404);
    let refused = &desk.records("sso.refused", 1).await[0];
    assert_eq!((&refused["reason"], &refused["subject"]["id"]), (&json!("no_role"), &ada["id"]));

    // What people have given is not the provider's to take.
    let user = UserId(id(&ada));
    let target = Target::<Membership>::new(acme(), MembershipId::of(acme(), user));
    desk.world.execute(target, MembershipCommand::GiveRole(role("viewer"))).await;
    let given = desk.sign_in(&staff, "ada").await;
    assert_eq!((desk.sees(&given).await, desk.toggles(&given).await), (200, 403));
}

#[tokio::test]
async fn who_has_no_role_leaves_no_trace() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let staff = desk.connect(&mut provider).await;
    let rows = async || -> (i64, i64) {
        sqlx::query_as(
            "SELECT (SELECT count(*) FROM identity.users), (SELECT count(*) FROM identity.external_identities)",
        )
        .fetch_one(&desk.world.pool)
        .await
        .unwrap()
    };
    let before = rows().await;
    desk.is_refused(&staff, "alan", "FF-3033").await;
    assert_eq!(rows().await, before);
    let refused = &desk.records("sso.refused", 1).await[0];
    assert_eq!(refused["subject"], json!({"kind": "connection", "id": staff.id}));
}

#[tokio::test]
async fn a_role_that_is_gone_is_left_out() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let role = json!({"key": "toggler", "name": "Toggler", "permissions": ["flag.toggle"]});
    desk.world.post("/orgs/acme/roles", role).await.is(201);
    let mut draft = draft(&provider.issuer);
    draft["group_roles"][0]["roles"] = json!([{"role": "toggler"}]);
    let staff = desk.connect_as(&desk.world.token(), "acme", &mut provider, draft).await;
    let token = desk.sign_in(&staff, "ada").await;
    assert_eq!(desk.toggles(&token).await, 200);

    // It goes while somebody has it, which only the platform can bring about.
    let key = RoleKey::parse("toggler").unwrap();
    let target = Target::<Organization>::new(acme(), acme());
    desk.world.execute(target, OrganizationCommand::RemoveRole { key }).await;
    let token = desk.sign_in(&staff, "ada").await;
    assert_eq!((desk.sees(&token).await, desk.toggles(&token).await), (200, 403));
    let entered = desk.records("sso.sign_in", 2).await;
    assert_eq!(entered[0]["detail"].get("roles_left_out"), None);
    assert_eq!(entered[1]["detail"]["roles_left_out"], "1");
}

#[tokio::test]
async fn a_member_with_the_verified_e_mail_is_that_member_here_and_only_here() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let world = &desk.world;
    let staff = desk.connect(&mut provider).await;
    let ada =
        world.colleague("Ada@example.com", json!([{"role": "viewer", "project": "web"}])).await;
    let other = json!({"key": "other", "name": "Other"});
    world.as_(&ada.1).post("/orgs", other).await.is(201);

    let token = desk.sign_in(&staff, "ada").await;
    let me = desk.me(&token).await;
    assert_eq!(id(&me), ada.0);
    // What she says of herself stays.
    assert_eq!((&me["name"], &me["has_password"]), (&json!("A Colleague"), &json!(true)));
    // Two ways in, one person: the roles add up, also where she came in with her password.
    assert_eq!((desk.toggles(&token).await, desk.toggles(&ada.1).await), (200, 200));

    // Through the provider she is in this organization alone.
    let session = world.as_(&token);
    let organizations = session.get("/orgs").await.is(200).body;
    assert_eq!(organizations["items"].as_array().unwrap().len(), 1);
    session.get("/orgs/other").await.problem(404, "FF-1006");
    session.post("/orgs", json!({"key": "third", "name": "Third"})).await.problem(404, "FF-1006");
    world.send(session.request(Method::PATCH, "/me").json(&json!({"name": "X"}))).await.is(403);
    assert_eq!(world.as_(&ada.1).get("/orgs").await.body["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn who_is_no_member_or_not_vouched_for_is_somebody_new() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let world = &desk.world;
    let staff = desk.connect(&mut provider).await;
    // The provider has not verified that it is hers.
    let grace = world.colleague("grace@example.com", json!([{"role": "admin"}])).await;
    let token = desk.sign_in(&staff, "grace").await;
    let me = desk.me(&token).await;
    assert_ne!(id(&me), grace.0);
    assert_eq!((&me["email"], &me["managed"]), (&json!(null), &json!(true)));
    assert_eq!((desk.sees(&token).await, desk.toggles(&token).await), (200, 403));
    // It has, of a domain that it may not vouch for.
    let alan = world.colleague("alan@elsewhere.test", json!([{"role": "admin"}])).await;
    provider.say("alan", &claims("alan@elsewhere.test", &["everybody"])).await;
    assert_ne!(id(&desk.me(&desk.sign_in(&staff, "alan").await).await), alan.0);
    // It has, and she belongs to nothing here.
    let lin = world.person("lin@example.com", "Lin").await;
    provider.say("lin", &claims("lin@example.com", &["everybody"])).await;
    let me = desk.me(&desk.sign_in(&staff, "lin").await).await;
    assert_ne!(id(&me), lin.0);
    assert_eq!(me["managed"], true);
}

#[tokio::test]
async fn who_is_kept_out_stays_out() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let staff = desk.connect(&mut provider).await;
    let ada = id(&desk.me(&desk.sign_in(&staff, "ada").await).await);
    desk.world.people.disable(ada, jiff::Timestamp::now()).await.unwrap();
    desk.is_refused(&staff, "ada", "FF-3010").await;
    // A member who has the e-mail is not passed by.
    provider.say("lin", &claims("lin@example.com", &["everybody"])).await;
    let lin = desk.world.colleague("lin@example.com", json!([{"role": "viewer"}])).await;
    desk.world.people.disable(lin.0, jiff::Timestamp::now()).await.unwrap();
    desk.is_refused(&staff, "lin", "FF-3010").await;
    let refused = desk.records("sso.refused", 2).await;
    assert!(refused.iter().all(|record| record["reason"] == "disabled"), "{refused:?}");
}

#[tokio::test]
async fn an_organization_keeps_its_last_owner() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let world = &desk.world;
    let mut draft = draft(&provider.issuer);
    draft["group_roles"][0]["roles"] = json!([{"role": "owner"}]);
    let staff = desk.connect_as(&world.token(), "acme", &mut provider, draft).await;
    let ada = desk.sign_in(&staff, "ada").await;
    let olive = id(&desk.me(&world.token()).await);
    let target = Target::<Membership>::new(acme(), MembershipId::of(acme(), UserId(olive)));
    world.execute(target, MembershipCommand::TakeRole(role("owner"))).await;

    provider.say("ada", &claims("ada@example.com", &["everybody"])).await;
    let landed = desk.go_through(&staff, &mut Browser::new(), Visitor::LogsIn("ada")).await;
    landed.is(303);
    let path = format!("/orgs/acme/sign-in-connections/{}", staff.id);
    world.as_(&ada).get(&path).await.is(200);
    // Also when the provider is disconnected, which she can do.
    let gone = world.as_(&ada).change(Method::DELETE, &path, 1, json!(null)).await;
    gone.is(204);
    // Nobody is left who could ask for the log over HTTP.
    let noted: Value = eventually(Duration::from_secs(30), || async {
        let found: Option<String> = sqlx::query_scalar(
            "SELECT detail::text FROM security.log WHERE kind = 'sso.configured' AND detail->>'change' = 'deleted'",
        )
        .fetch_optional(&world.pool)
        .await
        .unwrap();
        found.map(|detail| serde_json::from_str(&detail).unwrap())
    })
    .await;
    assert_eq!((&noted["members"], &noted["owners_kept"]), (&json!("0"), &json!("1")));
    let user = UserId(vouched_for(&desk).await);
    let membership: Membership = world.load(acme(), MembershipId::of(acme(), user)).await;
    assert!(membership.is_owner());
}

/// The only person whom a provider has vouched for.
async fn vouched_for(desk: &Desk) -> Uuid {
    sqlx::query_scalar("SELECT id FROM identity.users WHERE organization IS NOT NULL")
        .fetch_one(&desk.world.pool)
        .await
        .unwrap()
}
