//! Access tokens: what a login hands out, and what is accepted as one.
//!
//! A token is a JWT (RFC 7519) signed with HMAC-SHA-256, good for 15 minutes. Nothing of the token
//! decides how it is checked: the algorithm, the key, the issuer and the audience are fixed here, and
//! a token that says otherwise is refused. The time is the caller's `now`, not the system's, which is
//! why `exp` and `nbf` are checked in this file and not by the JWT library.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const ISSUER: &str = "ff-control";
const AUDIENCE: &str = "ff-control-api";
/// RFC 7518, section 3.2: a key for HS256 is at least as long as its hash.
const SHORTEST_SECRET: usize = 32;

/// Issues and checks access tokens.
pub struct TokenService {
    encoding: EncodingKey,
    decoding: DecodingKey,
    key_id: String,
    validation: Validation,
}

/// A token for someone who has just signed in.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token, to be sent as `Authorization: Bearer …`.
    pub token: SecretString,
    /// When it stops being accepted.
    pub expires_at: Timestamp,
}

/// What an accepted token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// Who signed in (`sub`).
    pub user_id: Uuid,
    /// The token's own id (`jti`).
    pub token_id: Uuid,
    /// When it was issued (`iat`).
    pub issued_at: Timestamp,
    /// When it stops being accepted (`exp`).
    pub expires_at: Timestamp,
}

/// The signing secret is too short to be safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} must be at least {SHORTEST_SECRET} bytes, this is {found}: set it to the output of \
     `openssl rand -base64 48`",
    TokenService::SECRET_VARIABLE
)]
pub struct SecretTooShort {
    /// How many bytes it has.
    pub found: usize,
}

/// The token is not accepted, or could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// It is malformed, not signed by this service, or not meant for it.
    #[error("the access token is not valid: sign in again")]
    Invalid {
        /// What was wrong with it, for the log.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
    /// It was signed with another key, or asks for rules this service does not know (`crit`).
    #[error("the access token was not made with the current key: sign in again")]
    ForeignHeader,
    /// A claim holds a time that does not exist.
    #[error("the access token is not valid, its `{claim}` is out of range: sign in again")]
    TimeOutOfRange {
        /// Which claim.
        claim: &'static str,
        /// Why it is none.
        #[source]
        source: jiff::Error,
    },
    /// Its time is over.
    #[error("the access token expired at {at}: sign in again")]
    Expired {
        /// When it did.
        at: Timestamp,
    },
    /// Its time has not come.
    #[error("the access token is not valid before {from}: check the clock, or wait")]
    NotYetValid {
        /// When it will be.
        from: Timestamp,
    },
    /// The signing failed.
    #[error("the access token could not be signed: report this with the log of the service")]
    Signing {
        /// What the signer said.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
}

#[derive(Serialize)]
struct ClaimsOut<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: Uuid,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

/// Issuer and audience are checked before these are looked at.
#[derive(Deserialize)]
struct ClaimsIn {
    sub: Uuid,
    jti: Uuid,
    iat: i64,
    exp: i64,
    nbf: Option<i64>,
}

impl TokenService {
    /// The environment variable that holds the signing secret.
    pub const SECRET_VARIABLE: &str = "FF_AUTH_JWT_SECRET";
    /// How long a token is accepted.
    pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

    /// A service that signs with `secret`.
    ///
    /// # Errors
    /// [`SecretTooShort`] below 32 bytes.
    pub fn new(secret: &SecretString) -> Result<Self, SecretTooShort> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < SHORTEST_SECRET {
            return Err(SecretTooShort { found: secret.len() });
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self {
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            key_id: key_id(secret),
            validation,
        })
    }

    /// A token for `user_id` from `now` on; `rng` makes its id.
    ///
    /// # Errors
    /// [`TokenError::Signing`], which a correct build never gives.
    pub fn issue<R: CryptoRng + ?Sized>(
        &self,
        user_id: Uuid,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<IssuedToken, TokenError> {
        let mut id = [0_u8; 16];
        rng.fill_bytes(&mut id);
        let iat = now.as_second();
        let exp = iat + Self::LIFETIME.as_secs();
        let claims = ClaimsOut {
            iss: ISSUER,
            aud: AUDIENCE,
            sub: user_id,
            jti: uuid::Builder::from_random_bytes(id).into_uuid(),
            iat,
            exp,
        };
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::HS256) };
        let token = jsonwebtoken::encode(&header, &claims, &self.encoding)
            .map_err(|source| TokenError::Signing { source })?;
        Ok(IssuedToken { token: token.into(), expires_at: time("exp", exp)? })
    }

    /// What `token` says, if it is one of this service and its time is `now`.
    ///
    /// # Errors
    /// [`TokenError`]; to a client all of them are the same 401.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let decoded = jsonwebtoken::decode::<ClaimsIn>(token, &self.decoding, &self.validation)
            .map_err(|source| TokenError::Invalid { source })?;
        let header = decoded.header;
        if header.kid.as_deref() != Some(&self.key_id) || header.crit.is_some() {
            return Err(TokenError::ForeignHeader);
        }

        let claims = decoded.claims;
        let expires_at = time("exp", claims.exp)?;
        if now >= expires_at {
            return Err(TokenError::Expired { at: expires_at });
        }
        if let Some(nbf) = claims.nbf {
            let from = time("nbf", nbf)?;
            if now < from {
                return Err(TokenError::NotYetValid { from });
            }
        }
        Ok(AccessClaims {
            user_id: claims.sub,
            token_id: claims.jti,
            issued_at: time("iat", claims.iat)?,
            expires_at,
        })
    }
}

/// A name for the key that changes with it, so that a rotation tells old tokens from forged ones.
fn key_id(secret: &[u8]) -> String {
    let digest =
        Sha256::new().chain_update(b"ff access token key\0").chain_update(secret).finalize();
    hex::encode(&digest[..8])
}

fn time(claim: &'static str, seconds: i64) -> Result<Timestamp, TokenError> {
    Timestamp::from_second(seconds).map_err(|source| TokenError::TimeOutOfRange { claim, source })
}

impl fmt::Debug for TokenService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
