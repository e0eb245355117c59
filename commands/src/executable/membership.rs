//! Memberships: they belong to an organization, which is asked whether it keeps an owner.

use ff_auth::{Gift, Member, Permission};
use ff_domain::{
    Membership, MembershipCommand, MembershipError, MembershipId, OrganizationCommand,
    OrganizationId, role::RoleFacts,
};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use super::roles;
use crate::{Effect, Executable, Parent, Party, Place, Surroundings};

impl Executable for Membership {
    type Id = MembershipId;

    fn uuid(id: MembershipId) -> Uuid {
        id.0
    }

    fn code(error: &MembershipError) -> &'static str {
        error.code()
    }

    fn permission(command: &MembershipCommand) -> Option<Permission> {
        Some(match command {
            MembershipCommand::Grant { .. }
            | MembershipCommand::GiveRole(_)
            | MembershipCommand::ReplaceProviderRoles { .. } => Permission::MembershipGrant,
            MembershipCommand::TakeRole(_) | MembershipCommand::Revoke => {
                Permission::MembershipRevoke
            }
            MembershipCommand::Leave => Permission::MembershipLeave,
        })
    }

    fn place(&self, command: &MembershipCommand) -> Option<Place> {
        match (self, command) {
            (Self::Absent, MembershipCommand::Grant { .. }) => Some(Place::ORGANIZATION),
            (Self::Absent, _) => None,
            // Whoever has a hand in a project's members gives and takes roles there.
            (
                Self::Live(state) | Self::Revoked(state),
                MembershipCommand::GiveRole(role) | MembershipCommand::TakeRole(role),
            ) => Some(role.place(state.organization).into()),
            (Self::Live(_) | Self::Revoked(_), _) => Some(Place::ORGANIZATION),
        }
    }

    fn gifts(&self, org: OrganizationId, command: &MembershipCommand) -> Vec<Gift> {
        match (self, command) {
            (_, MembershipCommand::Grant { roles: given, .. }) => {
                given.iter().map(|role| roles::gift(org, role)).collect()
            }
            (
                Self::Live(state),
                MembershipCommand::ReplaceProviderRoles { connection, roles: new },
            ) => {
                let before = state.provider_roles.get(connection).into_iter().flatten();
                let taken = before.map(|role| roles::gift_back(org, role));
                taken.chain(new.iter().map(|role| roles::gift(org, role))).collect()
            }
            (_, MembershipCommand::ReplaceProviderRoles { roles: new, .. }) => {
                new.iter().map(|role| roles::gift(org, role)).collect()
            }
            (_, MembershipCommand::GiveRole(role)) => vec![roles::gift(org, role)],
            (_, MembershipCommand::TakeRole(role)) => vec![roles::gift_back(org, role)],
            (Self::Live(state), MembershipCommand::Revoke) => {
                vec![Gift::Standing { member: Member::User(state.user.0) }]
            }
            (Self::Live(state), MembershipCommand::Leave) => {
                vec![Gift::Oneself { member: Member::User(state.user.0) }]
            }
            (
                Self::Absent | Self::Revoked(_),
                MembershipCommand::Revoke | MembershipCommand::Leave,
            ) => Vec::new(),
        }
    }

    fn is_for(command: &MembershipCommand, org: OrganizationId, id: MembershipId) -> bool {
        match command {
            MembershipCommand::Grant { organization, user, .. } => {
                *organization == org && MembershipId::of(org, *user) == id
            }
            _ => true,
        }
    }

    fn parent(command: &MembershipCommand) -> Option<Parent> {
        matches!(command, MembershipCommand::Grant { .. }).then_some(Parent::Organization)
    }

    async fn facts<L: EventLog>(
        &self,
        command: &MembershipCommand,
        around: &Surroundings<'_, L>,
    ) -> Result<RoleFacts, LogError> {
        match command {
            MembershipCommand::Grant { roles, .. }
            | MembershipCommand::ReplaceProviderRoles { roles, .. } => {
                roles::facts(roles, around).await
            }
            MembershipCommand::GiveRole(role) => roles::facts([role], around).await,
            MembershipCommand::TakeRole(_)
            | MembershipCommand::Revoke
            | MembershipCommand::Leave => Ok(RoleFacts::default()),
        }
    }

    fn hints(&self, command: &MembershipCommand) -> Vec<Party> {
        let owner = match command {
            MembershipCommand::GiveRole(role) | MembershipCommand::TakeRole(role) => {
                role.is_owner()
            }
            MembershipCommand::Grant { roles, .. } => roles.iter().any(|role| role.is_owner()),
            MembershipCommand::Revoke | MembershipCommand::Leave => self.is_owner(),
            MembershipCommand::ReplaceProviderRoles { .. } => false,
        };
        let organization = match (self, command) {
            (_, MembershipCommand::Grant { organization, .. }) => Some(*organization),
            (Self::Live(state) | Self::Revoked(state), _) => Some(state.organization),
            (Self::Absent, _) => None,
        };
        organization.filter(|_| owner).map(Party::Organization).into_iter().collect()
    }

    fn effects(&self, after: &Self) -> Vec<Effect> {
        let (Self::Live(state) | Self::Revoked(state)) = after else { return Vec::new() };
        let user = state.user;
        let command = match (self.is_owner(), after.is_owner()) {
            (false, true) => OrganizationCommand::AddOwner { user },
            (true, false) => OrganizationCommand::RemoveOwner { user },
            _ => return Vec::new(),
        };
        vec![Effect::Organization(state.organization, command)]
    }
}
