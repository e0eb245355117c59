//! The way there and back, in the hands of somebody who means harm.

use ff_testkit::identity_provider::{Browser, IdentityProvider, Visitor};
use reqwest::Method;
use serde_json::json;
use url::Url;

use super::desk::{Connected, Desk, cookie, draft};
use crate::world::Reply;

const ADA: Visitor<'_> = Visitor::LogsIn("ada");

#[track_caller]
fn refused(reply: &Reply) {
    reply.problem(403, "FF-3030");
    for name in ["__Host-ff_access", "__Host-ff_refresh", "__Host-ff_sign_in"] {
        assert_eq!(cookie(reply, name), None);
    }
    assert!(reply.headers.get("location").is_none());
}

#[tokio::test]
async fn what_comes_back_is_good_once_and_for_one_browser() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let staff = desk.connect(&mut provider).await;
    let home = &staff.redirect_uri;

    let begun = desk.begin(&staff, "/").await;
    let back = Browser::new().log_in(&begun.authorize, ADA, home).await;
    // Somebody without the cookie does not even use it up.
    refused(&desk.fetch(back.as_str(), "").await);
    let landed = desk.come_back(&back, &begun.secret).await.is(303);
    let set = landed.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let set: Vec<_> = set.collect();
    for (name, site) in [("access", "Strict"), ("refresh", "Strict"), ("sign_in", "Lax")] {
        let start = format!("__Host-ff_{name}=");
        let found = set.iter().find(|cookie| cookie.starts_with(&start)).unwrap();
        for part in ["; Path=/;", "; Secure", "; HttpOnly", &format!("SameSite={site}")] {
            assert!(found.contains(part), "{found}");
        }
    }
    assert_eq!(cookie(&landed, "__Host-ff_sign_in"), None);
    assert!(cookie(&landed, "__Host-ff_access").is_some());
    // Whoever has seen the address.
    refused(&desk.come_back(&back, &begun.secret).await);

    let begun = desk.begin(&staff, "/").await;
    let back = Browser::new().log_in(&begun.authorize, ADA, home).await;
    let others = desk.begin(&staff, "/").await;
    refused(&desk.come_back(&back, &others.secret).await);
    refused(&desk.come_back(&back, &begun.secret).await);

    let reasons = desk.records("sso.refused", 4).await;
    let reasons: Vec<_> = reasons.iter().map(|record| record["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["other_browser", "unknown_state", "other_browser", "unknown_state"]);
}

#[tokio::test]
async fn what_comes_back_is_for_one_connection() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let world = &desk.world;
    let path = "/orgs/acme/sign-in-connections";
    let second = world.post(path, draft(&provider.issuer)).await.is(201);
    let second: Url = second.body["redirect_uri"].as_str().unwrap().parse().unwrap();
    let stranger = world.person("stranger@example.com", "Stranger").await.1;
    let other = json!({"key": "other", "name": "Other"});
    world.as_(&stranger).post("/orgs", other).await.is(201);
    let staff = desk.connect(&mut provider).await;

    for (elsewhere, status) in [
        (second.path().to_owned(), 403),
        // Which exists, and not there.
        (staff.redirect_uri.path().replace("/acme/", "/other/"), 404),
        (staff.redirect_uri.path().replace("/acme/", "/nobody/"), 404),
        (staff.redirect_uri.path().replace(&staff.id, "00000000-0000-0000-0000-000000000000"), 404),
        (staff.redirect_uri.path().replace(&staff.id, "x"), 404),
    ] {
        let begun = desk.begin(&staff, "/").await;
        let mut back = Browser::new().log_in(&begun.authorize, ADA, &staff.redirect_uri).await;
        back.set_path(&elsewhere);
        let reply = desk.come_back(&back, &begun.secret).await;
        assert_eq!(reply.status, status, "{elsewhere} {}", reply.body);
        assert_eq!(cookie(&reply, "__Host-ff_access"), None);
    }
}

