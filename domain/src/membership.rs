//! A membership: that a person belongs to an organization, and what they may do there.
//!
//! Roles come from people, who give and take them one by one, or from the organization's identity provider, which says
//! them anew at every sign-in. The two are kept apart, so that neither undoes what the other did; they add up.

use std::collections::{BTreeMap, BTreeSet};

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Decision, MembershipId, OrganizationId, Problem, RoleAssignment, RoleKey, UserId, aggregate,
    problem,
    role::{self, RoleFacts},
};

/// A membership's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Membership {
    /// The person never belonged to the organization.
    #[default]
    Absent,
    /// The person belongs to it.
    Live(MembershipState),
    /// The person does not any more, and may be let in again.
    Revoked(MembershipState),
}

/// What a membership is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MembershipState {
    /// The organization.
    pub organization: OrganizationId,
    /// The person.
    pub user: UserId,
    /// What people have given them.
    pub roles: BTreeSet<RoleAssignment>,
    /// What identity providers say of them, by the id of the connection.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub provider_roles: BTreeMap<Uuid, BTreeSet<RoleAssignment>>,
}

impl MembershipState {
    /// A membership with roles that people give.
    pub fn new(
        organization: OrganizationId,
        user: UserId,
        roles: impl IntoIterator<Item = RoleAssignment>,
    ) -> Self {
        let roles = roles.into_iter().collect();
        Self { organization, user, roles, provider_roles: BTreeMap::new() }
    }

    /// Its id.
    pub fn id(&self) -> MembershipId {
        MembershipId::of(self.organization, self.user)
    }

    /// All roles, wherever they come from.
    pub fn all_roles(&self) -> impl Iterator<Item = &RoleAssignment> {
        self.roles.iter().chain(self.provider_roles.values().flatten())
    }

    /// Whether the person is an owner of the organization.
    pub fn is_owner(&self) -> bool {
        self.all_roles().any(RoleAssignment::is_owner)
    }

    fn has(&self, assignment: &RoleAssignment) -> bool {
        self.roles.contains(assignment)
    }
}

impl Membership {
    /// Whether the person is an owner of the organization now.
    pub fn is_owner(&self) -> bool {
        matches!(self, Self::Live(state) if state.is_owner())
    }

    /// What it is, if the person belongs to the organization.
    pub fn live(&self) -> Option<&MembershipState> {
        match self {
            Self::Live(state) => Some(state),
            Self::Absent | Self::Revoked(_) => None,
        }
    }
}

/// What can be asked of a membership.
#[derive(Debug, Clone, PartialEq)]
pub enum MembershipCommand {
    /// Let a person in, with these roles.
    Grant {
        /// The organization.
        organization: OrganizationId,
        /// The person.
        user: UserId,
        /// What they may do.
        roles: BTreeSet<RoleAssignment>,
    },
    /// Give them one more role.
    GiveRole(RoleAssignment),
    /// Take a role that was given.
    TakeRole(RoleAssignment),
    /// Replace what an identity provider says of them.
    ReplaceProviderRoles {
        /// The connection to the provider.
        connection: Uuid,
        /// What it says.
        roles: BTreeSet<RoleAssignment>,
    },
    /// Let them in no more.
    Revoke,
    /// The same, at the wish of the person.
    Leave,
}

/// What happened to a membership.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum MembershipEvent {
    /// A person was let in; which roles they have follows, but for one that may be said at once.
    #[serde(rename = "membership.granted")]
    Granted {
        /// The organization.
        organization: OrganizationId,
        /// The person.
        user: UserId,
        /// A role in the whole organization.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<RoleKey>,
    },
    /// They have one more role.
    #[serde(rename = "membership.role_given")]
    RoleGiven(Assigned),
    /// They have one role less.
    #[serde(rename = "membership.role_taken")]
    RoleTaken(Assigned),
    /// An identity provider says something else of them.
    #[serde(rename = "membership.provider_roles_replaced")]
    ProviderRolesReplaced {
        /// The connection to the provider.
        connection: Uuid,
        /// What it says.
        roles: Vec<Assigned>,
    },
    /// They do not belong to the organization any more.
    #[serde(rename = "membership.revoked")]
    Revoked {},
}

/// A role and where it holds, as events keep it: fields that come later are tolerated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// The role.
    pub role: RoleKey,
    /// The project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<crate::ProjectKey>,
    /// The environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<crate::EnvironmentKey>,
}

impl From<RoleAssignment> for Assigned {
    fn from(RoleAssignment { role, project, environment }: RoleAssignment) -> Self {
        Self { role, project, environment }
    }
}

impl From<Assigned> for RoleAssignment {
    fn from(Assigned { role, project, environment }: Assigned) -> Self {
        Self { role, project, environment }
    }
}

