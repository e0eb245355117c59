//! The way out: to the provider, with everything noted down that the way back is checked against.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use openidconnect::{
    AuthenticationFlow, CsrfToken, Nonce, PkceCodeChallenge, RedirectUrl, Scope,
    core::CoreResponseType,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;

use super::{SingleSignOn, connection::Connection, connections::find, provider::ProviderError};
use crate::{DatabaseError, redacted::shown};

/// How long somebody may take to log in at the provider.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// Bytes of randomness in a state, a nonce and a browser's secret.
const RANDOM: u32 = 32;
const MOST_RETURN_TO: usize = 2048;

/// A login under way.
pub struct Begun {
    /// Where to send the browser.
    pub authorize_url: Url,
    /// What the browser keeps (in an `HttpOnly` cookie, `SameSite=Lax`, for ten minutes) and shows when it comes
    /// back.
    pub browser_secret: SecretString,
}

// The address holds the state and the nonce.
shown!(Begun:);

/// A login cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// No such connection, or it is switched off.
    #[error("nobody can sign in through this connection: ask an administrator of the organization")]
    NoConnection,
    /// People would be sent elsewhere after the login.
    #[error("the address to return to must be a path on this site, such as `/flags`")]
    BadReturnTo,
    /// The address to come back to is not one of this connection alone.
    #[error("the redirect address must be a URL that holds the connection's id in its path")]
    BadRedirect,
    /// The provider cannot be used.
    #[error("the identity provider cannot be used")]
    Provider(#[source] Arc<ProviderError>),
    /// PostgreSQL cannot be reached, or refused.
    #[error("the login cannot be noted down, try again when PostgreSQL is back")]
    Unavailable(#[source] DatabaseError),
}

/// What is kept sealed of a login under way.
#[derive(Serialize, Deserialize)]
pub(super) struct Secrets {
    pub(super) nonce: String,
    pub(super) verifier: String,
}

impl From<sqlx::Error> for BeginError {
    fn from(source: sqlx::Error) -> Self {
        Self::Unavailable(source.into())
    }
}

impl SingleSignOn {
    /// Begins a login. `redirect_uri` is where the provider sends the browser: an address of this connection alone,
    /// with its id in the path. `return_to` is the path on this site where the person was going.
    ///
    /// # Errors
    /// [`BeginError`]: the connection, the addresses, the provider, or PostgreSQL.
    pub async fn begin(
        &self,
        connection: Uuid,
        redirect_uri: &Url,
        return_to: &str,
        now: Timestamp,
    ) -> Result<Begun, BeginError> {
        if !is_local(return_to) {
            return Err(BeginError::BadReturnTo);
        }
        if !redirect_uri.path().contains(&connection.to_string()) {
            return Err(BeginError::BadRedirect);
        }
        let found = find(&self.pool, connection).await?;
        let (connection, _) =
            found.filter(|(found, _)| found.enabled).ok_or(BeginError::NoConnection)?;
        let provider =
            self.providers.get(&connection.issuer, now).await.map_err(BeginError::Provider)?;

        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = provider
            .client(&connection.client_id, None)
            .set_redirect_uri(RedirectUrl::from_url(redirect_uri.clone()));
        let mut request = client
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                || CsrfToken::new_random_len(RANDOM),
                || Nonce::new_random_len(RANDOM),
            )
            .add_scopes(["email", "profile"].map(|name| Scope::new(name.to_owned())))
            .set_pkce_challenge(challenge);
        let groups = Scope::new("groups".to_owned());
        let offered = provider.metadata.scopes_supported();
        if connection.groups_claim.is_some()
            && offered.is_some_and(|offered| offered.contains(&groups))
        {
            request = request.add_scope(groups);
        }
        let (authorize_url, state, nonce) = request.url();

        let secrets =
            Secrets { nonce: nonce.secret().clone(), verifier: verifier.secret().clone() };
        let browser = CsrfToken::new_random_len(RANDOM);
        let login = Login { state: state.secret(), browser: browser.secret(), secrets, return_to };
        self.note(&login, &connection, redirect_uri, now).await?;
        Ok(Begun { authorize_url, browser_secret: browser.into_secret().into() })
    }

    async fn note(
        &self,
        login: &Login<'_>,
        connection: &Connection,
        redirect_uri: &Url,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        // Those who never came back.
        sqlx::query("DELETE FROM identity.sign_ins WHERE expires_at <= $1")
            .bind(now.to_sqlx())
            .execute(&self.pool)
            .await?;
        let state_hash = hash(login.state);
        let secrets = serde_json::to_vec(&login.secrets).expect("two texts are JSON");
        sqlx::query(
            "INSERT INTO identity.sign_ins \
             (state_hash, connection, version, browser_hash, secrets, redirect_uri, return_to, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(state_hash)
        .bind(connection.id)
        .bind(connection.version)
        .bind(hash(login.browser))
        .bind(self.sealer.seal(&secrets, &state_hash))
        .bind(redirect_uri.as_str())
        .bind(login.return_to)
        .bind((now + PATIENCE).to_sqlx())
        .execute(&self.pool)
        .await
        .map(drop)
    }
}

struct Login<'a> {
    state: &'a str,
    browser: &'a str,
    secrets: Secrets,
    return_to: &'a str,
}

pub(super) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// A path on this site, in the eyes of a browser too: `//host` and `/\host` are other sites.
fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(['\\', '\0'])
        && !path.contains(|c: char| c.is_control())
        && path.len() <= MOST_RETURN_TO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_returns_to_this_site_alone() {
        for path in ["/", "/flags?x=1#y", "/a//b"] {
            assert!(is_local(path), "{path}");
        }
        let long = format!("/{}", "x".repeat(MOST_RETURN_TO));
        for path in [
            "",
            "flags",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/x",
            &long,
        ] {
            assert!(!is_local(path), "{path}");
        }
    }
}
