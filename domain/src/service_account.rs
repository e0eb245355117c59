//! A service account: an identity that programs share, with roles of its own. It acts through its tokens alone, and
//! stays when the person who made it leaves.

use std::collections::BTreeSet;

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Decision, OrganizationId, Problem, RoleAssignment, ServiceAccountId, ServiceAccountKey,
    aggregate,
    membership::Assigned,
    problem,
    role::{self, RoleFacts},
    text::{check_description, check_name},
};

/// A service account's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum ServiceAccount {
    /// Not created yet.
    #[default]
    Absent,
    /// In use.
    Live(ServiceAccountState),
    /// Put away: its tokens let nobody in.
    Archived(ServiceAccountState),
}

/// What a service account is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceAccountState {
    /// The organization it belongs to.
    pub organization: OrganizationId,
    /// Its key, unique in the organization.
    pub key: ServiceAccountKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it may do.
    pub roles: BTreeSet<RoleAssignment>,
}

impl ServiceAccountState {
    /// Its id.
    pub fn id(&self) -> ServiceAccountId {
        ServiceAccountId::of(self.organization, &self.key)
    }
}

impl ServiceAccount {
    /// What it is, put away or not.
    pub fn state(&self) -> Option<&ServiceAccountState> {
        match self {
            Self::Absent => None,
            Self::Live(state) | Self::Archived(state) => Some(state),
        }
    }
}

/// What can be asked of a service account.
#[derive(Debug, Clone, PartialEq)]
pub enum ServiceAccountCommand {
    /// Make it.
    Create(ServiceAccountState),
    /// Call or describe it otherwise.
    ChangeDetails {
        /// A new name.
        name: Option<String>,
        /// A new description.
        description: Option<String>,
    },
    /// Give it one more role.
    GiveRole(RoleAssignment),
    /// Take a role.
    TakeRole(RoleAssignment),
    /// Put it away.
    Archive,
    /// Take it back into use.
    Restore,
}

/// What happened to a service account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum ServiceAccountEvent {
    /// It was made.
    #[serde(rename = "service_account.created")]
    Created {
        /// The organization it belongs to.
        organization: OrganizationId,
        /// Its key.
        key: ServiceAccountKey,
        /// What people call it.
        name: String,
        /// What it is for.
        #[serde(default)]
        description: String,
        /// What it may do.
        #[serde(default)]
        roles: Vec<Assigned>,
    },
    /// It has another name.
    #[serde(rename = "service_account.renamed")]
    Renamed {
        /// The new one.
        name: String,
    },
    /// It has another description.
    #[serde(rename = "service_account.described")]
    Described {
        /// The new one.
        description: String,
    },
    /// It has one more role.
    #[serde(rename = "service_account.role_given")]
    RoleGiven(Assigned),
    /// It has one role less.
    #[serde(rename = "service_account.role_taken")]
    RoleTaken(Assigned),
    /// It was put away.
    #[serde(rename = "service_account.archived")]
    Archived {},
    /// It was taken back into use.
    #[serde(rename = "service_account.restored")]
    Restored {},
}

impl DomainEvent for ServiceAccountEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created { .. } => "service_account.created",
            Self::Renamed { .. } => "service_account.renamed",
            Self::Described { .. } => "service_account.described",
            Self::RoleGiven(_) => "service_account.role_given",
            Self::RoleTaken(_) => "service_account.role_taken",
            Self::Archived {} => "service_account.archived",
            Self::Restored {} => "service_account.restored",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why a service account's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ServiceAccountError {
    /// There is no such service account.
    #[error("there is no such service account")]
    NotFound,
    /// The key is taken.
    #[error("there already is a service account `{0}`")]
    AlreadyExists(ServiceAccountKey),
    /// It was put away.
    #[error("the service account is archived: restore it first")]
    Archived,
    /// Something in the command is wrong.
    #[error("{}", problem::summary(.0))]
    Invalid(Vec<Problem>),
}

impl ServiceAccountError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1150",
            Self::AlreadyExists(_) => "FF-1151",
            Self::Archived => "FF-1152",
            Self::Invalid(_) => "FF-1153",
        }
    }
}

