//! Keys of a provider come and go; they are fetched when it matters, and not more often.

use ff_identity::oidc::{Connection, FinishError, IdTokenError};
use jiff::{Timestamp, ToSpan as _};
use serde_json::json;

use super::{
    hostile::{Hostile, Signer},
    world::{World, now},
};

async fn log_in(
    world: &World,
    provider: &Hostile,
    connection: &Connection,
    signer: &Signer,
    at: Timestamp,
) -> Result<(), FinishError> {
    let login = world.begin_at(connection, at).await;
    let mut claims = login.claims(provider);
    claims.insert("iat".to_owned(), json!(at.as_second()));
    claims.insert("exp".to_owned(), json!(at.as_second() + 300));
    let code = provider.hand_out(&login, signer.sign(&claims));
    world.sso.finish(login.callback(&code), at).await.map(drop)
}

#[tokio::test]
async fn new_keys_are_fetched_when_a_token_names_one() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    let (old, new) = (Signer::ed25519(1), Signer::ed25519(2));
    log_in(&world, &provider, &connection, &old, now()).await.unwrap();
    provider.script().keys = vec![new.public()];
    log_in(&world, &provider, &connection, &new, now()).await.unwrap();
    let withdrawn = log_in(&world, &provider, &connection, &old, now()).await;
    assert!(matches!(withdrawn, Err(FinishError::IdToken(IdTokenError::UnknownKey))));
}

#[tokio::test]
async fn a_new_key_under_the_old_name_is_accepted_as_well() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    log_in(&world, &provider, &connection, &Signer::ed25519(1), now()).await.unwrap();
    let mut published = Signer::ed25519(2).public();
    published["kid"] = json!("ed-1");
    provider.script().keys = vec![published];
    let Signer::Ed25519(key, _) = Signer::ed25519(2) else { unreachable!() };
    let renamed = Signer::Ed25519(key, "ed-1".to_owned());
    log_in(&world, &provider, &connection, &renamed, now()).await.unwrap();
}

#[tokio::test]
async fn unknown_keys_do_not_have_the_keys_fetched_each_time() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    log_in(&world, &provider, &connection, &Signer::ed25519(1), now()).await.unwrap();
    let before = provider.script().keys_read;
    for seed in 10..15 {
        log_in(&world, &provider, &connection, &Signer::ed25519(seed), now()).await.unwrap_err();
    }
    assert_eq!(provider.script().keys_read, before + 1);
    let later = now() + 30.seconds();
    log_in(&world, &provider, &connection, &Signer::ed25519(15), later).await.unwrap_err();
    assert_eq!(provider.script().keys_read, before + 2);
}

#[tokio::test]
async fn a_provider_is_read_once_in_a_while_whoever_asks() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    let before = provider.script().discovered;
    let at_once = (0..8).map(|_| world.begin(&connection));
    futures::future::join_all(at_once).await;
    assert_eq!(provider.script().discovered, before + 1);
    world.begin_at(&connection, now() + 15.minutes()).await;
    assert_eq!(provider.script().discovered, before + 2);
}

#[tokio::test]
async fn a_withdrawn_key_is_not_accepted_for_long() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    let old = Signer::ed25519(1);
    log_in(&world, &provider, &connection, &old, now()).await.unwrap();
    provider.script().keys = vec![Signer::ed25519(2).public()];
    let later = now() + 15.minutes();
    let withdrawn = log_in(&world, &provider, &connection, &old, later).await;
    assert!(matches!(withdrawn, Err(FinishError::IdToken(IdTokenError::UnknownKey))));
}
