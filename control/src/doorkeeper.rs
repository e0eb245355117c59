//! Who is asking, and whether they may: for the control plane, and for other services that answer people and
//! programs of an organization.
//!
//! Nothing here needs Postgres: an access token is checked by its signature, an API token and a membership by their
//! aggregates, whose ids follow from the organization in the path and the key, or the user.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use ff_auth::{
    Authorizer as _, Denied, Grant, KeyKind, OwnerAuthorizer, ParsedKey, Permission, Principal,
    PrincipalKind, Role, Scope, TokenRole, TokenService,
};
use ff_commands::{Executable, Executor};
use ff_domain::{
    ApiKey, ApiKeyId, Membership, MembershipId, OrganizationId, OrganizationKey, UserId,
    api_key::{KeyPurpose, TokenRole as GivenRole},
    membership::MemberRole,
};
use ff_eventlog::JetStreamLog;
use jiff::Timestamp;
use uuid::Uuid;

use crate::problem::{Problem, Refusal, code};

/// Recognises callers and says what they may do. Cheap to clone.
#[derive(Clone)]
pub struct Doorkeeper {
    commands: Executor<JetStreamLog>,
    tokens: Arc<TokenService>,
}

/// What a request shows, of a right shape; whether a token is anybody's is not known yet.
pub(crate) enum Credentials {
    User(Uuid),
    Token(ParsedKey),
}

impl Doorkeeper {
    /// A doorkeeper that asks this log, and knows tokens by this service.
    #[must_use]
    pub fn new(commands: Executor<JetStreamLog>, tokens: Arc<TokenService>) -> Self {
        Self { commands, tokens }
    }

    /// Proof that whoever sent these headers may do this in this organization, or the answer that refuses it.
    ///
    /// # Errors
    /// 401 without valid credentials, 403 without the right, 404 for what is another organization's, 503 when the log
    /// cannot be asked.
    pub async fn admit(
        &self,
        headers: &HeaderMap,
        organization: &str,
        permission: Permission,
        scope: impl FnOnce(OrganizationId) -> Option<Scope>,
    ) -> Result<Grant, Problem> {
        let credentials = self.credentials(headers)?;
        let principal = self.principal(credentials, Some(organization)).await?;
        let key = OrganizationKey::parse(organization).map_err(|_| Problem::not_found())?;
        let scope = scope(OrganizationId::of(&key)).ok_or_else(Problem::not_found)?;
        self.allow(&principal, permission, scope).await
    }

    pub(crate) fn credentials(&self, headers: &HeaderMap) -> Result<Credentials, Problem> {
        let bearer = bearer(headers)?;
        match ff_auth::keys::parse(bearer) {
            Ok(key) if key.kind == KeyKind::ApiToken => Ok(Credentials::Token(key)),
            Ok(_) => Err(Problem::new(
                StatusCode::FORBIDDEN,
                code::SDK_KEY,
                "this is an SDK key, which edge and ingest take: sign in here, or use an API token",
            )),
            Err(_) => {
                let claims = self.tokens.verify(bearer, Timestamp::now()).map_err(|error| {
                    tracing::debug!(error = %error, "an access token was refused");
                    invalid("the access token is not valid, or no longer: sign in again")
                })?;
                Ok(Credentials::User(claims.user_id))
            }
        }
    }

    /// Who that is. A program is known only within the organization it asks about.
    pub(crate) async fn principal(
        &self,
        credentials: Credentials,
        organization: Option<&str>,
    ) -> Result<Principal, Problem> {
        match credentials {
            Credentials::User(user) => Ok(Principal::user(user)),
            Credentials::Token(key) => self.token_holder(organization, &key).await,
        }
    }

    async fn token_holder(
        &self,
        organization: Option<&str>,
        key: &ParsedKey,
    ) -> Result<Principal, Problem> {
        let Some(organization) = organization else {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                code::TOKEN_OUTSIDE,
                "an API token belongs to one organization: use it below `/orgs/{org}`",
            ));
        };
        let organization =
            OrganizationKey::parse(organization).map_err(|_| Problem::not_found())?;
        let organization = OrganizationId::of(&organization);
        let id = ApiKeyId::of(organization, key.hash.as_bytes());
        match self.load::<ApiKey>(organization, id).await? {
            ApiKey::Live(state) if state.expires_at.is_none_or(|end| Timestamp::now() < end) => {
                match state.purpose {
                    KeyPurpose::ApiToken { role } => {
                        Ok(Principal::api_token(id.0, organization.0, granted(role)))
                    }
                    KeyPurpose::SdkServer(_) | KeyPurpose::SdkClient(_) => {
                        Err(invalid("the API token is not valid: use one that was issued as such"))
                    }
                }
            }
            ApiKey::Live(_) => Err(invalid("the API token has expired: issue another")),
            ApiKey::Revoked(_) => Err(invalid("the API token was revoked: issue another")),
            // It may well be a token of another organization, for which this one does not exist.
            ApiKey::Absent => Err(Problem::not_found()),
        }
    }

    /// Proof that the principal may do this there, or how to refuse it.
    pub(crate) async fn allow(
        &self,
        principal: &Principal,
        permission: Permission,
        scope: Scope,
    ) -> Result<Grant, Problem> {
        let mut memberships = HashMap::new();
        if let PrincipalKind::User { user_id } = principal.kind {
            let org = OrganizationId(scope.org);
            let id = MembershipId::of(org, UserId(user_id));
            if let Membership::Live(state) = self.load::<Membership>(org, id).await? {
                let role = match state.role {
                    MemberRole::Owner => Role::Owner,
                };
                memberships.insert((user_id, scope.org), role);
            }
        }
        let authorizer = OwnerAuthorizer::new(memberships);
        authorizer.authorize(principal, permission, &scope).map_err(|denied| match denied {
            Denied::NotFound => Problem::not_found(),
            Denied::Forbidden { .. } => {
                Problem::new(StatusCode::FORBIDDEN, code::FORBIDDEN, denied.to_string())
            }
        })
    }

    async fn load<A: Executable<Error: Refusal>>(
        &self,
        org: OrganizationId,
        id: A::Id,
    ) -> Result<A, Problem> {
        let (aggregate, _, _) = self.commands.load::<A>(org, id).await?;
        Ok(aggregate)
    }
}

impl fmt::Debug for Doorkeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorkeeper").finish_non_exhaustive()
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let detail = "sign in with `POST /api/v1/sessions` of the control plane, then send \
                      `Authorization: Bearer …`";
        return Err(challenge(code::NO_CREDENTIALS, detail, "Bearer realm=\"ff\""));
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| invalid("the header must be `Authorization: Bearer …`"))
}

fn granted(role: GivenRole) -> TokenRole {
    match role {
        GivenRole::Admin => TokenRole::Admin,
        GivenRole::Editor => TokenRole::Editor,
        GivenRole::Viewer => TokenRole::Viewer,
    }
}

fn invalid(detail: &str) -> Problem {
    challenge(code::BAD_CREDENTIALS, detail, "Bearer realm=\"ff\", error=\"invalid_token\"")
}

/// Refuses a request for want of credentials.
pub(crate) fn challenge(code: &'static str, detail: &str, challenge: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}
