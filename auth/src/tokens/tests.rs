//! A token is accepted when everything about it is right, and says what it was issued for. What is refused has a table
//! of its own, `auth/tests/it/forged.txt`.

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
const SESSION: Uuid = Uuid::from_u128(0x43);
const OF: SessionOf = SessionOf { user: USER, session: SESSION, organization: None };

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
        "iss": ISSUER, "aud": AUDIENCE, "sub": USER, "sid": SESSION, "jti": Uuid::from_u128(7),
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
    let issued = service().issue(OF, now(), &mut StdRng::seed_from_u64(1)).unwrap();
    let token = issued.token.expose_secret();
    assert_eq!(issued.expires_at, in_seconds(900));

    let claims = service().verify(token, now()).unwrap();
    assert_eq!(claims.of, OF);
    assert_eq!(claims.issued_at, now());
    assert_eq!(claims.expires_at, issued.expires_at);
    assert_eq!(claims.token_id.get_version_num(), 4);

    assert!(service().verify(token, in_seconds(899)).is_ok());
    let error = service().verify(token, in_seconds(900)).unwrap_err();
    assert!(matches!(error, TokenError::Expired { at } if at == issued.expires_at), "{error}");
}

#[test]
fn a_token_says_whose_session_it_is_and_where_it_is_good() {
    for organization in [None, Some(Uuid::from_u128(0x44))] {
        let of = SessionOf { organization, ..OF };
        let issued = service().issue(of, now(), &mut StdRng::seed_from_u64(5)).unwrap();
        let token = issued.token.expose_secret();
        assert_eq!(service().verify(token, now()).unwrap().of, of);

        let payload = token.split('.').nth(1).unwrap();
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
        assert_eq!(claims["sid"], json!(SESSION));
        assert_eq!(claims.get("org"), organization.map(|id| json!(id)).as_ref());
    }
}

#[test]
fn two_tokens_of_one_second_have_different_ids() {
    let mut rng = StdRng::seed_from_u64(2);
    let [one, other] = [(); 2].map(|()| {
        let issued = service().issue(OF, now(), &mut rng).unwrap();
        service().verify(issued.token.expose_secret(), now()).unwrap().token_id
    });
    assert_ne!(one, other);
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
    let ahead = spoilt(|_, claims| claims["iat"] = json!(in_seconds(61).as_second()));
    assert!(matches!(verify(&ahead), TokenError::NotYetValid { from } if from == in_seconds(61)));
    let long = spoilt(|_, claims| claims["exp"] = json!(in_seconds(901).as_second()));
    assert!(matches!(verify(&long), TokenError::TooLong { at } if at == in_seconds(901)));
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
    let issued = service.issue(OF, now(), &mut StdRng::seed_from_u64(3)).unwrap();
    let token = issued.token.expose_secret();
    assert_eq!(service.verify(token, now()).unwrap().of, OF);
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
        let issued = service.issue(OF, now(), &mut rng).unwrap();
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
