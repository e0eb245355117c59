//! Somebody who knows all about the tokens of a service, in the worst case even the key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, EncodePublicKey as _};
use ff_auth::{SessionOf, TokenKey, TokenKeys, TokenService};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use uuid::Uuid;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A key whose bytes count from 0 to 31.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n\
    -----END PRIVATE KEY-----\n";

pub(crate) struct Forger {
    /// By which of the service's keys its tokens are signed.
    pub(crate) name: &'static str,
    pub(crate) service: TokenService,
    /// Of a token that the service issued.
    pub(crate) header: Value,
    pub(crate) claims: Value,
    /// The id of the key that does not sign, accepted or not.
    pub(crate) other_kid: String,
    key: EncodingKey,
    algorithm: Algorithm,
    genuine: String,
}

pub(crate) fn now() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().expect("a time")
}

/// In the order of the table's columns.
pub(crate) fn forgers() -> [Forger; 3] {
    let rotating = TokenKeys::new(private_key()).and_previous(secret_key()).expect("two keys");
    [
        Forger::new("secret", TokenKeys::new(secret_key()), in_bytes(), Algorithm::HS256),
        Forger::new("private key", TokenKeys::new(private_key()), in_der(), Algorithm::EdDSA),
        Forger::new("private key after a secret", rotating, in_der(), Algorithm::EdDSA),
    ]
}

fn secret_key() -> TokenKey {
    TokenKey::secret(&SECRET.into()).expect("it is long enough")
}

fn private_key() -> TokenKey {
    TokenKey::ed25519(&PEM.into()).expect("a private key")
}

fn signing_key() -> SigningKey {
    SigningKey::from_pkcs8_pem(PEM).expect("a private key")
}

fn in_bytes() -> EncodingKey {
    EncodingKey::from_secret(SECRET.as_bytes())
}

fn in_der() -> EncodingKey {
    EncodingKey::from_ed_der(signing_key().to_pkcs8_der().expect("a private key").as_bytes())
}

/// What anybody may know of the private key.
pub(crate) fn public_key() -> [u8; 32] {
    signing_key().verifying_key().to_bytes()
}

pub(crate) fn public_key_in_pem() -> String {
    signing_key().verifying_key().to_public_key_pem(Default::default()).expect("a public key")
}

/// A private key of the forger's own, and its public half.
pub(crate) fn own_key() -> (EncodingKey, [u8; 32]) {
    let own = SigningKey::from_bytes(&[7; 32]);
    let der = own.to_pkcs8_der().expect("a private key");
    (EncodingKey::from_ed_der(der.as_bytes()), own.verifying_key().to_bytes())
}

fn issued(service: &TokenService) -> String {
    let of = SessionOf {
        user: Uuid::from_u128(0x42),
        session: Uuid::from_u128(0x43),
        organization: None,
    };
    let token = service.issue(of, now(), &mut StdRng::seed_from_u64(1)).expect("a token").token;
    token.expose_secret().to_owned()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("three parts");
    let json = URL_SAFE_NO_PAD.decode(part).expect("base64");
    serde_json::from_slice(&json).expect("JSON")
}

impl Forger {
    fn new(name: &'static str, keys: TokenKeys, key: EncodingKey, algorithm: Algorithm) -> Self {
        let service = TokenService::new(keys);
        let genuine = issued(&service);
        let other = if algorithm == Algorithm::EdDSA { secret_key() } else { private_key() };
        let other = part(&issued(&TokenService::new(TokenKeys::new(other))), 0);
        Self {
            name,
            header: part(&genuine, 0),
            claims: part(&genuine, 1),
            other_kid: other["kid"].as_str().expect("a key id").to_owned(),
            service,
            key,
            algorithm,
            genuine,
        }
    }

    /// As the service issued it.
    pub(crate) fn genuine(&self) -> String {
        self.genuine.clone()
    }

    /// Signed as the service signs, whatever it says.
    pub(crate) fn signed(&self, header: &Value, claims: &Value) -> String {
        self.signed_text(&header.to_string(), &claims.to_string())
    }

    pub(crate) fn signed_text(&self, header: &str, claims: &str) -> String {
        signed_by(&self.key, self.algorithm, header, claims)
    }

    /// Signed as the service signs, after `spoil` had its way.
    pub(crate) fn with(&self, spoil: impl FnOnce(&mut Value, &mut Value)) -> String {
        let (mut header, mut claims) = (self.header.clone(), self.claims.clone());
        spoil(&mut header, &mut claims);
        self.signed(&header, &claims)
    }

    pub(crate) fn claiming(&self, claim: &str, value: Value) -> String {
        self.with(|_, claims| claims[claim] = value)
    }

    pub(crate) fn without_claim(&self, claim: &str) -> String {
        self.with(|_, claims| drop(claims.as_object_mut().expect("an object").remove(claim)))
    }

    /// The claim a second time, behind the others.
    pub(crate) fn claiming_twice(&self, claim: &str) -> String {
        let claims = twice(&self.claims, claim, &self.claims[claim]);
        self.signed_text(&self.header.to_string(), &claims)
    }

    pub(crate) fn heading(&self, name: &str, value: Value) -> String {
        self.with(|header, _| header[name] = value)
    }

    /// Signed by the forger's means, under a header that says so.
    pub(crate) fn signed_with(
        &self,
        key: &EncodingKey,
        algorithm: Algorithm,
        spoil: impl FnOnce(&mut Value),
    ) -> String {
        let mut header = self.header.clone();
        header["alg"] = serde_json::to_value(algorithm).expect("a name");
        spoil(&mut header);
        signed_by(key, algorithm, &header.to_string(), &self.claims.to_string())
    }
}

/// An object with one more member, of a name that it may have already.
pub(crate) fn twice(object: &Value, name: &str, value: &Value) -> String {
    let text = object.to_string();
    format!("{},\"{name}\":{value}}}", &text[..text.len() - 1])
}

pub(crate) fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
}

fn signed_by(key: &EncodingKey, algorithm: Algorithm, header: &str, claims: &str) -> String {
    let message = message(header, claims);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm);
    format!("{message}.{}", signature.expect("a signature"))
}
