//! Organizations: they belong to nothing, and depend on nothing.

use ff_auth::Permission;
use ff_domain::{Organization, OrganizationCommand, OrganizationError, OrganizationId};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use crate::{Executable, Parent, Place, Surroundings};

impl Executable for Organization {
    type Id = OrganizationId;

    fn uuid(id: OrganizationId) -> Uuid {
        id.0
    }

    fn code(error: &OrganizationError) -> &'static str {
        error.code()
    }

    fn permission(command: &OrganizationCommand) -> Option<Permission> {
        Some(match command {
            OrganizationCommand::Create { .. } => Permission::OrganizationCreate,
            OrganizationCommand::Rename { .. } => Permission::OrganizationUpdate,
        })
    }

    fn place(&self, _: &OrganizationCommand) -> Option<Place> {
        Some(Place::ORGANIZATION)
    }

    fn is_for(command: &OrganizationCommand, org: OrganizationId, id: OrganizationId) -> bool {
        let created = match command {
            OrganizationCommand::Create { key, .. } => OrganizationId::of(key),
            OrganizationCommand::Rename { .. } => id,
        };
        org == id && created == id
    }

    fn parent(_: &OrganizationCommand) -> Option<Parent> {
        None
    }

    async fn facts<L: EventLog>(
        &self,
        _: &OrganizationCommand,
        _: &Surroundings<'_, L>,
    ) -> Result<(), LogError> {
        Ok(())
    }
}
