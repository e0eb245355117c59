//! The way back: from the provider, with a code, to somebody it vouches for.

use std::sync::Arc;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use openidconnect::{
    AccessToken, AuthorizationCode, Nonce, OAuth2TokenResponse as _, PkceCodeVerifier, RedirectUrl,
    RequestTokenError, TokenResponse as _, UserInfoClaims, UserInfoError, core::CoreGenderClaim,
};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::Row as _;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::{
    SingleSignOn,
    begin::{Secrets, hash},
    claims::{External, Said},
    connection::Connection,
    connections::find,
    id_token::{IdTokenError, verify},
    outbound::OutboundError,
    provider::{MoreClaims, Provider, ProviderClient, ProviderError, Tokens},
    seal::SealError,
};
use crate::DatabaseError;

/// With what a browser comes back.
#[derive(Debug)]
pub struct Callback {
    /// The connection whose address it came back to.
    pub connection: Uuid,
    /// `state`.
    pub state: SecretString,
    /// `code`.
    pub code: Option<SecretString>,
    /// `error`.
    pub error: Option<String>,
    /// `iss`.
    pub issuer: Option<String>,
    /// What it kept since the login began.
    pub browser_secret: SecretString,
}

/// A login is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// Nothing with this state began here, or it was finished before.
    #[error("this login is unknown or was used before: sign in again")]
    UnknownState,
    /// It took too long.
    #[error("this login took too long: sign in again")]
    StateExpired,
    /// Another browser began it.
    #[error("this login was begun in another browser: sign in again")]
    OtherBrowser,
    /// It came back to the address of another connection than it was begun for.
    #[error(
        "this login came back from another identity provider than it was begun for: sign in again"
    )]
    OtherConnection,
    /// The connection is switched off.
    #[error(
        "nobody can sign in through this connection any more: ask an administrator of the organization"
    )]
    Disabled,
    /// The connection is not what it was when the login began.
    #[error("the connection was changed meanwhile: sign in again")]
    ConnectionChanged,
    /// The callback is of another provider, or does not say of which.
    #[error("the answer is of another identity provider: sign in again")]
    OtherIssuer,
    /// The provider let the person not in, or the person did not want to.
    #[error("the identity provider refused the login ({code})")]
    Refused {
        /// Its error code, such as `access_denied`.
        code: String,
    },
    /// The callback has neither code nor error.
    #[error("the identity provider sent no code: sign in again")]
    NoCode,
    /// The provider cannot be used.
    #[error("the identity provider cannot be used")]
    Provider(#[source] Arc<ProviderError>),
    /// The provider does not redeem the code.
    #[error(
        "the identity provider refused the code ({code}): sign in again, and check the client secret if that does not help"
    )]
    CodeRefused {
        /// Its error code, such as `invalid_grant`.
        code: String,
    },
    /// The provider gave no answer to the code.
    #[error("the identity provider did not answer")]
    NoAnswer(#[source] OutboundError),
    /// What it answered to the code is not understood.
    #[error("the identity provider's answer to the code is not understood")]
    BadAnswer,
    /// There is no ID token in the answer.
    #[error("the identity provider sent no ID token: it must support OpenID Connect")]
    NoIdToken,
    /// The ID token is not accepted.
    #[error("the ID token is not accepted")]
    IdToken(#[source] IdTokenError),
    /// The userinfo endpoint says nothing, or speaks of somebody else.
    #[error("the identity provider's userinfo endpoint does not say who this is")]
    UserInfo,
    /// The provider does not tell the groups but where they can be asked for.
    #[error(
        "this person has more groups than fit into a token: have the provider send only those that matter here"
    )]
    GroupsElsewhere,
    /// The connection demands an e-mail.
    #[error(
        "this connection needs an e-mail that the identity provider has verified, of a domain of the organization"
    )]
    EmailRequired,
    /// A stored secret cannot be opened.
    #[error(transparent)]
    Sealed(SealError),
    /// PostgreSQL cannot be reached, or refused.
    #[error("the login cannot be looked up, try again when PostgreSQL is back")]
    Unavailable(#[source] DatabaseError),
}

/// A login as it was noted down, taken out for good.
struct Taken {
    connection: Connection,
    client_secret: SecretString,
    secrets: Secrets,
    redirect_uri: RedirectUrl,
    return_to: String,
}

impl From<sqlx::Error> for FinishError {
    fn from(source: sqlx::Error) -> Self {
        Self::Unavailable(source.into())
    }
}

impl SingleSignOn {
    /// Finishes the login a browser came back with. Whatever comes of it, the same login cannot be finished again.
    ///
    /// # Errors
    /// [`FinishError`], a variant for each cause.
    pub async fn finish(
        &self,
        callback: Callback,
        now: Timestamp,
    ) -> Result<External, FinishError> {
        let taken = self.take(&callback, now).await?;
        let connection = &taken.connection;
        if callback.issuer.as_ref().is_some_and(|issuer| *issuer != connection.issuer) {
            return Err(FinishError::OtherIssuer);
        }
        let provider =
            self.providers.get(&connection.issuer, now).await.map_err(FinishError::Provider)?;
        let speaks_up =
            provider.metadata.additional_metadata().authorization_response_iss_parameter_supported;
        if speaks_up && callback.issuer.is_none() {
            return Err(FinishError::OtherIssuer);
        }
        if let Some(error) = callback.error {
            return Err(FinishError::Refused { code: error_code(&error) });
        }
        let code = callback.code.ok_or(FinishError::NoCode)?;

        let client = provider.client(&connection.client_id, Some(&taken.client_secret));
        let tokens = self.redeem(&client, &code, &taken).await?;
        let nonce = Nonce::new(taken.secrets.nonce);
        let (subject, said) = self.verified(&tokens, provider, connection, &nonce, now).await?;
        let said = match client.user_info_url() {
            Some(_) if said.is_thin(connection) => {
                let more = self.user_info(&client, tokens.access_token().clone(), &subject).await?;
                said.or(more)
            }
            _ => said,
        };
        let external = said
            .external(subject, connection, taken.return_to)
            .map_err(|_| FinishError::GroupsElsewhere)?;
        if connection.require_email && external.email.is_none() {
            return Err(FinishError::EmailRequired);
        }
        Ok(external)
    }

