//! Providers that answer badly: with too much, too late, elsewhere, or as somebody else.

use std::{error::Error as _, sync::Arc, time::Duration};

use ff_identity::oidc::{BeginError, ConnectionError, FinishError, OutboundError, ProviderError};
use jiff::ToSpan as _;
use serde_json::{Value, json};

use super::{
    hostile::{Hostile, Mood},
    world::{World, draft, now, redirect_uri},
};

async fn refused(world: &World, provider: &Hostile) -> Arc<ProviderError> {
    let draft = draft(&provider.issuer);
    match world.sso.create_connection(world.organization, draft, now()).await {
        Err(ConnectionError::Provider(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_bad_discovery_is_told_when_the_connection_is_made() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let elsewhere = Hostile::start().await;
    let there = format!("{}/.well-known/openid-configuration", elsewhere.issuer);
    type Expected = fn(&ProviderError) -> bool;
    let moods: [(Mood, Expected); 3] = [
        (Mood::Huge, |e| matches!(e, ProviderError::Request(OutboundError::TooLarge))),
        (Mood::Elsewhere(there), |e| {
            matches!(e, ProviderError::Request(OutboundError::Redirect { status: 302 }))
        }),
        (Mood::Error, |e| matches!(e, ProviderError::Status { status: 500 })),
    ];
    for (mood, expected) in moods {
        provider.script().discovery = mood.clone();
        let error = refused(&world, &provider).await;
        assert!(expected(&error), "{mood:?}: {error:?}");
    }
    assert_eq!(elsewhere.script().discovered, 0, "a redirect was followed");
    assert!(world.sso.connections(world.organization).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_discovery_that_does_not_fit_is_told() {
    let world = World::new().await;
    let provider = Hostile::start().await;
    let whole = provider.script().metadata.clone();
    type Expected = fn(&ProviderError) -> bool;
    let changes: [(&str, Value, Expected); 8] = [
        ("issuer", json!("https://login.example.com"), |e| matches!(e, ProviderError::OtherIssuer)),
        ("issuer", json!(format!("{}/", provider.issuer)), |e| {
            matches!(e, ProviderError::OtherIssuer)
        }),
        ("token_endpoint", Value::Null, |e| matches!(e, ProviderError::NoTokenEndpoint)),
        ("authorization_endpoint", json!("javascript:alert(1)"), |e| {
            matches!(e, ProviderError::Address(_))
        }),
        ("jwks_uri", json!("http://169.254.169.254/latest"), |e| {
            matches!(e, ProviderError::Address(_))
        }),
        (
            "jwks_uri",
            json!(7),
            |e| matches!(e, ProviderError::Malformed { at } if at == "jwks_uri"),
        ),
        ("id_token_signing_alg_values_supported", json!(["none", "HS256"]), |e| {
            matches!(e, ProviderError::NoAlgorithm)
        }),
        ("token_endpoint_auth_methods_supported", json!(["private_key_jwt"]), |e| {
            matches!(e, ProviderError::NoClientSecret)
        }),
    ];
    for (field, value, expected) in changes {
        let mut metadata = whole.clone();
        metadata.insert(field.to_owned(), value.clone());
        provider.script().metadata = metadata;
        let error = refused(&world, &provider).await;
        assert!(expected(&error), "{field} = {value}: {error:?}");
    }
    provider.script().metadata = whole;
    provider.script().keys = Vec::new();
    assert!(matches!(*refused(&world, &provider).await, ProviderError::NoKeys));
}

#[tokio::test]
async fn nothing_a_provider_answers_is_part_of_an_error() {
    let world = World::new().await;
    let provider = Hostile::start().await;
    let secret = "a-secret-of-the-provider";
    provider.script().metadata.insert("jwks_uri".to_owned(), json!([secret]));
    let error = refused(&world, &provider).await;
    let mut told = format!("{error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        told += &format!("{error}");
        cause = error.source();
    }
    assert!(!told.contains(secret), "{told}");
}

#[tokio::test]
async fn metadata_services_are_never_asked() {
    let world = World::new().await;
    for issuer in [
        "http://169.254.169.254",
        "https://169.254.169.254",
        "http://10.0.0.1",
        "file:///etc/passwd",
    ] {
        let made = world.sso.create_connection(world.organization, draft(issuer), now()).await;
        let Err(ConnectionError::Provider(error)) = made else { panic!("{issuer}: {made:?}") };
        assert!(matches!(*error, ProviderError::Address(_)), "{issuer}: {error:?}");
    }
}

#[tokio::test]
async fn a_provider_that_is_away_is_asked_again_after_a_while() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    provider.script().discovery = Mood::Error;
    let begin = async |at| {
        world.sso.begin(connection.id, &redirect_uri(connection.id), "/", at).await.map(drop)
    };
    let before = provider.script().discovered;
    for _ in 0..3 {
        assert!(matches!(begin(now()).await, Err(BeginError::Provider(_))));
    }
    assert_eq!(provider.script().discovered, before + 1);
    provider.script().discovery = Mood::Helpful;
    begin(now() + 5.seconds()).await.unwrap();
}

#[tokio::test]
async fn a_token_endpoint_that_fails_lets_nobody_in() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    type Expected = fn(&FinishError) -> bool;
    let moods: [(Mood, Expected); 3] = [
        (Mood::Error, |e| matches!(e, FinishError::BadAnswer)),
        (Mood::Huge, |e| matches!(e, FinishError::NoAnswer(OutboundError::TooLarge))),
        (Mood::Elsewhere(provider.issuer.clone()), |e| {
            matches!(e, FinishError::NoAnswer(OutboundError::Redirect { .. }))
        }),
    ];
    for (mood, expected) in moods {
        provider.script().token = mood.clone();
        let error = world.log_in(&provider, &connection, |_| ()).await.unwrap_err();
        assert!(expected(&error), "{mood:?}: {error:?}");
    }
    provider.script().token = Mood::Helpful;
    world.log_in(&provider, &connection, |_| ()).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_never_answers_is_not_waited_for() {
    let world = World::waiting(Duration::from_secs(3)).await;
    let provider = Hostile::start().await;
    let connection = world.connect(&provider.issuer).await;
    provider.script().token = Mood::Silent;
    let error = world.log_in(&provider, &connection, |_| ()).await.unwrap_err();
    assert!(matches!(error, FinishError::NoAnswer(OutboundError::TimedOut { .. })), "{error:?}");
    provider.script().discovery = Mood::Silent;
    let error = refused(&world, &provider).await;
    assert!(matches!(*error, ProviderError::Request(OutboundError::TimedOut { .. })), "{error:?}");
}

#[tokio::test]
async fn a_wrong_client_secret_is_told() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let mut wrong = draft(&provider.issuer);
    wrong.client_secret = Some("another secret".into());
    let connection = world.sso.create_connection(world.organization, wrong, now()).await.unwrap();
    let refused = world.log_in(&provider, &connection, |_| ()).await;
    assert!(matches!(refused, Err(FinishError::CodeRefused { code }) if code == "invalid_client"));
}
