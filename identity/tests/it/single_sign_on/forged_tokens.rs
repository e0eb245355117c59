//! ID tokens that must not be accepted, each for the reason it is refused for.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use ff_identity::oidc::{Connection, FinishError, IdTokenError};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    hostile::{Claims, Hostile, Signer},
    world::{CLIENT, SECRET, World, now},
};

/// Each changes the claims of a good token and signs them.
type Forge = fn(Claims) -> String;

fn with(mut claims: Claims, name: &str, value: Value) -> String {
    claims.insert(name.to_owned(), value);
    Signer::ed25519(1).sign(&claims)
}

fn without(mut claims: Claims, name: &str) -> String {
    claims.remove(name).unwrap();
    Signer::ed25519(1).sign(&claims)
}

fn header(claims: &Claims, header: Value) -> String {
    Signer::ed25519(1).sign_with(header, claims)
}

fn public_key_as_secret(claims: &Claims, kid: Option<&str>) -> String {
    let public = Signer::ed25519(1).public().to_string().into_bytes();
    Signer::Hs256(public, kid.map(str::to_owned)).sign(claims)
}

const FORGERIES: &[(&str, Forge, IdTokenError)] = &[
    ("unsigned", |c| Signer::Unsigned.sign(&c), IdTokenError::Unsigned),
    (
        "unsigned, with the signature of another",
        |c| header(&c, json!({ "alg": "none" })),
        IdTokenError::Unsigned,
    ),
    (
        "HS256 with the client secret",
        |c| Signer::Hs256(SECRET.into(), None).sign(&c),
        IdTokenError::Algorithm,
    ),
    (
        "HS256 with the public key",
        |c| public_key_as_secret(&c, Some("ed-1")),
        IdTokenError::Algorithm,
    ),
    (
        "HS256 with the public key, no kid",
        |c| public_key_as_secret(&c, None),
        IdTokenError::Algorithm,
    ),
    ("a key nobody knows", |c| Signer::ed25519(9).sign(&c), IdTokenError::UnknownKey),
    (
        "the kid of a known key, signed with another",
        |c| Signer::ed25519(9).sign_with(json!({ "alg": "EdDSA", "kid": "ed-1" }), &c),
        IdTokenError::Signature,
    ),
    (
        "the kid of a key of another algorithm",
        |c| header(&c, json!({ "alg": "EdDSA", "kid": "es-1" })),
        IdTokenError::UnknownKey,
    ),
    (
        "a key of its own in the header",
        |c| {
            let own = Signer::ed25519(9);
            own.sign_with(json!({ "alg": "EdDSA", "kid": "ed-9", "jwk": own.public() }), &c)
        },
        IdTokenError::UnknownKey,
    ),
    (
        "a header that must be understood",
        |c| header(&c, json!({ "alg": "EdDSA", "kid": "ed-1", "crit": ["exp"] })),
        IdTokenError::Form,
    ),
    (
        "another issuer",
        |c| with(c, "iss", json!("https://login.example.com")),
        IdTokenError::Issuer,
    ),
    ("another client", |c| with(c, "aud", json!("another")), IdTokenError::Audience),
    (
        "another client as well",
        |c| with(c, "aud", json!([CLIENT, "another"])),
        IdTokenError::Audience,
    ),
    ("no audience", |c| without(c, "aud"), IdTokenError::Audience),
    ("another authorized party", |c| with(c, "azp", json!("another")), IdTokenError::Audience),
    ("another login's nonce", |c| with(c, "nonce", json!("another")), IdTokenError::Nonce),
    ("no nonce", |c| without(c, "nonce"), IdTokenError::Nonce),
    ("expired", |c| with(c, "exp", json!(now().as_second() - 60)), IdTokenError::Expired),
    (
        "issued in the future",
        |c| with(c, "iat", json!(now().as_second() + 61)),
        IdTokenError::FromTheFuture,
    ),
    ("nobody's", |c| with(c, "sub", json!("")), IdTokenError::Subject),
    ("of a subject without end", |c| with(c, "sub", json!("x".repeat(256))), IdTokenError::Subject),
    ("another access token's", |c| with(c, "at_hash", json!("AAAA")), IdTokenError::AccessToken),
];

/// Those that are no ID token at all are refused with the whole answer.
const MALFORMED: &[(&str, Forge)] = &[
    ("no expiry", |c| without(c, "exp")),
    ("an expiry that is a text", |c| with(c, "exp", json!("4102444800"))),
    ("no issue time", |c| without(c, "iat")),
    ("no subject", |c| without(c, "sub")),
    ("no issuer", |c| without(c, "iss")),
    ("an algorithm nobody knows", |c| header(&c, json!({ "alg": "XS256" }))),
    ("not a JWT", |_| "x.y".to_owned()),
];

