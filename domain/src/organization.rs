//! An organization: the tenant, nothing is shared between two of them.
//!
//! It knows who its owners are, though what each member may do stands in their membership: that there is always one
//! can be decided by something that knows all of them only.

use std::collections::{BTreeMap, BTreeSet};

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use crate::{
    Decision, OrganizationId, OrganizationKey, Problem, RoleDefinition, RoleKey, UserId, aggregate,
    problem,
    role::{CUSTOM_ROLES_MAX, is_built_in},
    text::check_name,
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
    /// Who owns it.
    #[serde(default)]
    pub owners: BTreeSet<UserId>,
    /// The roles it has made, beside those that every organization has.
    #[serde(default)]
    pub roles: BTreeMap<RoleKey, RoleDefinition>,
}

/// What an organization's decisions depend on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrganizationFacts {
    /// Permissions in the command that do not exist.
    pub unknown_permissions: BTreeSet<String>,
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
    /// Make a role.
    CreateRole {
        /// Its key.
        key: RoleKey,
        /// What it is.
        role: RoleDefinition,
    },
    /// Have something else under a role's key. Who has it holds from now on what it says now.
    ReplaceRole {
        /// Its key.
        key: RoleKey,
        /// What it is.
        role: RoleDefinition,
    },
    /// Have a role no more. Who had it loses what it held.
    RemoveRole {
        /// Its key.
        key: RoleKey,
    },
    /// Note that somebody is an owner now.
    AddOwner {
        /// Who.
        user: UserId,
    },
    /// Note that somebody is no owner any more.
    RemoveOwner {
        /// Who.
        user: UserId,
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
    /// A role was made, or made anew.
    #[serde(rename = "organization.role_defined")]
    RoleDefined {
        /// Its key.
        key: RoleKey,
        /// What it is.
        #[serde(flatten)]
        role: RoleDefinition,
    },
    /// A role is no more.
    #[serde(rename = "organization.role_removed")]
    RoleRemoved {
        /// Its key.
        key: RoleKey,
    },
    /// Somebody became an owner.
    #[serde(rename = "organization.owner_added")]
    OwnerAdded {
        /// Who.
        user: UserId,
    },
    /// Somebody is no owner any more.
    #[serde(rename = "organization.owner_removed")]
    OwnerRemoved {
        /// Who.
        user: UserId,
    },
}

impl DomainEvent for OrganizationEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Created { .. } => "organization.created",
            Self::Renamed { .. } => "organization.renamed",
            Self::RoleDefined { .. } => "organization.role_defined",
            Self::RoleRemoved { .. } => "organization.role_removed",
            Self::OwnerAdded { .. } => "organization.owner_added",
            Self::OwnerRemoved { .. } => "organization.owner_removed",
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
    /// There would be no owner left.
    #[error("this is the last owner of the organization: make somebody else one first")]
    LastOwner,
    /// It has not made such a role.
    #[error("the organization has made no role `{0}`")]
    RoleNotFound(RoleKey),
    /// It has made it already.
    #[error("there already is a role `{0}`")]
    RoleExists(RoleKey),
}

impl OrganizationError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "FF-1100",
            Self::AlreadyExists(_) => "FF-1101",
            Self::Invalid(_) => "FF-1102",
            Self::LastOwner => "FF-1103",
            Self::RoleNotFound(_) => "FF-1104",
            Self::RoleExists(_) => "FF-1105",
        }
    }
}

