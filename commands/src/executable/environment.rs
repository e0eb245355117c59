//! Environments: they belong to a project.

use ff_auth::Permission;
use ff_domain::{Environment, EnvironmentCommand, EnvironmentError, EnvironmentId, OrganizationId};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use crate::{Executable, Parent, Place, Surroundings};

impl Executable for Environment {
    type Id = EnvironmentId;

    fn uuid(id: EnvironmentId) -> Uuid {
        id.0
    }

    fn code(error: &EnvironmentError) -> &'static str {
        error.code()
    }

    fn permission(command: &EnvironmentCommand) -> Option<Permission> {
        Some(match command {
            EnvironmentCommand::Create { .. } => Permission::EnvironmentCreate,
            EnvironmentCommand::ChangeDetails { .. } => Permission::EnvironmentUpdate,
            EnvironmentCommand::Archive | EnvironmentCommand::Restore => {
                Permission::EnvironmentArchive
            }
        })
    }

    fn place(&self, command: &EnvironmentCommand) -> Option<Place> {
        match (self.state(), command) {
            (_, EnvironmentCommand::Create { project, key, .. }) => {
                Some(Place::environment(*project, EnvironmentId::of(*project, key)))
            }
            (Some(state), _) => Some(Place::environment(state.project, state.id())),
            (None, _) => None,
        }
    }

    fn is_for(command: &EnvironmentCommand, _: OrganizationId, id: EnvironmentId) -> bool {
        match command {
            EnvironmentCommand::Create { project, key, .. } => {
                EnvironmentId::of(*project, key) == id
            }
            _ => true,
        }
    }

    fn parent(command: &EnvironmentCommand) -> Option<Parent> {
        match command {
            EnvironmentCommand::Create { project, .. } => Some(Parent::Project(*project)),
            _ => None,
        }
    }

    async fn facts<L: EventLog>(
        &self,
        _: &EnvironmentCommand,
        _: &Surroundings<'_, L>,
    ) -> Result<(), LogError> {
        Ok(())
    }
}
