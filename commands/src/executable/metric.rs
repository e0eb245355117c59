//! Metrics: they belong to a project, and depend on nothing.

use ff_auth::Permission;
use ff_domain::{Metric, MetricCommand, MetricError, MetricId, OrganizationId};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use crate::{Effect, Executable, Parent, Party, Place, Surroundings};

impl Executable for Metric {
    type Id = MetricId;

    fn uuid(id: MetricId) -> Uuid {
        id.0
    }

    fn code(error: &MetricError) -> &'static str {
        error.code()
    }

    fn permission(command: &MetricCommand) -> Option<Permission> {
        Some(match command {
            MetricCommand::Create(_) => Permission::MetricCreate,
            MetricCommand::ChangeDetails(_) | MetricCommand::Redefine(_) => Permission::MetricEdit,
            MetricCommand::Archive | MetricCommand::Restore => Permission::MetricArchive,
        })
    }

    fn place(&self, command: &MetricCommand) -> Option<Place> {
        match command {
            MetricCommand::Create(new) => Some(Place::project(new.project)),
            _ => self.state().map(|state| Place::project(state.project)),
        }
    }

    fn is_for(command: &MetricCommand, _: OrganizationId, id: MetricId) -> bool {
        match command {
            MetricCommand::Create(new) => MetricId::of(new.project, &new.key) == id,
            _ => true,
        }
    }

    fn parent(command: &MetricCommand) -> Option<Parent> {
        match command {
            MetricCommand::Create(new) => Some(Parent::Project(new.project)),
            _ => None,
        }
    }

    async fn facts<L: EventLog>(
        &self,
        _: &MetricCommand,
        _: &Surroundings<'_, L>,
    ) -> Result<(), LogError> {
        Ok(())
    }

    fn hints(&self, command: &MetricCommand) -> Vec<Party> {
        let asks = matches!(command, MetricCommand::Archive | MetricCommand::Restore);
        let state = self.state().filter(|_| asks);
        state.map(|state| Party::Project(state.project)).into_iter().collect()
    }

    fn effects(&self, after: &Self) -> Vec<Effect> {
        let project = after.state().map(|state| state.project);
        let asked = project.zip(self.project_command(after));
        asked.map(|(project, command)| Effect::Project(project, command)).into_iter().collect()
    }
}