impl DomainEvent for MembershipEvent {
    fn event_type(&self) -> String {
        match self {
            Self::Granted { .. } => "membership.granted",
            Self::RoleGiven(_) => "membership.role_given",
            Self::RoleTaken(_) => "membership.role_taken",
            Self::ProviderRolesReplaced { .. } => "membership.provider_roles_replaced",
            Self::Revoked {} => "membership.revoked",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

/// Why a membership's command was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MembershipError {
    /// The person is a member.
    #[error("this person is a member of the organization already")]
    AlreadyMember,
    /// The person is no member.
    #[error("there is no such member")]
    NotFound,
    /// Something in the command is wrong.
    #[error("{}", problem::summary(.0))]
    Invalid(Vec<Problem>),
}

impl MembershipError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AlreadyMember => "FF-1140",
            Self::NotFound => "FF-1141",
            Self::Invalid(_) => "FF-1142",
        }
    }
}

impl Decision for Membership {
    fn decide(
        &self,
        command: MembershipCommand,
        facts: &RoleFacts,
    ) -> Result<Vec<MembershipEvent>, MembershipError> {
        use MembershipCommand as Command;
        use MembershipEvent as Event;
        match (self, command) {
            (Self::Live(_), Command::Grant { .. }) => Err(MembershipError::AlreadyMember),
            (_, Command::Grant { organization, user, roles }) => {
                let mut problems = role::check("/roles", &roles, facts);
                role::check_count("/roles", roles.len(), &mut problems);
                refuse(problems)?;
                let granted = Event::Granted { organization, user, role: None };
                let given = roles.into_iter().map(|role| Event::RoleGiven(role.into()));
                Ok(std::iter::once(granted).chain(given).collect())
            }
            (Self::Live(member), Command::GiveRole(role)) => {
                if member.has(&role) {
                    return Ok(Vec::new());
                }
                let mut problems = role::check("", [&role], facts);
                role::check_count("", member.roles.len() + 1, &mut problems);
                refuse(problems)?;
                Ok(vec![Event::RoleGiven(role.into())])
            }
            (Self::Live(member), Command::TakeRole(role)) => {
                Ok(if member.has(&role) { vec![Event::RoleTaken(role.into())] } else { Vec::new() })
            }
            (Self::Live(member), Command::ReplaceProviderRoles { connection, roles }) => {
                if member.provider_roles.get(&connection).unwrap_or(&BTreeSet::new()) == &roles {
                    return Ok(Vec::new());
                }
                let mut problems = role::check("/roles", &roles, facts);
                role::check_count("/roles", roles.len(), &mut problems);
                refuse(problems)?;
                let roles = roles.into_iter().map(Assigned::from).collect();
                Ok(vec![Event::ProviderRolesReplaced { connection, roles }])
            }
            (Self::Live(_), Command::Revoke | Command::Leave) => Ok(vec![Event::Revoked {}]),
            (Self::Revoked(_), Command::Revoke) => Ok(Vec::new()),
            (Self::Absent | Self::Revoked(_), _) => Err(MembershipError::NotFound),
        }
    }
}

fn refuse(problems: Vec<Problem>) -> Result<(), MembershipError> {
    if problems.is_empty() { Ok(()) } else { Err(MembershipError::Invalid(problems)) }
}

impl Aggregate for Membership {
    const TYPE: &'static str = "membership";
    type Command = MembershipCommand;
    type Event = MembershipEvent;
    type Error = MembershipError;
    type Services = RoleFacts;

    async fn handle(
        &mut self,
        command: MembershipCommand,
        facts: &RoleFacts,
        sink: &EventSink<Self>,
    ) -> Result<(), MembershipError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: MembershipEvent) {
        use MembershipEvent as Event;
        match (self, event) {
            (
                this @ (Self::Absent | Self::Revoked(_)),
                Event::Granted { organization, user, role },
            ) => {
                let roles = role.map(RoleAssignment::everywhere);
                *this = Self::Live(MembershipState::new(organization, user, roles));
            }
            (Self::Live(member), Event::RoleGiven(role)) => {
                member.roles.insert(role.into());
            }
            (Self::Live(member), Event::RoleTaken(role)) => {
                member.roles.remove(&role.into());
            }
            (Self::Live(member), Event::ProviderRolesReplaced { connection, roles }) => {
                if roles.is_empty() {
                    member.provider_roles.remove(&connection);
                } else {
                    let roles = roles.into_iter().map(RoleAssignment::from).collect();
                    member.provider_roles.insert(connection, roles);
                }
            }
            (this @ Self::Live(_), Event::Revoked {}) => {
                if let Self::Live(state) = std::mem::take(this) {
                    *this = Self::Revoked(state);
                }
            }
            _ => {}
        }
    }
}
