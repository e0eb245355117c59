//! What a browser comes back with: used once, in time, by the browser and from the provider the login was begun with.

use ff_identity::oidc::{BeginError, Callback, FinishError};
use jiff::ToSpan as _;
use serde_json::json;

use super::{
    hostile::{Hostile, Signer},
    world::{Login, World, now, redirect_uri},
};

fn code(provider: &Hostile, login: &Login) -> String {
    provider.hand_out(login, Signer::ed25519(1).sign(&login.claims(provider)))
}

async fn refused(world: &World, callback: Callback) -> FinishError {
    world.sso.finish(callback, now()).await.unwrap_err()
}

#[tokio::test]
async fn a_login_is_finished_once() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    let login = world.begin(&connection).await;
    let code_of_ada = code(&provider, &login);
    world.sso.finish(login.callback(&code_of_ada), now()).await.unwrap();
    let again = refused(&world, login.callback(&code_of_ada)).await;
    assert!(matches!(again, FinishError::UnknownState));

    // A code that was redeemed, in a login of its own.
    let replay = world.begin(&connection).await;
    let again = refused(&world, replay.callback(&code_of_ada)).await;
    assert!(matches!(again, FinishError::CodeRefused { code } if code == "invalid_grant"));
}

#[tokio::test]
async fn of_two_at_once_one_is_let_in() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    let login = world.begin(&connection).await;
    let code = code(&provider, &login);
    let (one, other) = tokio::join!(
        world.sso.finish(login.callback(&code), now()),
        world.sso.finish(login.callback(&code), now())
    );
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
}

#[tokio::test]
async fn a_code_of_another_login_is_refused() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    let (mine, theirs) = (world.begin(&connection).await, world.begin(&connection).await);
    let stolen = code(&provider, &theirs);
    let refused = refused(&world, mine.callback(&stolen)).await;
    assert!(matches!(refused, FinishError::CodeRefused { code } if code == "invalid_grant"));
}

#[tokio::test]
async fn the_state_must_be_known_and_not_too_old() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    let login = world.begin(&connection).await;
    let code = code(&provider, &login);
    let unknown = Callback { state: "another".into(), ..login.callback(&code) };
    assert!(matches!(refused(&world, unknown).await, FinishError::UnknownState));
    let late = world.sso.finish(login.callback(&code), now() + 10.minutes()).await;
    assert!(matches!(late, Err(FinishError::StateExpired)));

    let login = world.begin(&connection).await;
    let just = now() + 9.minutes() + 59.seconds();
    let mut claims = login.claims(&provider);
    claims.insert("exp".to_owned(), json!(just.as_second() + 60));
    let code = provider.hand_out(&login, Signer::ed25519(1).sign(&claims));
    world.sso.finish(login.callback(&code), just).await.unwrap();
}

#[tokio::test]
async fn logins_that_never_come_back_are_forgotten() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    for _ in 0..3 {
        world.begin(&connection).await;
    }
    world.begin_at(&connection, now() + 10.minutes()).await;
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM identity.sign_ins")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(left, 1);
}

#[tokio::test]
async fn another_browser_is_refused() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    let (mine, theirs) = (world.begin(&connection).await, world.begin(&connection).await);
    let code = code(&provider, &theirs);
    let forced = Callback { browser_secret: mine.begun.browser_secret, ..theirs.callback(&code) };
    assert!(matches!(refused(&world, forced).await, FinishError::OtherBrowser));
}

#[tokio::test]
async fn an_answer_of_another_provider_is_refused() {
    let world = World::new().await;
    let (honest, hostile) = (Hostile::start().await, Hostile::start().await);
    let honest_connection = world.connect(&honest.issuer).await;
    let hostile_connection = world.connect(&hostile.issuer).await;

    // A login begun at the hostile provider, which sends the browser on to the honest one.
    let login = world.begin(&hostile_connection).await;
    let mixed_up = Callback { connection: honest_connection.id, ..login.callback("a-code") };
    assert!(matches!(refused(&world, mixed_up).await, FinishError::OtherConnection));

    let login = world.begin(&hostile_connection).await;
    let said = Callback { issuer: Some(honest.issuer.clone()), ..login.callback("a-code") };
    assert!(matches!(refused(&world, said).await, FinishError::OtherIssuer));
}

#[tokio::test]
async fn a_provider_that_names_itself_must_do_so_each_time() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let field = "authorization_response_iss_parameter_supported".to_owned();
    provider.script().metadata.insert(field, json!(true));
    let connection = world.connect(&provider.issuer).await;
    let login = world.begin(&connection).await;
    let silent = login.callback(&code(&provider, &login));
    assert!(matches!(refused(&world, silent).await, FinishError::OtherIssuer));
    let login = world.begin(&connection).await;
    let issuer = Some(provider.issuer.clone());
    let named = Callback { issuer, ..login.callback(&code(&provider, &login)) };
    world.sso.finish(named, now()).await.unwrap();
}

#[tokio::test]
async fn an_error_of_the_provider_is_told_without_its_words() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    for (given, told) in
        [("access_denied", "access_denied"), ("ada@example.com said no", "unknown")]
    {
        let login = world.begin(&connection).await;
        let error = Some(given.to_owned());
        let denied = Callback { code: None, error, ..login.callback("") };
        let refused = refused(&world, denied).await;
        assert!(matches!(refused, FinishError::Refused { code } if code == told));
    }
    let login = world.begin(&connection).await;
    let nothing = Callback { code: None, ..login.callback("") };
    assert!(matches!(refused(&world, nothing).await, FinishError::NoCode));
}

#[tokio::test]
async fn one_begins_only_with_addresses_of_this_site_and_this_connection() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    let redirect = redirect_uri(connection.id);
    let elsewhere = world.sso.begin(connection.id, &redirect, "//evil.example", now()).await;
    assert!(matches!(elsewhere, Err(BeginError::BadReturnTo)));
    let shared = "https://flags.example.com/sso/callback".parse().unwrap();
    let shared = world.sso.begin(connection.id, &shared, "/", now()).await;
    assert!(matches!(shared, Err(BeginError::BadRedirect)));
    let unknown = uuid::Uuid::now_v7();
    let unknown = world.sso.begin(unknown, &redirect_uri(unknown), "/", now()).await;
    assert!(matches!(unknown, Err(BeginError::NoConnection)));
}