#[tokio::test]
async fn nonsense_is_refused() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let staff = desk.connect(&mut provider).await;
    let callback = staff.redirect_uri.as_str();
    let cookie = "__Host-ff_sign_in=x";
    assert_eq!(desk.fetch(callback, cookie).await.problem(400, "FF-1009"), ["?state"]);
    for query in ["state=x&code=y", "state=&code=", "state=%00&code=%ff", "state=x&error=<b>&hd=z"]
    {
        refused(&desk.fetch(&format!("{callback}?{query}"), cookie).await);
    }

    // Somebody who changes their mind.
    let begun = desk.begin(&staff, "/").await;
    let back = Browser::new().log_in(&begun.authorize, Visitor::Cancels, &staff.redirect_uri).await;
    let reply = desk.come_back(&back, &begun.secret).await;
    refused(&reply);
    assert!(reply.body["detail"].as_str().unwrap().contains("access_denied"), "{}", reply.body);

    // A code that the provider does not know.
    let begun = desk.begin(&staff, "/").await;
    let mut back = Browser::new().log_in(&begun.authorize, ADA, &staff.redirect_uri).await;
    let pairs: Vec<(String, String)> = back.query_pairs().into_owned().collect();
    back.query_pairs_mut().clear().extend_pairs(pairs.iter().map(|(name, value)| {
        (name.as_str(), if name == "code" { "guessed" } else { value.as_str() })
    }));
    refused(&desk.come_back(&back, &begun.secret).await);
}

#[tokio::test]
async fn one_comes_back_to_this_site_alone() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let staff = desk.connect(&mut provider).await;
    for bad in [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/%5Cevil.example",
        "%5C%5Cevil.example",
        "/%09/evil.example",
        "/%0A/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "",
        "%20/evil.example",
        "/%00",
    ] {
        let reply = desk.start(&staff, &format!("?return_to={bad}")).await;
        assert_eq!(reply.problem(400, "FF-1009"), ["?return_to"], "{bad}");
    }
    assert_eq!(desk.start(&staff, "?return_to=/&return_to=//evil.example").await.status, 400);
    let base = &desk.world.base;
    let mut browser = Browser::new();
    for (asked, expected) in [
        ("/flags%3Fa=1%23there", "/flags?a=1#there"),
        // A path of this site that would be another as an address of its own.
        ("/.//evil.example", "//evil.example"),
        ("/..//evil.example", "//evil.example"),
        ("/%40evil.example", "/@evil.example"),
        ("/gr%C3%BCn", "/gr%C3%BCn"),
    ] {
        let begun = desk.begin(&staff, asked).await;
        let back = browser.log_in(&begun.authorize, ADA, &staff.redirect_uri).await;
        let landed = desk.come_back(&back, &begun.secret).await.is(303);
        assert_eq!(landed.header("location"), format!("{base}{expected}"), "{asked}");
    }
}

#[tokio::test]
async fn the_page_to_sign_in_at_says_no_more_than_it_must() {
    let (desk, mut provider) = tokio::join!(Desk::open(), IdentityProvider::start());
    let staff = desk.connect(&mut provider).await;
    let list = async |org: &str| {
        let world = &desk.world;
        world.send(world.open(Method::GET, &format!("/sign-in/{org}"))).await.is(200).body
    };
    assert_eq!(list("acme").await, json!({"items": [{"id": staff.id, "name": "Staff"}]}));
    for nobody in ["nobody", "ACME", "%20", "acme%2Fx"] {
        assert_eq!(list(nobody).await, json!({"items": []}), "{nobody}");
    }
    let path = format!("/orgs/acme/sign-in-connections/{}", staff.id);
    let mut off = draft(&provider.issuer);
    off["enabled"] = json!(false);
    desk.world.change(Method::PUT, &path, 1, off).await.is(200);
    assert_eq!(list("acme").await, json!({"items": []}));
    let unknown =
        Connected { id: "00000000-0000-0000-0000-000000000000".to_owned(), ..staff.clone() };
    let (one, other) = (desk.start(&staff, "").await, desk.start(&unknown, "").await);
    one.problem(404, "FF-1006");
    assert_eq!(one.body, other.body);
}
