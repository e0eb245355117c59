//! A key: what a program shows to be let in. Only its hash is known here.

mod purpose;

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ApiKeyId, Decision, OrganizationId, Problem, ServiceAccountId, UserId, aggregate, problem,
    text::check_name,
};
pub use purpose::{EnvironmentScope, KeyPurpose, SCOPES_MAX, TokenRole, TokenScope};

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
    /// The key that it was issued in place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaces>,
    /// The key that was issued in place of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<ApiKeyId>,
}

/// A key that another takes the place of. Both let in until the change has reached every program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Replaces {
    /// The earlier key.
    pub key: ApiKeyId,
    /// When it stops letting in, unless it would have before.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub until: Timestamp,
}

impl ApiKeyState {
    /// Whether it is a token of this person.
    pub fn is_of(&self, person: UserId) -> bool {
        matches!(self.purpose, KeyPurpose::PersonalToken { owner, .. } if owner == person)
    }

    /// The service account that its holder acts as.
    pub fn service_account(&self) -> Option<ServiceAccountId> {
        match &self.purpose {
            KeyPurpose::ServiceAccount { account } => {
                Some(ServiceAccountId::of(self.organization, account))
            }
            _ => None,
        }
    }

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
    /// Note that another was issued in this one's place.
    Replace {
        /// The other.
        by: ApiKeyId,
        /// What the other lets in to.
        purpose: KeyPurpose,
        /// When this one stops letting in.
        until: Timestamp,
    },
    /// Let nobody in with it from now on.
    Revoke,
    /// Let nobody in with this person's token from now on, at the wish of that person.
    RevokeOwn(UserId),
}

/// What a key's decisions depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyFacts {
    /// When the command is decided.
    pub now: Timestamp,
    /// Where the command names a project, an environment or a service account that does not exist or is archived:
    /// pointers into the purpose.
    pub missing: Vec<String>,
}

/// What happened to a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ApiKeyEvent {
    /// It was made.
    #[serde(rename = "api_key.issued")]
    Issued(ApiKeyState),
    /// Another was issued in its place.
    #[serde(rename = "api_key.replaced")]
    Replaced {
        /// The other.
        by: ApiKeyId,
        /// When this one stops letting in.
        expires_at: Timestamp,
    },
    /// It lets nobody in any more.
    #[serde(rename = "api_key.revoked")]
    Revoked {},
}

impl DomainEvent for ApiKeyEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Issued(_) => "api_key.issued",
            Self::Replaced { .. } => "api_key.replaced",
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
    /// Another has been issued in its place already.
    #[error("the key was rotated before: rotate the one in its place, or issue another")]
    Rotated,
    /// It lets nobody in any more, so nothing can stand in its place.
    #[error("the key is revoked or has expired: issue a new one")]
    Over,
}

impl ApiKeyError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1130",
            Self::AlreadyIssued => "FF-1131",
            Self::Invalid(_) => "FF-1132",
            Self::Over => "FF-1133",
            Self::Rotated => "FF-1134",
        }
    }
}

impl Decision for ApiKey {
    fn decide(
        &self,
        command: ApiKeyCommand,
        facts: &ApiKeyFacts,
    ) -> Result<Vec<ApiKeyEvent>, ApiKeyError> {
        use ApiKeyCommand as Command;
        match (self, command) {
            (Self::Absent, Command::Issue(key)) => {
                check(&key, facts)?;
                // An end that has passed while the command was on its way is now.
                let end = |old: Replaces| Replaces { until: old.until.max(facts.now), ..old };
                let replaces = key.replaces.map(end);
                Ok(vec![ApiKeyEvent::Issued(ApiKeyState { replaces, replaced_by: None, ..key })])
            }
            (Self::Absent, Command::Replace { .. } | Command::Revoke | Command::RevokeOwn(_)) => {
                Err(ApiKeyError::NotFound)
            }
            (_, Command::Issue(_)) => Err(ApiKeyError::AlreadyIssued),
            (Self::Live(key), Command::Replace { by, purpose, until }) => {
                if key.expires_at.is_some_and(|end| end <= facts.now) {
                    return Err(ApiKeyError::Over);
                }
                if key.purpose != purpose {
                    return Err(ApiKeyError::NotFound);
                }
                if key.replaced_by.is_some() {
                    return Err(ApiKeyError::Rotated);
                }
                let expires_at = key.expires_at.map_or(until, |end| end.min(until));
                Ok(vec![ApiKeyEvent::Replaced { by, expires_at }])
            }
            (Self::Live(_), Command::Revoke) => Ok(vec![ApiKeyEvent::Revoked {}]),
            (Self::Live(key), Command::RevokeOwn(person)) if key.is_of(person) => {
                Ok(vec![ApiKeyEvent::Revoked {}])
            }
            (Self::Revoked(_), Command::Replace { .. }) => Err(ApiKeyError::Over),
            (Self::Revoked(_), Command::Revoke) => Ok(Vec::new()),
            (Self::Revoked(key), Command::RevokeOwn(person)) if key.is_of(person) => Ok(Vec::new()),
            (Self::Live(_) | Self::Revoked(_), Command::RevokeOwn(_)) => Err(ApiKeyError::NotFound),
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
    if matches!(&key.purpose, KeyPurpose::PersonalToken { scopes, .. } if scopes.is_empty()) {
        problems.push(Problem::at(
            "/purpose/scopes",
            "say what it may do, such as `[{\"role\":\"viewer\"}]`",
        ));
    }
    if key.purpose.scopes().len() > SCOPES_MAX {
        problems.push(Problem::at("/purpose/scopes", format!("at most {SCOPES_MAX} scopes")));
    }
    for scope in key.purpose.scopes() {
        if scope.environment.is_some() && scope.project.is_none() {
            problems.push(Problem::at("/purpose", "an environment is named with its project"));
        }
    }
    problems.extend(facts.missing.iter().map(|pointer| {
        Problem::at(format!("/purpose{pointer}"), "there is no such thing, or it is archived")
    }));
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
            (Self::Live(state), ApiKeyEvent::Replaced { by, expires_at }) => {
                let (expires_at, replaced_by) = (Some(expires_at), Some(by));
                Self::Live(ApiKeyState { expires_at, replaced_by, ..state })
            }
            (Self::Live(state), ApiKeyEvent::Revoked {}) => Self::Revoked(state),
            (unchanged, _) => unchanged,
        };
    }
}
