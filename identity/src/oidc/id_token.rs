//! Whether an ID token is good: signed by the provider, for this client, for this login, and now (OpenID Connect
//! Core, 3.1.3.7).

use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, ClientId, IdTokenClaims,
    IdTokenVerifier, Nonce, SignatureVerificationError, core::CoreGenderClaim,
    core::CoreJsonWebKey,
};

use super::provider::{ALGORITHMS, MoreClaims, Provider, Token};

/// How far the clocks may be apart.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);
/// What a subject has at most (OpenID Connect Core, 2).
const MOST_SUBJECT: usize = 255;
/// Tells the two errors about time apart, for which the library has one.
const IN_FUTURE: &str = "issued in the future";

/// An ID token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Nobody signed it.
    #[error("the ID token is not signed")]
    Unsigned,
    /// It is signed in a way that others could have.
    #[error("the ID token is signed with an algorithm that is not accepted")]
    Algorithm,
    /// With a key the provider does not publish.
    #[error("the ID token is signed with a key that the provider does not publish")]
    UnknownKey,
    /// The signature is not of the key it names.
    #[error("the signature of the ID token is wrong")]
    Signature,
    /// Somebody else made it.
    #[error("the ID token is of another issuer")]
    Issuer,
    /// It was made for another client, or for others as well.
    #[error("the ID token is meant for another client: check the client id")]
    Audience,
    /// Its time is over.
    #[error("the ID token has expired: check the clocks")]
    Expired,
    /// Its time has not come.
    #[error("the ID token is from the future: check the clocks")]
    FromTheFuture,
    /// It is of another login.
    #[error("the ID token belongs to another login")]
    Nonce,
    /// The access token beside it is of another login.
    #[error("the access token does not belong to the ID token")]
    AccessToken,
    /// It names nobody.
    #[error("the ID token must name its subject with 1 to {MOST_SUBJECT} characters")]
    Subject,
    /// It has parts that are not understood, or misses some.
    #[error("the ID token has a form that is not understood")]
    Form,
}

impl IdTokenError {
    /// Whether it might be accepted with newer keys.
    pub(super) fn is_about_keys(self) -> bool {
        matches!(self, Self::UnknownKey | Self::Signature)
    }
}

/// The claims of a token that is good.
pub(super) fn verify<'a>(
    token: &'a Token,
    access_token: &AccessToken,
    provider: &Provider,
    client_id: &str,
    nonce: &Nonce,
    now: Timestamp,
) -> Result<&'a IdTokenClaims<MoreClaims, CoreGenderClaim>, IdTokenError> {
    let client = ClientId::new(client_id.to_owned());
    // As a public client, so that no signature with the client secret counts.
    let verifier: IdTokenVerifier<'_, CoreJsonWebKey> = IdTokenVerifier::new_public_client(
        client.clone(),
        provider.metadata.issuer().clone(),
        provider.metadata.jwks().clone(),
    )
    .set_allowed_algs(ALGORITHMS)
    .set_time_fn(move || SystemTime::from(now - LEEWAY).into())
    .set_issue_time_verifier_fn(move |issued| {
        let latest = SystemTime::from(now + LEEWAY);
        if SystemTime::from(issued) <= latest { Ok(()) } else { Err(IN_FUTURE.to_owned()) }
    });
    let claims = token.claims(&verifier, nonce).map_err(explain)?;
    if claims.authorized_party().is_some_and(|party| *party != client) {
        return Err(IdTokenError::Audience);
    }
    if let Some(expected) = claims.access_token_hash() {
        let of = |algorithm, key| AccessTokenHash::from_token(access_token, algorithm, key).ok();
        let algorithm = token.signing_alg().ok();
        let key = token.signing_key(&verifier).ok();
        if algorithm.zip(key).and_then(|(algorithm, key)| of(algorithm, key)).as_ref()
            != Some(expected)
        {
            return Err(IdTokenError::AccessToken);
        }
    }
    if !(1..=MOST_SUBJECT).contains(&claims.subject().len()) {
        return Err(IdTokenError::Subject);
    }
    Ok(claims)
}

fn explain(error: ClaimsVerificationError) -> IdTokenError {
    use SignatureVerificationError as Signature;
    match error {
        ClaimsVerificationError::Expired(text) if text == IN_FUTURE => IdTokenError::FromTheFuture,
        ClaimsVerificationError::Expired(_) => IdTokenError::Expired,
        ClaimsVerificationError::InvalidAudience(_) => IdTokenError::Audience,
        ClaimsVerificationError::InvalidIssuer(_) => IdTokenError::Issuer,
        ClaimsVerificationError::InvalidNonce(_) => IdTokenError::Nonce,
        ClaimsVerificationError::SignatureVerification(error) => match error {
            Signature::NoSignature => IdTokenError::Unsigned,
            Signature::DisallowedAlg(_) | Signature::UnsupportedAlg(_) => IdTokenError::Algorithm,
            Signature::NoMatchingKey | Signature::AmbiguousKeyId(_) => IdTokenError::UnknownKey,
            _ => IdTokenError::Signature,
        },
        _ => IdTokenError::Form,
    }
}
