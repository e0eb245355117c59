//! An environment: a stage of deployment, with its own targeting, keys and config.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Decision, EnvironmentId, EnvironmentKey, Problem, ProjectId, aggregate, problem,
    text::check_name,
};

/// An environment's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Environment {
    /// Not created yet.
    #[default]
    Absent,
    /// In use.
    Live(EnvironmentState),
    /// Kept, but without keys and config at the edges, until it is restored.
    Archived(EnvironmentState),
}

/// What an environment is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EnvironmentState {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its key, unique in the project.
    pub key: EnvironmentKey,
    /// What people call it.
    pub name: String,
    /// Whether changes here touch real users, so that tools ask twice.
    pub production: bool,
    /// 32 hex characters; first part of every bucketing input. Never changes.
    pub salt: String,
}

impl EnvironmentState {
    /// Its id.
    pub fn id(&self) -> EnvironmentId {
        EnvironmentId::of(self.project, &self.key)
    }
}

impl Environment {
    /// What it is, archived or not.
    pub fn state(&self) -> Option<&EnvironmentState> {
        match self {
            Self::Absent => None,
            Self::Live(state) | Self::Archived(state) => Some(state),
        }
    }
}

/// What can be asked of an environment.
#[derive(Debug, Clone, PartialEq)]
pub enum EnvironmentCommand {
    /// Make it.
    Create {
        /// The project it belongs to.
        project: ProjectId,
        /// Its key.
        key: EnvironmentKey,
        /// What people call it.
        name: String,
        /// Whether changes here touch real users.
        production: bool,
        /// 32 hex characters of randomness.
        salt: String,
    },
    /// Change name or stage; what is absent stays.
    ChangeDetails {
        /// The new name.
        name: Option<String>,
        /// Whether changes here touch real users.
        production: Option<bool>,
    },
    /// Put it away: its keys stop working.
    Archive,
    /// Take it back, as it was.
    Restore,
}

/// What happened to an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum EnvironmentEvent {
    /// It was made.
    #[serde(rename = "environment.created")]
    Created(EnvironmentState),
    /// It has another name.
    #[serde(rename = "environment.renamed")]
    Renamed {
        /// The new one.
        name: String,
    },
    /// It is now production, or no longer.
    #[serde(rename = "environment.production_changed")]
    ProductionChanged {
        /// Whether it is.
        production: bool,
    },
    /// It was put away.
    #[serde(rename = "environment.archived")]
    Archived {},
    /// It was taken back.
    #[serde(rename = "environment.restored")]
    Restored {},
}

impl DomainEvent for EnvironmentEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created(_) => "environment.created",
            Self::Renamed { .. } => "environment.renamed",
            Self::ProductionChanged { .. } => "environment.production_changed",
            Self::Archived {} => "environment.archived",
            Self::Restored {} => "environment.restored",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why an environment's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EnvironmentError {
    /// There is no such environment.
    #[error("there is no such environment")]
    NotFound,
    /// The key is taken, perhaps by an archived environment.
    #[error("the project already has an environment `{0}`, perhaps in the archive")]
    AlreadyExists(EnvironmentKey),
    /// It is archived.
    #[error("environment `{0}` is archived; restore it first")]
    Archived(EnvironmentKey),
    /// It cannot be restored, it is not archived.
    #[error("environment `{0}` is not archived")]
    NotArchived(EnvironmentKey),
    /// Something in the command is wrong.
    #[error("{}", problem::summary(.0))]
    Invalid(Vec<Problem>),
}

impl EnvironmentError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1120",
            Self::AlreadyExists(_) => "FF-1121",
            Self::Archived(_) => "FF-1122",
            Self::NotArchived(_) => "FF-1123",
            Self::Invalid(_) => "FF-1124",
        }
    }
}

impl Decision for Environment {
    fn decide(
        &self,
        command: EnvironmentCommand,
        _: &(),
    ) -> Result<Vec<EnvironmentEvent>, EnvironmentError> {
        use EnvironmentCommand as Command;
        match (self, command) {
            (Self::Absent, Command::Create { project, key, name, production, salt }) => {
                check(&name)?;
                if salt.len() != 32 || !salt.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    let problem = Problem::at("/salt", "a salt is 32 hexadecimal characters");
                    return Err(EnvironmentError::Invalid(vec![problem]));
                }
                let state = EnvironmentState { project, key, name, production, salt };
                Ok(vec![EnvironmentEvent::Created(state)])
            }
            (Self::Absent, _) => Err(EnvironmentError::NotFound),
            (_, Command::Create { key, .. }) => Err(EnvironmentError::AlreadyExists(key)),
            (Self::Archived(_), Command::Restore) => Ok(vec![EnvironmentEvent::Restored {}]),
            (Self::Archived(_), Command::Archive) => Ok(Vec::new()),
            (Self::Archived(state), _) => Err(EnvironmentError::Archived(state.key.clone())),
            (Self::Live(state), Command::Restore) => {
                Err(EnvironmentError::NotArchived(state.key.clone()))
            }
            (Self::Live(_), Command::Archive) => Ok(vec![EnvironmentEvent::Archived {}]),
            (Self::Live(state), Command::ChangeDetails { name, production }) => {
                if let Some(name) = &name {
                    check(name)?;
                }
                let renamed = name
                    .filter(|new| *new != state.name)
                    .map(|name| EnvironmentEvent::Renamed { name });
                let staged = production
                    .filter(|new| *new != state.production)
                    .map(|production| EnvironmentEvent::ProductionChanged { production });
                Ok(renamed.into_iter().chain(staged).collect())
            }
        }
    }
}

fn check(name: &str) -> Result<(), EnvironmentError> {
    let mut problems = Vec::new();
    check_name("/name", name, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(EnvironmentError::Invalid(problems)) }
}

impl Aggregate for Environment {
    const TYPE: &'static str = "environment";
    type Command = EnvironmentCommand;
    type Event = EnvironmentEvent;
    type Error = EnvironmentError;
    type Services = ();

    async fn handle(
        &mut self,
        command: EnvironmentCommand,
        facts: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), EnvironmentError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: EnvironmentEvent) {
        *self = match (std::mem::take(self), event) {
            (Self::Absent, EnvironmentEvent::Created(state)) => Self::Live(state),
            (Self::Live(state), EnvironmentEvent::Archived {}) => Self::Archived(state),
            (Self::Archived(state), EnvironmentEvent::Restored {}) => Self::Live(state),
            (Self::Live(state), EnvironmentEvent::Renamed { name }) => {
                Self::Live(EnvironmentState { name, ..state })
            }
            (Self::Live(state), EnvironmentEvent::ProductionChanged { production }) => {
                Self::Live(EnvironmentState { production, ..state })
            }
            (unchanged, _) => unchanged,
        };
    }
}
