//! Whole logins at a certified provider, a process of its own, by HTTP as a browser does them.

use ff_identity::oidc::{Callback, Connection, External, FinishError};
use ff_testkit::identity_provider::{Browser, IdentityProvider, Visitor};
use jiff::Timestamp;
use serde_json::json;

use super::world::{World, draft, redirect_uri};

/// A login as a browser does it, and what came of it.
async fn log_in(
    world: &World,
    connection: &Connection,
    browser: &mut Browser,
    person: Visitor<'_>,
) -> Result<External, FinishError> {
    let home = redirect_uri(connection.id);
    let begun = world.sso.begin(connection.id, &home, "/flags", Timestamp::now()).await.unwrap();
    let back = browser.log_in(&begun.authorize_url, person, &home).await;
    let value = |name: &str| {
        back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let callback = Callback {
        connection: connection.id,
        state: value("state").unwrap().into(),
        code: value("code").map(Into::into),
        error: value("error"),
        issuer: value("iss"),
        browser_secret: begun.browser_secret,
    };
    world.sso.finish(callback, Timestamp::now()).await
}

#[tokio::test]
async fn people_come_in_through_a_real_provider() {
    let world = World::new().await;
    let mut provider = IdentityProvider::start().await;
    let draft = draft(&provider.issuer);
    let connection =
        world.sso.create_connection(world.organization, draft, Timestamp::now()).await.unwrap();
    provider.register(&[redirect_uri(connection.id).as_str()]).await;

    let mut browser = Browser::new();
    let ada = log_in(&world, &connection, &mut browser, Visitor::LogsIn("ada")).await.unwrap();
    assert_eq!(ada.subject, "ada");
    assert_eq!(ada.email.as_deref(), Some("ada@example.com"));
    assert_eq!(ada.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(ada.groups, ["engineering", "everybody"]);
    assert_eq!(json!(ada.roles), json!([{ "role": "editor" }, { "role": "viewer" }]));
    assert_eq!((ada.organization, ada.return_to.as_str()), (world.organization, "/flags"));
    let resolve = async |external: &External| {
        world.sso.resolve(external, None, Timestamp::now()).await.unwrap().user
    };
    let first = resolve(&ada).await;

    // Still logged in there; she comes right back, as the same person.
    let again = log_in(&world, &connection, &mut browser, Visitor::LogsIn("nobody")).await.unwrap();
    assert_eq!(resolve(&again).await, first);

    // An e-mail that is not verified, and one of a domain the provider may not vouch for.
    for (name, roles) in [
        ("grace", json!([{ "role": "viewer" }, { "role": "editor" }])),
        ("alan", json!([{ "role": "guest" }])),
    ] {
        let mut browser = Browser::new();
        let person =
            log_in(&world, &connection, &mut browser, Visitor::LogsIn(name)).await.unwrap();
        assert_eq!((person.subject.as_str(), &person.email), (name, &None));
        assert_eq!(json!(person.roles), roles);
        assert_ne!(resolve(&person).await, first);
    }

    let cancelled = log_in(&world, &connection, &mut Browser::new(), Visitor::Cancels).await;
    assert!(matches!(cancelled, Err(FinishError::Refused { code }) if code == "access_denied"));
}
