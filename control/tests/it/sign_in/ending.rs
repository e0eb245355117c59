//! A connection that is switched off or deleted takes along what people got through it.

use std::time::Duration;

use ff_domain::{Membership, MembershipId, OrganizationId, OrganizationKey, UserId};
use ff_testkit::identity_provider::{Browser, IdentityProvider, Visitor};
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::desk::{Desk, cookie, draft};

#[tokio::test]
async fn nobody_keeps_what_they_got_through_a_connection() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let world = &desk.world;
    let staff = desk.connect(&mut provider).await;
    let path = format!("/orgs/acme/sign-in-connections/{}", staff.id);
    // A member with a role of her own, and somebody who is here through the provider alone.
    let ada = world.colleague("ada@example.com", json!([{"role": "viewer"}])).await;
    let through = [desk.sign_in(&staff, "ada").await, desk.sign_in(&staff, "grace").await];
    assert_eq!((desk.toggles(&ada.1).await, desk.sees(&through[1]).await), (200, 200));

    let mut off = draft(&provider.issuer);
    off["enabled"] = json!(false);
    off.as_object_mut().unwrap().remove("client_secret");
    let changed = world.change(Method::PUT, &path, 1, off.clone()).await.is(200);
    assert_eq!((changed.version(), &changed.body["enabled"]), (2, &json!(false)));
    for token in &through {
        let reply = world.as_(token).get("/me").await;
        reply.problem(401, "FF-3001");
    }
    // With her password she is still in, with what people gave her.
    assert_eq!((desk.sees(&ada.1).await, desk.toggles(&ada.1).await), (200, 403));
    let noted = desk.records("sso.configured", 2).await;
    let detail = &noted[1]["detail"];
    assert_eq!((&detail["change"], &detail["sessions"]), (&json!("disabled"), &json!("2")));
    assert_eq!((&detail["members"], &detail["owners_kept"]), (&json!("2"), &json!("0")));
    desk.records("session.revoked", 2).await;

    off["enabled"] = json!(true);
    world.change(Method::PUT, &path, 2, off).await.is(200);
    let again = desk.sign_in(&staff, "grace").await;
    assert_eq!(desk.sees(&again).await, 200);
    let begun = desk.begin(&staff, "/").await;
    world.change(Method::DELETE, &path, 1, json!(null)).await.problem(412, "FF-3034");
    assert_eq!(desk.sees(&again).await, 200);
    world.change(Method::DELETE, &path, 3, json!(null)).await.is(204);
    world.as_(&again).get("/me").await.problem(401, "FF-3001");
    world.get(&path).await.problem(404, "FF-1006");
    desk.start(&staff, "").await.problem(404, "FF-1006");
    let back = format!("{}?state=x&code=y", staff.redirect_uri);
    desk.fetch(&back, &format!("__Host-ff_sign_in={}", begun.secret)).await.problem(404, "FF-1006");
}

#[tokio::test]
async fn who_comes_in_while_it_is_switched_off_gets_nothing() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let world = &desk.world;
    let staff = desk.connect(&mut provider).await;
    let path = format!("/orgs/acme/sign-in-connections/{}", staff.id);
    let mut version = 1;
    for round in 0..6 {
        let mut off = draft(&provider.issuer);
        off["enabled"] = json!(false);
        let entering = async {
            tokio::time::sleep(Duration::from_millis(15 * round)).await;
            let mut browser = Browser::new();
            let begun = desk.start(&staff, "").await;
            if begun.status != 303 {
                return None;
            }
            let secret = cookie(&begun, "__Host-ff_sign_in").unwrap();
            let authorize = begun.header("location").parse().unwrap();
            let visitor = Visitor::LogsIn("ada");
            let back = browser.log_in(&authorize, visitor, &staff.redirect_uri).await;
            cookie(&desk.come_back(&back, &secret).await, "__Host-ff_access")
        };
        let closing = async {
            tokio::time::sleep(Duration::from_millis(120)).await;
            world.change(Method::PUT, &path, version, off).await.is(200)
        };
        let (entered, _) = tokio::join!(entering, closing);
        // Either she was not let in, or she was in before and is out.
        if let Some(token) = entered {
            world.as_(&token).get("/me").await.problem(401, "FF-3001");
        }
        assert_eq!(provider_roles(&desk).await, 0);
        world.change(Method::PUT, &path, version + 1, draft(&provider.issuer)).await.is(200);
        version += 2;
    }
}

/// How many roles a provider stands for, of people who are here through it alone.
async fn provider_roles(desk: &Desk) -> usize {
    let acme = OrganizationId::of(&OrganizationKey::parse("acme").unwrap());
    let users = "SELECT id FROM identity.users WHERE organization IS NOT NULL";
    let users: Vec<Uuid> = sqlx::query_scalar(users).fetch_all(&desk.world.pool).await.unwrap();
    let mut count = 0;
    for user in users {
        let id = MembershipId::of(acme, UserId(user));
        let membership: Membership = desk.world.load(acme, id).await;
        count += membership.live().map_or(0, |member| member.all_roles().count());
    }
    count
}