    /// Takes the login out of the database and checks that it is the browser's and the connection's.
    async fn take(&self, callback: &Callback, now: Timestamp) -> Result<Taken, FinishError> {
        let state_hash = hash(callback.state.expose_secret());
        let row = sqlx::query(
            "DELETE FROM identity.sign_ins WHERE state_hash = $1 RETURNING connection, version, browser_hash, \
             secrets, redirect_uri, return_to, expires_at <= $2 AS expired",
        )
        .bind(state_hash)
        .bind(now.to_sqlx())
        .fetch_optional(&self.pool)
        .await?
        .ok_or(FinishError::UnknownState)?;

        let browser_hash: Vec<u8> = row.try_get("browser_hash")?;
        let shown = hash(callback.browser_secret.expose_secret());
        if !bool::from(browser_hash.as_slice().ct_eq(&shown)) {
            return Err(FinishError::OtherBrowser);
        }
        if row.try_get("expired")? {
            return Err(FinishError::StateExpired);
        }
        let id: Uuid = row.try_get("connection")?;
        if id != callback.connection {
            return Err(FinishError::OtherConnection);
        }
        let found = find(&self.pool, id).await?;
        // Deleted between the two statements.
        let (connection, sealed) = found.ok_or(FinishError::UnknownState)?;
        if !connection.enabled {
            return Err(FinishError::Disabled);
        }
        if connection.version != row.try_get::<i64, _>("version")? {
            return Err(FinishError::ConnectionChanged);
        }
        let secrets: Vec<u8> = row.try_get("secrets")?;
        let secrets = self.sealer.open(&secrets, &state_hash).map_err(FinishError::Sealed)?;
        let redirect_uri: String = row.try_get("redirect_uri")?;
        Ok(Taken {
            client_secret: self.client_secret(&connection, &sealed).map_err(FinishError::Sealed)?,
            connection,
            secrets: serde_json::from_slice(&secrets).expect("only secrets are sealed for a state"),
            redirect_uri: RedirectUrl::new(redirect_uri).expect("it was a URL when it was stored"),
            return_to: row.try_get("return_to")?,
        })
    }

    async fn redeem(
        &self,
        client: &ProviderClient,
        code: &SecretString,
        taken: &Taken,
    ) -> Result<Tokens, FinishError> {
        let client = client.clone().set_redirect_uri(taken.redirect_uri.clone());
        let request = client
            .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
            .expect("a provider without a token endpoint is refused when it is discovered")
            .set_pkce_verifier(PkceCodeVerifier::new(taken.secrets.verifier.clone()));
        request.request_async(&self.outbound).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(refusal) => {
                FinishError::CodeRefused { code: error_code(refusal.error().as_ref()) }
            }
            RequestTokenError::Request(error) => FinishError::NoAnswer(error),
            // The rest may hold tokens.
            _ => FinishError::BadAnswer,
        })
    }

    /// Checks the ID token, with newer keys if it is signed with one that is not known.
    async fn verified(
        &self,
        tokens: &Tokens,
        provider: Arc<Provider>,
        connection: &Connection,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Result<(String, Said), FinishError> {
        let token = tokens.id_token().ok_or(FinishError::NoIdToken)?;
        let with = |provider: &Provider| {
            verify(token, tokens.access_token(), provider, &connection.client_id, nonce, now)
                .map(|claims| (claims.subject().to_string(), Said::from(claims)))
        };
        let error = match with(&provider) {
            Ok(verified) => return Ok(verified),
            Err(error) => error,
        };
        if error.is_about_keys() {
            let newer = self.providers.newer(&connection.issuer, &provider, now).await;
            if let Some(newer) = newer.map_err(FinishError::Provider)? {
                return with(&newer).map_err(FinishError::IdToken);
            }
        }
        Err(FinishError::IdToken(error))
    }

    /// What the userinfo endpoint says of `subject`.
    async fn user_info(
        &self,
        client: &ProviderClient,
        access_token: AccessToken,
        subject: &str,
    ) -> Result<Said, FinishError> {
        let subject = openidconnect::SubjectIdentifier::new(subject.to_owned());
        let request =
            client.user_info(access_token, Some(subject)).map_err(|_| FinishError::UserInfo)?;
        let claims: UserInfoClaims<MoreClaims, CoreGenderClaim> =
            request.request_async(&self.outbound).await.map_err(|error| match error {
                UserInfoError::Request(error) => FinishError::NoAnswer(error),
                // The rest may hold names.
                _ => FinishError::UserInfo,
            })?;
        Ok(Said::from(&claims))
    }
}

/// An error code as standards write them; anything else a provider may put there is not repeated.
fn error_code(given: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    if (1..=64).contains(&given.len()) && given.chars().all(plain) {
        given.to_owned()
    } else {
        "unknown".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_error_code_is_not_repeated() {
        assert_eq!(error_code("access_denied"), "access_denied");
        for odd in ["", "ada@example.com", "<script>", "Ada", &"x".repeat(65)] {
            assert_eq!(error_code(odd), "unknown");
        }
    }
}
