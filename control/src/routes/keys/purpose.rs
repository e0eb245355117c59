//! What a new key is for, as callers say it. Whose a personal token is they do not say: it is theirs.

use axum::http::StatusCode;
use ff_auth::{KeyKind, PrincipalKind};
use ff_domain::{
    ServiceAccountKey, UserId,
    api_key::{EnvironmentScope, KeyPurpose, TokenScope},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::middleware::Caller;
use crate::problem::{Problem, code};

/// The names of the purposes.
pub(super) const KINDS: [&str; 5] =
    ["sdk_server", "sdk_client", "api_token", "personal_token", "service_account"];

/// What a new key lets in to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum NewPurpose {
    /// An SDK on a server: sees every flag of one environment.
    SdkServer(EnvironmentScope),
    /// An SDK in a browser or app: sees only flags marked for clients, and never a rule.
    SdkClient(EnvironmentScope),
    /// A program that uses the control plane, on behalf of the organization.
    ApiToken(TokenScope),
    /// A program that uses the control plane on your behalf, and never may more than you may.
    PersonalToken {
        /// What it may do of what you may.
        scopes: Vec<TokenScope>,
    },
    /// A program that uses the control plane as a service account, and may what that may.
    ServiceAccount {
        /// The account.
        account: ServiceAccountKey,
    },
}

impl NewPurpose {
    /// The purpose of a key that this caller issues.
    pub(super) fn of(self, caller: &Caller) -> Result<KeyPurpose, Problem> {
        Ok(match self {
            Self::SdkServer(scope) => KeyPurpose::SdkServer(scope),
            Self::SdkClient(scope) => KeyPurpose::SdkClient(scope),
            Self::ApiToken(scope) => KeyPurpose::ApiToken(scope),
            Self::ServiceAccount { account } => KeyPurpose::ServiceAccount { account },
            Self::PersonalToken { scopes } => {
                let PrincipalKind::User { user_id } = caller.principal.kind else {
                    let detail = "a personal token is issued by the person whose it is: sign in";
                    return Err(Problem::new(StatusCode::FORBIDDEN, code::TOO_MUCH, detail));
                };
                KeyPurpose::PersonalToken { owner: UserId(user_id), scopes }
            }
        })
    }
}

/// The kind of key for a purpose.
pub(super) fn kind(purpose: &KeyPurpose) -> KeyKind {
    match purpose {
        KeyPurpose::SdkServer(_) => KeyKind::SdkServer,
        KeyPurpose::SdkClient(_) => KeyKind::SdkClient,
        KeyPurpose::ApiToken(_)
        | KeyPurpose::PersonalToken { .. }
        | KeyPurpose::ServiceAccount { .. } => KeyKind::ApiToken,
    }
}
