//! Organizations: they belong to nothing. Who owns them is for memberships to say.

use ff_auth::{Gift, Permission, Scope};
use ff_domain::{
    Organization, OrganizationCommand, OrganizationError, OrganizationId, RoleDefinition, RoleKey,
    organization::OrganizationFacts,
};
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
        match command {
            OrganizationCommand::Create { .. } => Some(Permission::OrganizationCreate),
            OrganizationCommand::Rename { .. } => Some(Permission::OrganizationUpdate),
            OrganizationCommand::CreateRole { .. }
            | OrganizationCommand::ReplaceRole { .. }
            | OrganizationCommand::RemoveRole { .. } => Some(Permission::RoleDefine),
            OrganizationCommand::AddOwner { .. } | OrganizationCommand::RemoveOwner { .. } => None,
        }
    }

    fn place(&self, _: &OrganizationCommand) -> Option<Place> {
        Some(Place::ORGANIZATION)
    }

    fn gifts(&self, org: OrganizationId, command: &OrganizationCommand) -> Vec<Gift> {
        let held = |key: &RoleKey| match self {
            Self::Live(state) => state.roles.get(key),
            Self::Absent => None,
        };
        match command {
            OrganizationCommand::CreateRole { role, .. } => vec![gift(org, [role])],
            // Its holders get what it holds then, and lose what it held.
            OrganizationCommand::ReplaceRole { key, role } => {
                vec![gift(org, held(key).into_iter().chain([role]))]
            }
            OrganizationCommand::RemoveRole { key } => vec![gift(org, held(key))],
            _ => Vec::new(),
        }
    }

    fn is_for(command: &OrganizationCommand, org: OrganizationId, id: OrganizationId) -> bool {
        let created = match command {
            OrganizationCommand::Create { key, .. } => OrganizationId::of(key),
            _ => id,
        };
        org == id && created == id
    }

    fn parent(_: &OrganizationCommand) -> Option<Parent> {
        None
    }

    async fn facts<L: EventLog>(
        &self,
        command: &OrganizationCommand,
        _: &Surroundings<'_, L>,
    ) -> Result<OrganizationFacts, LogError> {
        let (OrganizationCommand::CreateRole { role, .. }
        | OrganizationCommand::ReplaceRole { role, .. }) = command
        else {
            return Ok(OrganizationFacts::default());
        };
        let unknown = role.permissions.iter().filter(|name| name.parse::<Permission>().is_err());
        Ok(OrganizationFacts { unknown_permissions: unknown.cloned().collect() })
    }
}

/// All that these roles hold. Names of no permission are for the domain to refuse.
fn gift<'a>(org: OrganizationId, roles: impl IntoIterator<Item = &'a RoleDefinition>) -> Gift {
    let names = roles.into_iter().flat_map(|role| &role.permissions);
    let mut permissions: Vec<Permission> = names.filter_map(|name| name.parse().ok()).collect();
    permissions.sort_unstable();
    permissions.dedup();
    Gift::Permissions { permissions, scope: Scope::organization(org.0) }
}
