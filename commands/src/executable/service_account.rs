//! Service accounts: they belong to an organization.

use ff_auth::{Gift, Member, Permission};
use ff_domain::{
    OrganizationId, ServiceAccount, ServiceAccountCommand, ServiceAccountError, ServiceAccountId,
    role::RoleFacts,
};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use super::roles;
use crate::{Executable, Parent, Place, Surroundings};

impl Executable for ServiceAccount {
    type Id = ServiceAccountId;

    fn uuid(id: ServiceAccountId) -> Uuid {
        id.0
    }

    fn code(error: &ServiceAccountError) -> &'static str {
        error.code()
    }

    fn permission(command: &ServiceAccountCommand) -> Option<Permission> {
        Some(match command {
            ServiceAccountCommand::Create(_) => Permission::ServiceAccountCreate,
            ServiceAccountCommand::ChangeDetails { .. }
            | ServiceAccountCommand::GiveRole(_)
            | ServiceAccountCommand::TakeRole(_) => Permission::ServiceAccountEdit,
            ServiceAccountCommand::Archive | ServiceAccountCommand::Restore => {
                Permission::ServiceAccountArchive
            }
        })
    }

    fn place(&self, command: &ServiceAccountCommand) -> Option<Place> {
        match (self, command) {
            (Self::Absent, ServiceAccountCommand::Create(_)) => Some(Place::ORGANIZATION),
            (Self::Absent, _) => None,
            (
                Self::Live(state) | Self::Archived(state),
                ServiceAccountCommand::GiveRole(role) | ServiceAccountCommand::TakeRole(role),
            ) => Some(role.place(state.organization).into()),
            (Self::Live(_) | Self::Archived(_), _) => Some(Place::ORGANIZATION),
        }
    }

    fn gifts(&self, org: OrganizationId, command: &ServiceAccountCommand) -> Vec<Gift> {
        match (self, command) {
            (_, ServiceAccountCommand::Create(new)) => {
                new.roles.iter().map(|role| roles::gift(org, role)).collect()
            }
            (_, ServiceAccountCommand::GiveRole(role)) => vec![roles::gift(org, role)],
            (_, ServiceAccountCommand::TakeRole(role)) => vec![roles::gift_back(org, role)],
            // Whoever has its tokens has all of it again.
            (Self::Archived(state), ServiceAccountCommand::Restore) => {
                state.roles.iter().map(|role| roles::gift(org, role)).collect()
            }
            (Self::Live(state), ServiceAccountCommand::Archive) => {
                vec![Gift::Standing { member: Member::ServiceAccount(state.id().0) }]
            }
            _ => Vec::new(),
        }
    }

    fn is_for(command: &ServiceAccountCommand, org: OrganizationId, id: ServiceAccountId) -> bool {
        match command {
            ServiceAccountCommand::Create(new) => new.organization == org && new.id() == id,
            _ => true,
        }
    }

    fn parent(command: &ServiceAccountCommand) -> Option<Parent> {
        matches!(command, ServiceAccountCommand::Create(_)).then_some(Parent::Organization)
    }

    async fn facts<L: EventLog>(
        &self,
        command: &ServiceAccountCommand,
        around: &Surroundings<'_, L>,
    ) -> Result<RoleFacts, LogError> {
        match command {
            ServiceAccountCommand::Create(new) => roles::facts(&new.roles, around).await,
            ServiceAccountCommand::GiveRole(role) => roles::facts([role], around).await,
            _ => Ok(RoleFacts::default()),
        }
    }
}
