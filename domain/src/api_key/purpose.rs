//! What a key lets in to.

use serde::{Deserialize, Serialize};

use crate::{
    EnvironmentId, EnvironmentKey, OrganizationId, ProjectId, ProjectKey, ServiceAccountKey, UserId,
};

/// What a key lets in to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum KeyPurpose {
    /// An SDK on a server: sees every flag of one environment.
    SdkServer(EnvironmentScope),
    /// An SDK in a browser or app: sees only flags marked for clients, and never a rule.
    SdkClient(EnvironmentScope),
    /// A program that uses the control plane, on behalf of the organization.
    ApiToken(TokenScope),
    /// A program that uses the control plane on behalf of a person, and never may more than they may.
    PersonalToken {
        /// The person.
        owner: UserId,
        /// What it may do of what they may.
        scopes: Vec<TokenScope>,
    },
    /// A program that uses the control plane as a service account, and may what that may.
    ServiceAccount {
        /// The account.
        account: ServiceAccountKey,
    },
}

/// What a token may do, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TokenScope {
    /// What it may do there.
    pub role: TokenRole,
    /// Only in this project; absent means everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectKey>,
    /// Only in this environment of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentKey>,
}

/// One environment of one project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnvironmentScope {
    /// The project.
    pub project: ProjectKey,
    /// The environment.
    pub environment: EnvironmentKey,
}

/// What a program may do at the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenRole {
    /// Everything.
    Admin,
    /// Change flags and segments.
    Editor,
    /// Look.
    Viewer,
}

impl KeyPurpose {
    /// The environment an SDK's key is for.
    pub fn environment(&self) -> Option<&EnvironmentScope> {
        match self {
            Self::SdkServer(scope) | Self::SdkClient(scope) => Some(scope),
            Self::ApiToken(_) | Self::PersonalToken { .. } | Self::ServiceAccount { .. } => None,
        }
    }

    /// What a token of it is limited to. A service account's is by the account's roles alone.
    pub fn scopes(&self) -> &[TokenScope] {
        match self {
            Self::ApiToken(scope) => std::slice::from_ref(scope),
            Self::PersonalToken { scopes, .. } => scopes,
            Self::SdkServer(_) | Self::SdkClient(_) | Self::ServiceAccount { .. } => &[],
        }
    }

    /// Whether a program uses the control plane with it.
    pub fn is_token(&self) -> bool {
        self.environment().is_none()
    }

    /// Where it is issued: the environment or project it is for, or the organization.
    pub fn place(
        &self,
        organization: OrganizationId,
    ) -> (Option<ProjectId>, Option<EnvironmentId>) {
        match self {
            Self::SdkServer(scope) | Self::SdkClient(scope) => {
                let project = scope.project_id(organization);
                (Some(project), Some(EnvironmentId::of(project, &scope.environment)))
            }
            Self::ApiToken(scope) => scope.place(organization),
            Self::PersonalToken { .. } | Self::ServiceAccount { .. } => (None, None),
        }
    }
}

impl TokenScope {
    /// A role in the whole organization.
    pub fn everywhere(role: TokenRole) -> Self {
        Self { role, project: None, environment: None }
    }

    /// The project, and the environment in it, that it is for.
    pub fn place(
        &self,
        organization: OrganizationId,
    ) -> (Option<ProjectId>, Option<EnvironmentId>) {
        let Some(project) = &self.project else { return (None, None) };
        let project = ProjectId::of(organization, project);
        (Some(project), self.environment.as_ref().map(|key| EnvironmentId::of(project, key)))
    }
}

impl EnvironmentScope {
    /// The project's id.
    pub fn project_id(&self, organization: OrganizationId) -> ProjectId {
        ProjectId::of(organization, &self.project)
    }
}

/// Most scopes of one token.
pub const SCOPES_MAX: usize = 50;
