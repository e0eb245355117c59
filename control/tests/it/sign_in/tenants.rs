//! Two organizations, two providers, the same e-mail.

use ff_testkit::identity_provider::IdentityProvider;
use serde_json::json;

use super::desk::{Desk, claims, draft};
use crate::world::EMAIL;

#[tokio::test]
async fn the_same_e_mail_at_two_providers_is_two_people() {
    let (desk, mut ours, mut theirs) =
        tokio::join!(Desk::open(), IdentityProvider::start(), IdentityProvider::start());
    let world = &desk.world;
    let eve = world.person("eve@example.com", "Eve").await.1;
    world.as_(&eve).post("/orgs", json!({"key": "other", "name": "Other"})).await.is(201);
    let mut all = draft(&theirs.issuer);
    all["group_roles"] = json!([{"group": "everybody", "roles": [{"role": "owner"}]}]);
    all["email_domains"] = json!([]);
    let at_ours = desk.connect(&mut ours).await;
    let at_theirs = desk.connect_as(&eve, "other", &mut theirs, all).await;

    let (here, there) =
        (desk.sign_in(&at_ours, "ada").await, desk.sign_in(&at_theirs, "ada").await);
    let (one, other) = (desk.me(&here).await, desk.me(&there).await);
    assert_eq!(one["email"], other["email"]);
    assert_ne!(one["id"], other["id"]);
    // Owner of the one, and nobody in the other.
    world.as_(&there).get("/orgs/other").await.is(200);
    assert_eq!((desk.sees(&here).await, desk.sees(&there).await), (200, 404));
    world.as_(&here).get("/orgs/other").await.problem(404, "FF-1006");

    // A provider that vouches for the owner of another organization.
    theirs.say("olive", &claims(EMAIL, &["everybody"])).await;
    let forged = desk.sign_in(&at_theirs, "olive").await;
    let olive = desk.me(&world.token()).await;
    assert_ne!(desk.me(&forged).await["id"], olive["id"]);
    assert_eq!(desk.sees(&forged).await, 404);

    // And of a member of both, who is in theirs alone through it.
    let (lin, own) = world.colleague("lin@example.com", json!([{"role": "admin"}])).await;
    world.member("other", &(lin, own.clone()), json!([{"role": "viewer"}])).await;
    theirs.say("lin", &claims("lin@example.com", &["everybody"])).await;
    let through = desk.sign_in(&at_theirs, "lin").await;
    assert_eq!(desk.me(&through).await["id"], lin.to_string());
    assert_eq!((desk.sees(&through).await, desk.sees(&own).await), (404, 200));
    let keys = "/orgs/acme/keys";
    let body = json!({"name": "t", "purpose": {"kind": "api_token", "role": "admin"}});
    world.as_(&through).post(keys, body).await.problem(404, "FF-1006");
}
