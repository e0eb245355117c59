//! A token is accepted when everything about it is right, and refused when one thing is not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use jsonwebtoken::{Algorithm, EncodingKey};
use secrecy::ExposeSecret as _;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const USER: Uuid = Uuid::from_u128(0x42);

fn service() -> TokenService {
    TokenService::new(TokenKeys::new(key(SECRET)))
}

fn key(secret: &str) -> TokenKey {
    TokenKey::secret(&secret.into()).unwrap()
}

/// A key whose bytes count from 0 to 31.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n\
    -----END PRIVATE KEY-----\n";

fn private_key() -> TokenKey {
    TokenKey::ed25519(&PEM.into()).unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn in_seconds(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// The header and claims that the service accepts, to be spoilt one thing at a time.
fn good() -> (Value, Value) {
    let header = json!({"typ": "JWT", "alg": "HS256", "kid": key(SECRET).id});
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": USER, "jti": Uuid::from_u128(7),
        "iat": now().as_second(), "exp": in_seconds(900).as_second(),
    });
    (header, claims)
}

fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn signed(header: &Value, claims: &Value, secret: &str, algorithm: Algorithm) -> String {
    let message = message(header, claims);
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
    format!("{message}.{signature}")
}

/// A token signed correctly with the service's secret, after `spoil` had its way.
fn spoilt(spoil: impl FnOnce(&mut Value, &mut Value)) -> String {
    let (mut header, mut claims) = good();
    spoil(&mut header, &mut claims);
    signed(&header, &claims, SECRET, Algorithm::HS256)
}

#[test]
fn what_is_issued_is_accepted_until_it_expires() {
    let issued = service().issue(USER, now(), &mut StdRng::seed_from_u64(1)).unwrap();
    let token = issued.token.expose_secret();
    assert_eq!(issued.expires_at, in_seconds(900));

    let claims = service().verify(token, now()).unwrap();
    assert_eq!(claims.user_id, USER);
    assert_eq!(claims.issued_at, now());
    assert_eq!(claims.expires_at, issued.expires_at);
    assert_eq!(claims.token_id.get_version_num(), 4);

    assert!(service().verify(token, in_seconds(899)).is_ok());
    let error = service().verify(token, in_seconds(900)).unwrap_err();
    assert!(matches!(error, TokenError::Expired { at } if at == issued.expires_at), "{error}");
}

#[test]
fn two_tokens_of_one_second_have_different_ids() {
    let mut rng = StdRng::seed_from_u64(2);
    let [one, other] = [(); 2].map(|()| {
        let issued = service().issue(USER, now(), &mut rng).unwrap();
        service().verify(issued.token.expose_secret(), now()).unwrap().token_id
    });
    assert_ne!(one, other);
}

