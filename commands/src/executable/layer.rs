//! Layers: they belong to a project, and depend on nothing. Who has which part is for experiments to say.

use ff_auth::Permission;
use ff_domain::{EnvironmentId, Layer, LayerCommand, LayerError, LayerId, OrganizationId};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use crate::{Executable, Parent, Place, Surroundings};

impl Executable for Layer {
    type Id = LayerId;

    fn uuid(id: LayerId) -> Uuid {
        id.0
    }

    fn code(error: &LayerError) -> &'static str {
        error.code()
    }

    fn permission(command: &LayerCommand) -> Option<Permission> {
        match command {
            LayerCommand::Create(_) => Some(Permission::LayerCreate),
            LayerCommand::ChangeDetails(_) => Some(Permission::LayerEdit),
            LayerCommand::Archive | LayerCommand::Restore => Some(Permission::LayerArchive),
            LayerCommand::Allocate { .. } | LayerCommand::Release { .. } => None,
        }
    }

    fn place(&self, command: &LayerCommand) -> Option<Place> {
        if let LayerCommand::Create(new) = command {
            return Some(Place::project(new.project));
        }
        let project = self.state()?.project;
        Some(match command {
            LayerCommand::Allocate { environment, .. }
            | LayerCommand::Release { environment, .. } => {
                Place::environment(project, EnvironmentId::of(project, environment))
            }
            _ => Place::project(project),
        })
    }

    fn is_for(command: &LayerCommand, _: OrganizationId, id: LayerId) -> bool {
        match command {
            LayerCommand::Create(new) => LayerId::of(new.project, &new.key) == id,
            _ => true,
        }
    }

    fn parent(command: &LayerCommand) -> Option<Parent> {
        match command {
            LayerCommand::Create(new) => Some(Parent::Project(new.project)),
            _ => None,
        }
    }

    async fn facts<L: EventLog>(
        &self,
        _: &LayerCommand,
        _: &Surroundings<'_, L>,
    ) -> Result<(), LogError> {
        Ok(())
    }
}
