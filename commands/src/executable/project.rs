//! Projects: they belong to an organization. What flags and segments mention is not for callers to say.

use ff_auth::Permission;
use ff_domain::{OrganizationId, Project, ProjectCommand, ProjectError, ProjectId};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use crate::{Executable, Parent, Place, Surroundings};

impl Executable for Project {
    type Id = ProjectId;

    fn uuid(id: ProjectId) -> Uuid {
        id.0
    }

    fn code(error: &ProjectError) -> &'static str {
        error.code()
    }

    fn permission(command: &ProjectCommand) -> Option<Permission> {
        match command {
            ProjectCommand::Create { .. } => Some(Permission::ProjectCreate),
            ProjectCommand::ChangeDetails { .. } => Some(Permission::ProjectUpdate),
            ProjectCommand::SetReferences { .. }
            | ProjectCommand::Retire { .. }
            | ProjectCommand::Reinstate { .. }
            | ProjectCommand::RetireVariations { .. } => None,
        }
    }

    fn place(&self, command: &ProjectCommand) -> Option<Place> {
        match (self, command) {
            (_, ProjectCommand::Create { organization, key, .. }) => {
                Some(Place::project(ProjectId::of(*organization, key)))
            }
            (Self::Live(state), _) => Some(Place::project(state.id())),
            (Self::Absent, _) => None,
        }
    }

    fn is_for(command: &ProjectCommand, org: OrganizationId, id: ProjectId) -> bool {
        match command {
            ProjectCommand::Create { organization, key, .. } => {
                *organization == org && ProjectId::of(org, key) == id
            }
            _ => true,
        }
    }

    fn parent(command: &ProjectCommand) -> Option<Parent> {
        matches!(command, ProjectCommand::Create { .. }).then_some(Parent::Organization)
    }

    async fn facts<L: EventLog>(
        &self,
        _: &ProjectCommand,
        _: &Surroundings<'_, L>,
    ) -> Result<(), LogError> {
        Ok(())
    }
}