impl Decision for Organization {
    fn decide(
        &self,
        command: OrganizationCommand,
        facts: &OrganizationFacts,
    ) -> Result<Vec<OrganizationEvent>, OrganizationError> {
        use OrganizationCommand as Command;
        use OrganizationEvent as Event;
        match (self, command) {
            (Self::Absent, Command::Create { key, name }) => {
                check(&name)?;
                Ok(vec![Event::Created { key, name }])
            }
            (Self::Absent, _) => Err(OrganizationError::NotFound),
            (Self::Live(_), Command::Create { key, .. }) => {
                Err(OrganizationError::AlreadyExists(key))
            }
            (Self::Live(organization), Command::Rename { name }) => {
                check(&name)?;
                let same = organization.name == name;
                Ok(if same { Vec::new() } else { vec![Event::Renamed { name }] })
            }
            (Self::Live(organization), Command::CreateRole { key, role }) => {
                if organization.roles.contains_key(&key) {
                    return Err(OrganizationError::RoleExists(key));
                }
                let mut problems = role.check(&facts.unknown_permissions);
                if is_built_in(&key) {
                    problems.push(Problem::at(
                        "/key",
                        format!(
                            "`{key}` is a role that every organization has: choose another key"
                        ),
                    ));
                }
                if organization.roles.len() >= CUSTOM_ROLES_MAX {
                    problems.push(Problem::at(
                        "/key",
                        format!("an organization makes at most {CUSTOM_ROLES_MAX} roles"),
                    ));
                }
                refuse(problems)?;
                Ok(vec![Event::RoleDefined { key, role }])
            }
            (Self::Live(organization), Command::ReplaceRole { key, role }) => {
                match organization.roles.get(&key) {
                    None => return Err(OrganizationError::RoleNotFound(key)),
                    Some(known) if *known == role => return Ok(Vec::new()),
                    Some(_) => {}
                }
                refuse(role.check(&facts.unknown_permissions))?;
                Ok(vec![Event::RoleDefined { key, role }])
            }
            (Self::Live(organization), Command::RemoveRole { key }) => {
                if organization.roles.contains_key(&key) {
                    Ok(vec![Event::RoleRemoved { key }])
                } else {
                    Err(OrganizationError::RoleNotFound(key))
                }
            }
            (Self::Live(organization), Command::AddOwner { user }) => {
                let known = organization.owners.contains(&user);
                Ok(if known { Vec::new() } else { vec![Event::OwnerAdded { user }] })
            }
            (Self::Live(organization), Command::RemoveOwner { user }) => {
                if !organization.owners.iter().any(|owner| *owner != user) {
                    return Err(OrganizationError::LastOwner);
                }
                let known = organization.owners.contains(&user);
                Ok(if known { vec![Event::OwnerRemoved { user }] } else { Vec::new() })
            }
        }
    }
}

fn check(name: &str) -> Result<(), OrganizationError> {
    let mut problems = Vec::new();
    check_name("/name", name, &mut problems);
    refuse(problems)
}

fn refuse(problems: Vec<Problem>) -> Result<(), OrganizationError> {
    if problems.is_empty() { Ok(()) } else { Err(OrganizationError::Invalid(problems)) }
}

impl Aggregate for Organization {
    const TYPE: &'static str = "organization";
    type Command = OrganizationCommand;
    type Event = OrganizationEvent;
    type Error = OrganizationError;
    type Services = OrganizationFacts;

    async fn handle(
        &mut self,
        command: OrganizationCommand,
        facts: &OrganizationFacts,
        sink: &EventSink<Self>,
    ) -> Result<(), OrganizationError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: OrganizationEvent) {
        match (self, event) {
            (this @ Self::Absent, OrganizationEvent::Created { key, name }) => {
                let (owners, roles) = (BTreeSet::new(), BTreeMap::new());
                *this = Self::Live(OrganizationState { key, name, owners, roles });
            }
            (Self::Live(organization), OrganizationEvent::Renamed { name }) => {
                organization.name = name;
            }
            (Self::Live(organization), OrganizationEvent::RoleDefined { key, role }) => {
                organization.roles.insert(key, role);
            }
            (Self::Live(organization), OrganizationEvent::RoleRemoved { key }) => {
                organization.roles.remove(&key);
            }
            (Self::Live(organization), OrganizationEvent::OwnerAdded { user }) => {
                organization.owners.insert(user);
            }
            (Self::Live(organization), OrganizationEvent::OwnerRemoved { user }) => {
                organization.owners.remove(&user);
            }
            _ => {}
        }
    }
}
