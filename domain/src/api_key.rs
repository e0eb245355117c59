//! A key: what a program shows to be let in. Only its hash is known here.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ApiKeyId, Decision, EnvironmentKey, OrganizationId, Problem, ProjectId, ProjectKey, aggregate,
    problem, text::check_name,
};

/// A key's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum ApiKey {
    /// Not issued yet.
    #[default]
    Absent,
    /// Lets in, until it expires.
    Live(ApiKeyState),
    /// Lets nobody in, ever again.
    Revoked(ApiKeyState),
}

/// What a key is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiKeyState {
    /// The organization it belongs to.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// SHA-256 of the whole key, hex.
    #[cfg_attr(feature = "openapi", schema(ignore))]
    pub hash: String,
    /// Its first characters, to tell it from others.
    pub prefix: String,
    /// When it stops letting in; absent means never.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
}

/// What a key lets in to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum KeyPurpose {
    /// An SDK on a server: sees every flag of one environment.
    SdkServer(EnvironmentScope),
    /// An SDK in a browser or app: sees only flags marked for clients, and never a rule.
    SdkClient(EnvironmentScope),
    /// A program that uses the control plane.
    ApiToken {
        /// What it may do there.
        role: TokenRole,
    },
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
            Self::ApiToken { .. } => None,
        }
    }
}

impl EnvironmentScope {
    /// The project's id.
    pub fn project_id(&self, organization: OrganizationId) -> ProjectId {
        ProjectId::of(organization, &self.project)
    }
}

impl ApiKeyState {
    /// Its id.
    pub fn id(&self) -> Option<ApiKeyId> {
        let mut hash = [0; 32];
        hex::decode_to_slice(&self.hash, &mut hash).ok()?;
        Some(ApiKeyId::of(self.organization, &hash))
    }
}

/// What can be asked of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum ApiKeyCommand {
    /// Make it.
    Issue(ApiKeyState),
    /// Let nobody in with it from now on.
    Revoke,
}

/// What a key's decisions depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiKeyFacts {
    /// When the command is decided.
    pub now: Timestamp,
    /// Whether the environment it is for exists; true for keys that are for none.
    pub environment_exists: bool,
}

/// What happened to a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ApiKeyEvent {
    /// It was made.
    #[serde(rename = "api_key.issued")]
    Issued(ApiKeyState),
    /// It lets nobody in any more.
    #[serde(rename = "api_key.revoked")]
    Revoked {},
}

impl DomainEvent for ApiKeyEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Issued(_) => "api_key.issued",
            Self::Revoked {} => "api_key.revoked",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why a key's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApiKeyError {
    /// There is no such key.
    #[error("there is no such key")]
    NotFound,
    /// A key with this hash exists.
    #[error("this key was issued before")]
    AlreadyIssued,
    /// Something in the command is wrong.
    #[error("{}", problem::summary(.0))]
    Invalid(Vec<Problem>),
}

impl ApiKeyError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1130",
            Self::AlreadyIssued => "FF-1131",
            Self::Invalid(_) => "FF-1132",
        }
    }
}

impl Decision for ApiKey {
    fn decide(
        &self,
        command: ApiKeyCommand,
        facts: &ApiKeyFacts,
    ) -> Result<Vec<ApiKeyEvent>, ApiKeyError> {
        match (self, command) {
            (Self::Absent, ApiKeyCommand::Issue(key)) => {
                check(&key, facts)?;
                Ok(vec![ApiKeyEvent::Issued(key)])
            }
            (Self::Absent, ApiKeyCommand::Revoke) => Err(ApiKeyError::NotFound),
            (_, ApiKeyCommand::Issue(_)) => Err(ApiKeyError::AlreadyIssued),
            (Self::Live(_), ApiKeyCommand::Revoke) => Ok(vec![ApiKeyEvent::Revoked {}]),
            (Self::Revoked(_), ApiKeyCommand::Revoke) => Ok(Vec::new()),
        }
    }
}

fn check(key: &ApiKeyState, facts: &ApiKeyFacts) -> Result<(), ApiKeyError> {
    let mut problems = Vec::new();
    check_name("/name", &key.name, &mut problems);
    if key.id().is_none() {
        problems.push(Problem::at("/hash", "a hash is 64 hexadecimal characters"));
    }
    if key.expires_at.is_some_and(|at| at <= facts.now) {
        problems.push(Problem::at("/expires_at", "a key expires in the future"));
    }
    if !facts.environment_exists {
        problems.push(Problem::at(
            "/purpose/environment",
            "there is no such environment, or it is archived",
        ));
    }
    if problems.is_empty() { Ok(()) } else { Err(ApiKeyError::Invalid(problems)) }
}

impl Aggregate for ApiKey {
    const TYPE: &'static str = "api_key";
    type Command = ApiKeyCommand;
    type Event = ApiKeyEvent;
    type Error = ApiKeyError;
    type Services = ApiKeyFacts;

    async fn handle(
        &mut self,
        command: ApiKeyCommand,
        facts: &ApiKeyFacts,
        sink: &EventSink<Self>,
    ) -> Result<(), ApiKeyError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: ApiKeyEvent) {
        *self = match (std::mem::take(self), event) {
            (Self::Absent, ApiKeyEvent::Issued(state)) => Self::Live(state),
            (Self::Live(state), ApiKeyEvent::Revoked {}) => Self::Revoked(state),
            (unchanged, _) => unchanged,
        };
    }
}