impl Decision for ServiceAccount {
    fn decide(
        &self,
        command: ServiceAccountCommand,
        facts: &RoleFacts,
    ) -> Result<Vec<ServiceAccountEvent>, ServiceAccountError> {
        use ServiceAccountCommand as Command;
        use ServiceAccountEvent as Event;
        match (self, command) {
            (Self::Absent, Command::Create(new)) => {
                let mut problems = role::check("/roles", &new.roles, facts);
                role::check_count("/roles", new.roles.len(), &mut problems);
                check_name("/name", &new.name, &mut problems);
                check_description("/description", &new.description, &mut problems);
                for (index, _) in new.roles.iter().enumerate().filter(|(_, role)| is_owner(role)) {
                    problems.push(no_owner(&format!("/roles/{index}/role")));
                }
                refuse(problems)?;
                let ServiceAccountState { organization, key, name, description, roles } = new;
                let roles = roles.into_iter().map(Assigned::from).collect();
                Ok(vec![Event::Created { organization, key, name, description, roles }])
            }
            (Self::Absent, _) => Err(ServiceAccountError::NotFound),
            (_, Command::Create(new)) => Err(ServiceAccountError::AlreadyExists(new.key)),
            (Self::Live(_), Command::Archive) => Ok(vec![Event::Archived {}]),
            (Self::Archived(_), Command::Archive) | (Self::Live(_), Command::Restore) => {
                Ok(Vec::new())
            }
            (Self::Archived(_), Command::Restore) => Ok(vec![Event::Restored {}]),
            (Self::Archived(_), _) => Err(ServiceAccountError::Archived),
            (Self::Live(account), Command::ChangeDetails { name, description }) => {
                let mut problems = Vec::new();
                if let Some(name) = &name {
                    check_name("/name", name, &mut problems);
                }
                if let Some(description) = &description {
                    check_description("/description", description, &mut problems);
                }
                refuse(problems)?;
                let name = name.filter(|name| *name != account.name);
                let description = description.filter(|text| *text != account.description);
                let renamed = name.map(|name| Event::Renamed { name });
                let described = description.map(|description| Event::Described { description });
                Ok(renamed.into_iter().chain(described).collect())
            }
            (Self::Live(account), Command::GiveRole(role)) => {
                if account.roles.contains(&role) {
                    return Ok(Vec::new());
                }
                let mut problems = role::check("", [&role], facts);
                role::check_count("", account.roles.len() + 1, &mut problems);
                if is_owner(&role) {
                    problems.push(no_owner("/role"));
                }
                refuse(problems)?;
                Ok(vec![Event::RoleGiven(role.into())])
            }
            (Self::Live(account), Command::TakeRole(role)) => {
                let has = account.roles.contains(&role);
                Ok(if has { vec![Event::RoleTaken(role.into())] } else { Vec::new() })
            }
        }
    }
}

/// An organization belongs to people: its last owner may leave only when another person is one.
fn is_owner(role: &RoleAssignment) -> bool {
    role.role.as_str() == role::OWNER
}

fn no_owner(pointer: &str) -> Problem {
    Problem::at(pointer, "a service account is never an owner: `admin` is the most it can be")
}

fn refuse(problems: Vec<Problem>) -> Result<(), ServiceAccountError> {
    if problems.is_empty() { Ok(()) } else { Err(ServiceAccountError::Invalid(problems)) }
}

impl Aggregate for ServiceAccount {
    const TYPE: &'static str = "service_account";
    type Command = ServiceAccountCommand;
    type Event = ServiceAccountEvent;
    type Error = ServiceAccountError;
    type Services = RoleFacts;

    async fn handle(
        &mut self,
        command: ServiceAccountCommand,
        facts: &RoleFacts,
        sink: &EventSink<Self>,
    ) -> Result<(), ServiceAccountError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: ServiceAccountEvent) {
        use ServiceAccountEvent as Event;
        match (self, event) {
            (
                this @ Self::Absent,
                Event::Created { organization, key, name, description, roles },
            ) => {
                let roles = roles.into_iter().map(RoleAssignment::from).collect();
                *this =
                    Self::Live(ServiceAccountState { organization, key, name, description, roles });
            }
            (this @ Self::Live(_), Event::Archived {}) => {
                if let Self::Live(state) = std::mem::take(this) {
                    *this = Self::Archived(state);
                }
            }
            (this @ Self::Archived(_), Event::Restored {}) => {
                if let Self::Archived(state) = std::mem::take(this) {
                    *this = Self::Live(state);
                }
            }
            (Self::Live(account), event) => match event {
                Event::Renamed { name } => account.name = name,
                Event::Described { description } => account.description = description,
                Event::RoleGiven(role) => {
                    account.roles.insert(role.into());
                }
                Event::RoleTaken(role) => {
                    account.roles.remove(&role.into());
                }
                Event::Created { .. } | Event::Archived {} | Event::Restored {} => {}
            },
            _ => {}
        }
    }
}
