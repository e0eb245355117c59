//! An organization: the tenant, nothing is shared between two of them.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Decision, OrganizationId, OrganizationKey, Problem, aggregate, problem, text::check_name,
};

/// An organization's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Organization {
    /// Not created yet.
    #[default]
    Absent,
    /// In use.
    Live(OrganizationState),
}

/// What an organization is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrganizationState {
    /// Its key, unique in the installation.
    pub key: OrganizationKey,
    /// What people call it.
    pub name: String,
}

impl OrganizationState {
    /// Its id.
    pub fn id(&self) -> OrganizationId {
        OrganizationId::of(&self.key)
    }
}

/// What can be asked of an organization.
#[derive(Debug, Clone, PartialEq)]
pub enum OrganizationCommand {
    /// Make it.
    Create {
        /// Its key.
        key: OrganizationKey,
        /// What people call it.
        name: String,
    },
    /// Give it another name.
    Rename {
        /// The new one.
        name: String,
    },
}

/// What happened to an organization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum OrganizationEvent {
    /// It was made.
    #[serde(rename = "organization.created")]
    Created {
        /// Its key.
        key: OrganizationKey,
        /// What people call it.
        name: String,
    },
    /// It has another name.
    #[serde(rename = "organization.renamed")]
    Renamed {
        /// The new one.
        name: String,
    },
}

impl DomainEvent for OrganizationEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created { .. } => "organization.created",
            Self::Renamed { .. } => "organization.renamed",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why an organization's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OrganizationError {
    /// There is no such organization.
    #[error("there is no such organization")]
    NotFound,
    /// The key is taken.
    #[error("there already is an organization `{0}`")]
    AlreadyExists(OrganizationKey),
    /// Something in the command is wrong.
    #[error("{}", problem::summary(.0))]
    Invalid(Vec<Problem>),
}

impl OrganizationError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1100",
            Self::AlreadyExists(_) => "FF-1101",
            Self::Invalid(_) => "FF-1102",
        }
    }
}

impl Decision for Organization {
    fn decide(
        &self,
        command: OrganizationCommand,
        _: &(),
    ) -> Result<Vec<OrganizationEvent>, OrganizationError> {
        match (self, command) {
            (Self::Absent, OrganizationCommand::Create { key, name }) => {
                check(&name)?;
                Ok(vec![OrganizationEvent::Created { key, name }])
            }
            (Self::Absent, OrganizationCommand::Rename { .. }) => Err(OrganizationError::NotFound),
            (Self::Live(_), OrganizationCommand::Create { key, .. }) => {
                Err(OrganizationError::AlreadyExists(key))
            }
            (Self::Live(organization), OrganizationCommand::Rename { name }) => {
                check(&name)?;
                let same = organization.name == name;
                Ok(if same { Vec::new() } else { vec![OrganizationEvent::Renamed { name }] })
            }
        }
    }
}

fn check(name: &str) -> Result<(), OrganizationError> {
    let mut problems = Vec::new();
    check_name("/name", name, &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(OrganizationError::Invalid(problems)) }
}

impl Aggregate for Organization {
    const TYPE: &'static str = "organization";
    type Command = OrganizationCommand;
    type Event = OrganizationEvent;
    type Error = OrganizationError;
    type Services = ();

    async fn handle(
        &mut self,
        command: OrganizationCommand,
        facts: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), OrganizationError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: OrganizationEvent) {
        match (self, event) {
            (this @ Self::Absent, OrganizationEvent::Created { key, name }) => {
                *this = Self::Live(OrganizationState { key, name });
            }
            (Self::Live(organization), OrganizationEvent::Renamed { name }) => {
                organization.name = name;
            }
            _ => {}
        }
    }
}