async fn finish(
    world: &World,
    provider: &Hostile,
    connection: &Connection,
    forge: Forge,
) -> FinishError {
    let login = world.begin(connection).await;
    let code = provider.hand_out(&login, forge(login.claims(provider)));
    world.sso.finish(login.callback(&code), now()).await.unwrap_err()
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    world.log_in(&provider, &connection, |_| ()).await.unwrap();
    for (name, forge, expected) in FORGERIES {
        let refused = finish(&world, &provider, &connection, *forge).await;
        let FinishError::IdToken(error) = refused else { panic!("{name}: {refused:?}") };
        assert_eq!(error, *expected, "{name}");
    }
    for (name, forge) in MALFORMED {
        let refused = finish(&world, &provider, &connection, *forge).await;
        assert!(matches!(refused, FinishError::BadAnswer), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn clocks_may_be_a_minute_apart() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    for (claim, difference) in [("exp", -59), ("iat", 60)] {
        let accepted = world.log_in(&provider, &connection, |claims| {
            claims.insert(claim.to_owned(), json!(now().as_second() + difference));
        });
        accepted.await.unwrap();
    }
}

#[tokio::test]
async fn a_good_token_is_accepted_with_each_kind_of_key() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    for signer in [Signer::ed25519(1), Signer::es256(1)] {
        let login = world.begin(&connection).await;
        let mut claims = login.claims(&provider);
        claims.insert("azp".to_owned(), json!(CLIENT));
        if let Signer::Es256(..) = signer {
            // The left half of the access token's hash (OpenID Connect Core, 3.1.3.6).
            let hash = Sha256::digest("an-access-token");
            claims.insert("at_hash".to_owned(), json!(BASE64.encode(&hash[..16])));
        }
        let code = provider.hand_out(&login, signer.sign(&claims));
        let ada = world.sso.finish(login.callback(&code), now()).await.unwrap();
        assert_eq!((ada.subject.as_str(), ada.email.as_deref()), ("ada", Some("ada@example.com")));
        assert_eq!(json!(ada.roles), json!([{ "role": "editor" }]));
        assert_eq!(
            (ada.groups, ada.return_to.as_str()),
            (vec!["engineering".to_owned()], "/flags?all=1")
        );
        assert_eq!(ada.organization, world.organization);
    }
}

#[tokio::test]
async fn an_e_mail_counts_only_if_the_provider_may_vouch_for_it() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    for (claim, value) in [
        ("email_verified", json!(false)),
        ("email_verified", Value::Null),
        ("email", json!("ada@elsewhere.test")),
        ("email", json!("ada@example.com.elsewhere.test")),
    ] {
        let accepted = world.log_in(&provider, &connection, |claims| {
            claims.insert(claim.to_owned(), value.clone());
        });
        assert_eq!(accepted.await.unwrap().email, None, "{claim}: {value}");
    }
}

#[tokio::test]
async fn a_connection_can_demand_an_e_mail() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let mut draft = super::world::draft(&provider.issuer);
    draft.require_email = true;
    let connection = world.sso.create_connection(world.organization, draft, now()).await.unwrap();
    world.log_in(&provider, &connection, |_| ()).await.unwrap();
    let refused = world.log_in(&provider, &connection, |claims| {
        claims.insert("email".to_owned(), json!("ada@elsewhere.test"));
    });
    assert!(matches!(refused.await, Err(FinishError::EmailRequired)));
}

#[tokio::test]
async fn the_userinfo_endpoint_may_not_speak_of_somebody_else() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let endpoint = json!(format!("{}/userinfo", provider.issuer));
    provider.script().metadata.insert("userinfo_endpoint".to_owned(), endpoint);
    let connection = world.connect(&provider.issuer).await;
    let thin = |claims: &mut Claims| claims.retain(|name, _| !name.starts_with("email"));
    let says =
        |sub: &str| json!({ "sub": sub, "email": "ada@example.com", "email_verified": true });

    provider.script().userinfo = Some(says("ada"));
    let ada = world.log_in(&provider, &connection, thin).await.unwrap();
    assert_eq!(ada.email.as_deref(), Some("ada@example.com"));

    provider.script().userinfo = Some(says("eve"));
    let refused = world.log_in(&provider, &connection, thin).await;
    assert!(matches!(refused, Err(FinishError::UserInfo)));
}