#[test]
fn no_forged_token_is_accepted() {
    let exp = in_seconds(900).as_second();
    let (header, claims) = good();
    let mut none = header.clone();
    none["alg"] = json!("none");
    let with_alg = |alg: &str, algorithm| {
        let mut header = header.clone();
        header["alg"] = json!(alg);
        signed(&header, &claims, SECRET, algorithm)
    };
    let other_secret = "another secret of thirty-two bytes";
    let mut other_kid = header.clone();
    other_kid["kid"] = json!(key(other_secret).id);
    let own = signed(&header, &claims, SECRET, Algorithm::HS256);
    let (_, signature) = own.rsplit_once('.').unwrap();
    let mut swapped = claims.clone();
    swapped["sub"] = json!(Uuid::from_u128(0x43));

    let forged: Vec<(&str, String)> = vec![
        ("alg none, no signature", format!("{}.", message(&none, &claims))),
        ("alg none, HS256 signature", signed(&none, &claims, SECRET, Algorithm::HS256)),
        ("no alg", spoilt(|header, _| drop(header.as_object_mut().unwrap().remove("alg")))),
        ("alg HS384", with_alg("HS384", Algorithm::HS384)),
        ("alg HS512", with_alg("HS512", Algorithm::HS512)),
        ("alg RS256, HMAC signature", with_alg("RS256", Algorithm::HS256)),
        ("another key", signed(&header, &claims, other_secret, Algorithm::HS256)),
        ("another key and its kid", signed(&other_kid, &claims, other_secret, Algorithm::HS256)),
        ("another kid", spoilt(|header, _| header["kid"] = json!("2019-01"))),
        ("no kid", spoilt(|header, _| drop(header.as_object_mut().unwrap().remove("kid")))),
        ("crit", spoilt(|header, _| header["crit"] = json!(["exp"]))),
        ("claims swapped", format!("{}.{signature}", message(&header, &swapped))),
        ("no signature", message(&header, &claims)),
        ("empty signature", format!("{}.", message(&header, &claims))),
        ("another aud", spoilt(|_, claims| claims["aud"] = json!("ff-edge"))),
        ("other auds", spoilt(|_, claims| claims["aud"] = json!(["a", "b"]))),
        ("no aud", spoilt(|_, claims| drop(claims.as_object_mut().unwrap().remove("aud")))),
        ("aud is a number", spoilt(|_, claims| claims["aud"] = json!(1))),
        ("another iss", spoilt(|_, claims| claims["iss"] = json!("https://example.com"))),
        ("no iss", spoilt(|_, claims| drop(claims.as_object_mut().unwrap().remove("iss")))),
        ("no sub", spoilt(|_, claims| drop(claims.as_object_mut().unwrap().remove("sub")))),
        ("sub is no id", spoilt(|_, claims| claims["sub"] = json!("admin"))),
        ("no jti", spoilt(|_, claims| drop(claims.as_object_mut().unwrap().remove("jti")))),
        ("no exp", spoilt(|_, claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
        ("exp null", spoilt(|_, claims| claims["exp"] = Value::Null)),
        ("exp is text", spoilt(|_, claims| claims["exp"] = json!(exp.to_string()))),
        ("exp beyond time", spoilt(|_, claims| claims["exp"] = json!(i64::MAX))),
        ("exp beyond integers", spoilt(|_, claims| claims["exp"] = json!(1e300))),
        ("expired", spoilt(|_, claims| claims["exp"] = json!(now().as_second()))),
        ("exp is negative", spoilt(|_, claims| claims["exp"] = json!(-1))),
        ("nbf to come", spoilt(|_, claims| claims["nbf"] = json!(now().as_second() + 1))),
        ("nbf is text", spoilt(|_, claims| claims["nbf"] = json!("0"))),
        ("empty", String::new()),
        ("two dots", "..".to_owned()),
        ("no JSON", "e30.e30.e30".to_owned()),
        ("spaces around", format!(" {own} ")),
    ];

    let accepted: Vec<_> = forged
        .iter()
        .filter(|(_, token)| service().verify(token, now()).is_ok())
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(accepted, Vec::<&str>::new());
    // The same token unspoilt is good, so each of the above fails for its own fault.
    assert!(service().verify(&own, now()).is_ok());
    assert!(
        service().verify(&spoilt(|_, claims| claims["aud"] = json!([AUDIENCE])), now()).is_ok()
    );
    assert!(service().verify(&spoilt(|_, c| c["nbf"] = json!(now().as_second())), now()).is_ok());
}

#[test]
fn a_refusal_says_why() {
    let verify = |token: &str| service().verify(token, now()).unwrap_err();
    let nbf = spoilt(|_, claims| claims["nbf"] = json!(now().as_second() + 1));
    assert!(matches!(verify(&nbf), TokenError::NotYetValid { from } if from == in_seconds(1)));
    let kid = spoilt(|header, _| header["kid"] = json!("2019-01"));
    assert!(matches!(verify(&kid), TokenError::ForeignHeader));
    let far = spoilt(|_, claims| claims["exp"] = json!(i64::MAX));
    assert!(matches!(verify(&far), TokenError::TimeOutOfRange { claim: "exp", .. }));
    assert!(matches!(verify("..."), TokenError::Invalid { .. }));
}

#[test]
fn a_short_secret_is_refused_with_how_to_make_one() {
    let error = TokenKey::secret(&SECRET[1..].into()).unwrap_err();
    assert_eq!(error, TokenKeyError::TooShort { found: 31 });
    assert!(error.to_string().contains("openssl"), "{error}");
}

#[test]
fn a_private_key_signs_what_it_accepts() {
    let service = TokenService::new(TokenKeys::new(private_key()));
    let issued = service.issue(USER, now(), &mut StdRng::seed_from_u64(3)).unwrap();
    let token = issued.token.expose_secret();
    assert_eq!(service.verify(token, now()).unwrap().user_id, USER);
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.alg, Algorithm::EdDSA);

    for wrong in ["", "secret", &PEM.replace("PRIVATE", "PUBLIC"), &PEM[..60]] {
        let error = TokenKey::ed25519(&wrong.into()).unwrap_err();
        assert_eq!(error, TokenKeyError::NotEd25519, "{wrong}");
    }
}

/// The public half of a key is known to anyone, so it must not work as a secret.
#[test]
fn the_public_key_is_no_secret_to_sign_with() {
    let service = TokenService::new(TokenKeys::new(private_key()));
    let private = ed25519_dalek::pkcs8::DecodePrivateKey::from_pkcs8_pem(PEM);
    let private: ed25519_dalek::SigningKey = private.unwrap();
    let (mut header, claims) = good();
    header["kid"] = json!(private_key().id);
    for alg in ["HS256", "EdDSA"] {
        header["alg"] = json!(alg);
        let message = message(&header, &claims);
        let public = EncodingKey::from_secret(private.verifying_key().as_bytes());
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &public, Algorithm::HS256).unwrap();
        let forged = format!("{message}.{signature}");
        assert!(matches!(service.verify(&forged, now()), Err(TokenError::Invalid { .. })), "{alg}");
    }
}

#[test]
fn after_a_rotation_tokens_of_the_previous_key_are_accepted_and_older_ones_are_not() {
    let mut rng = StdRng::seed_from_u64(4);
    let mut token = |service: &TokenService| {
        let issued = service.issue(USER, now(), &mut rng).unwrap();
        issued.token.expose_secret().to_owned()
    };
    let first = service();
    let second =
        TokenService::new(TokenKeys::new(private_key()).and_previous(key(SECRET)).unwrap());
    let third_key = key("a third secret of more than 32 bytes");
    let third = TokenService::new(TokenKeys::new(third_key).and_previous(private_key()).unwrap());
    let tokens = [token(&first), token(&second), token(&third)];
    let accepts =
        |service: &TokenService| tokens.clone().map(|token| service.verify(&token, now()).is_ok());
    assert_eq!(accepts(&first), [true, false, false]);
    assert_eq!(accepts(&second), [true, true, false]);
    assert_eq!(accepts(&third), [false, true, true]);

    let twice = TokenKeys::new(key(SECRET)).and_previous(key(SECRET)).unwrap_err();
    assert_eq!(twice, TokenKeyError::Same);
}

#[test]
fn printing_the_service_does_not_print_its_secret() {
    let printed = format!("{:?}", service());
    assert!(!printed.contains(SECRET), "{printed}");
}
