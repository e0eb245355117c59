//! Memberships: they belong to an organization.

use ff_auth::Permission;
use ff_domain::{Membership, MembershipCommand, MembershipError, MembershipId, OrganizationId};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use crate::{Executable, Parent, Place, Surroundings};

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
            MembershipCommand::Grant(_) => Permission::MembershipGrant,
        })
    }

    fn place(&self, _: &MembershipCommand) -> Option<Place> {
        Some(Place::ORGANIZATION)
    }

    fn is_for(command: &MembershipCommand, org: OrganizationId, id: MembershipId) -> bool {
        match command {
            MembershipCommand::Grant(new) => new.organization == org && new.id() == id,
        }
    }

    fn parent(_: &MembershipCommand) -> Option<Parent> {
        Some(Parent::Organization)
    }

    async fn facts<L: EventLog>(
        &self,
        _: &MembershipCommand,
        _: &Surroundings<'_, L>,
    ) -> Result<(), LogError> {
        Ok(())
    }
}
