//! The keys that access tokens are signed and checked with.

use std::fmt;

use ed25519_dalek::{
    SigningKey,
    pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// RFC 7518, section 3.2: a key for HS256 is at least as long as its hash.
const SHORTEST_SECRET: usize = 32;

/// A key, with the one algorithm that it is used with.
#[derive(Clone)]
pub struct TokenKey {
    pub(super) algorithm: Algorithm,
    pub(super) encoding: EncodingKey,
    pub(super) decoding: DecodingKey,
    pub(super) id: String,
}

/// The keys of a service: the current one signs, the one before it still checks. Rotating means to make the current
/// key the previous one, for as long as tokens live.
#[derive(Debug, Clone)]
pub struct TokenKeys {
    pub(super) current: TokenKey,
    pub(super) previous: Option<TokenKey>,
}

/// Why something is no key for tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenKeyError {
    /// The secret is too short to be safe.
    #[error(
        "a secret that signs tokens has at least {SHORTEST_SECRET} bytes, this has {found}: take the output of \
         `openssl rand -base64 48`"
    )]
    TooShort {
        /// How many bytes it has.
        found: usize,
    },
    /// The text is no private Ed25519 key.
    #[error(
        "this is no private Ed25519 key in PEM: take the output of `openssl genpkey -algorithm ed25519`"
    )]
    NotEd25519,
    /// Both keys are the same.
    #[error("the previous key is the current one: leave it out, or rotate")]
    Same,
}

impl TokenKey {
    /// A secret that both signs and checks, with HMAC-SHA-256.
    ///
    /// # Errors
    /// [`TokenKeyError::TooShort`] below 32 bytes.
    pub fn secret(secret: &SecretString) -> Result<Self, TokenKeyError> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < SHORTEST_SECRET {
            return Err(TokenKeyError::TooShort { found: secret.len() });
        }
        Ok(Self {
            algorithm: Algorithm::HS256,
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            id: id(secret),
        })
    }

    /// A private Ed25519 key, PKCS #8 in PEM.
    ///
    /// # Errors
    /// [`TokenKeyError::NotEd25519`].
    pub fn ed25519(pem: &SecretString) -> Result<Self, TokenKeyError> {
        let private = SigningKey::from_pkcs8_pem(pem.expose_secret().trim())
            .map_err(|_| TokenKeyError::NotEd25519)?;
        let der = private.to_pkcs8_der().map_err(|_| TokenKeyError::NotEd25519)?;
        let public = private.verifying_key();
        Ok(Self {
            algorithm: Algorithm::EdDSA,
            encoding: EncodingKey::from_ed_der(der.as_bytes()),
            decoding: DecodingKey::from_ed_der(public.as_bytes()),
            id: id(public.as_bytes()),
        })
    }
}

impl TokenKeys {
    /// One key, for signing and checking.
    #[must_use]
    pub fn new(current: TokenKey) -> Self {
        Self { current, previous: None }
    }

    /// Tokens of this key are still accepted.
    ///
    /// # Errors
    /// [`TokenKeyError::Same`].
    pub fn and_previous(self, previous: TokenKey) -> Result<Self, TokenKeyError> {
        if previous.id == self.current.id {
            return Err(TokenKeyError::Same);
        }
        Ok(Self { previous: Some(previous), ..self })
    }

    /// The key that a token says it is signed with.
    pub(super) fn by_id(&self, id: &str) -> Option<&TokenKey> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten().find(|key| key.id == id)
    }
}

/// A name for the key that changes with it, so that a rotation tells old tokens from forged ones.
fn id(bytes: &[u8]) -> String {
    let digest =
        Sha256::new().chain_update(b"ff access token key\0").chain_update(bytes).finalize();
    hex::encode(&digest[..8])
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey").field("id", &self.id).finish_non_exhaustive()
    }
}
