//! Access tokens: what a login hands out, and what is accepted as one.
//!
//! A token is a JWT (RFC 7519), good for 15 minutes. It names one of at most two keys, and that is all
//! it has to say about how it is checked: the key fixes the algorithm, issuer and audience are fixed
//! here, and a token that says otherwise is refused. The time is the caller's `now`, not the system's,
//! which is why `exp` and `nbf` are checked in this file and not by the JWT library.

mod key;

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Header, Validation};
use rand::CryptoRng;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use key::{TokenKey, TokenKeyError, TokenKeys};

const ISSUER: &str = "ff-control";
const AUDIENCE: &str = "ff-control-api";

/// Issues and checks access tokens.
pub struct TokenService {
    keys: TokenKeys,
}

/// A token for someone who has just signed in.
#[derive(Debug)]
pub struct IssuedToken {
    /// The token, to be sent as `Authorization: Bearer …`.
    pub token: SecretString,
    /// When it stops being accepted.
    pub expires_at: Timestamp,
}

/// Whose session a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOf {
    /// Who signed in (`sub`).
    pub user: Uuid,
    /// The session (`sid`): when it is closed, its tokens are not accepted any more.
    pub session: Uuid,
    /// The one organization that it is good for (`org`), or all that the person belongs to.
    pub organization: Option<Uuid>,
}

/// What an accepted token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClaims {
    /// Who signed in, and in which session.
    pub of: SessionOf,
    /// The token's own id (`jti`).
    pub token_id: Uuid,
    /// When it was issued (`iat`).
    pub issued_at: Timestamp,
    /// When it stops being accepted (`exp`).
    pub expires_at: Timestamp,
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
    /// It was signed with a key that is not accepted (any more), or asks for rules this service does not know (`crit`).
    #[error("the access token was not made with a key that is accepted: sign in again")]
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
    /// It would be accepted for longer than any that is issued here.
    #[error("the access token claims to live until {at}, longer than any does: sign in again")]
    TooLong {
        /// Until when.
        at: Timestamp,
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
    sid: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    org: Option<Uuid>,
    jti: Uuid,
    iat: i64,
    exp: i64,
}

/// What a token must say, each claim once and of the one type that it is issued with. Lists of issuers or audiences
/// are refused here, the JWT library would be content with one of theirs.
#[derive(Deserialize)]
struct ClaimsIn {
    #[serde(rename = "iss")]
    _issuer: String,
    #[serde(rename = "aud")]
    _audience: String,
    sub: Uuid,
    sid: Uuid,
    org: Option<Uuid>,
    jti: Uuid,
    iat: i64,
    exp: i64,
    nbf: Option<i64>,
}

impl TokenService {
    /// How long a token is accepted.
    pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

    /// How far the clock of the replica that issued a token may be ahead.
    pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(1);

    /// A service with these keys.
    #[must_use]
    pub fn new(keys: TokenKeys) -> Self {
        Self { keys }
    }

    /// A token for a session from `now` on; `rng` makes its id.
    ///
    /// # Errors
    /// [`TokenError::Signing`], which a correct build never gives.
    pub fn issue<R: CryptoRng + ?Sized>(
        &self,
        of: SessionOf,
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
            sub: of.user,
            sid: of.session,
            org: of.organization,
            jti: uuid::Builder::from_random_bytes(id).into_uuid(),
            iat,
            exp,
        };
        let key = &self.keys.current;
        let header = Header { kid: Some(key.id.clone()), ..Header::new(key.algorithm) };
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding)
            .map_err(|source| TokenError::Signing { source })?;
        Ok(IssuedToken { token: token.into(), expires_at: time("exp", exp)? })
    }

    /// What `token` says, if it is one of this service and its time is `now`.
    ///
    /// # Errors
    /// [`TokenError`]; to a client all of them are the same 401.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, TokenError> {
        let invalid = |source| TokenError::Invalid { source };
        let header = jsonwebtoken::decode_header(token).map_err(invalid)?;
        let key = header.kid.as_deref().and_then(|id| self.keys.by_id(id));
        let key = key.filter(|_| header.crit.is_none()).ok_or(TokenError::ForeignHeader)?;
        let decoded = jsonwebtoken::decode::<ClaimsIn>(token, &key.decoding, &validation(key))
            .map_err(invalid)?;

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
        let issued_at = time("iat", claims.iat)?;
        if issued_at.duration_since(now) > Self::CLOCK_SKEW {
            return Err(TokenError::NotYetValid { from: issued_at });
        }
        // Revocations are forgotten once no token from before them can live: none may outlive that.
        if expires_at.duration_since(issued_at) > Self::LIFETIME {
            return Err(TokenError::TooLong { at: expires_at });
        }
        Ok(AccessClaims {
            of: SessionOf { user: claims.sub, session: claims.sid, organization: claims.org },
            token_id: claims.jti,
            issued_at,
            expires_at,
        })
    }
}

/// What is fixed about a token of a key.
fn validation(key: &TokenKey) -> Validation {
    let mut validation = Validation::new(key.algorithm);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

fn time(claim: &'static str, seconds: i64) -> Result<Timestamp, TokenError> {
    Timestamp::from_second(seconds).map_err(|source| TokenError::TimeOutOfRange { claim, source })
}

impl fmt::Debug for TokenService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenService").field("keys", &self.keys).finish()
    }
}

#[cfg(test)]
mod tests;
