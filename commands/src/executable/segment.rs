//! Segments: they belong to a project, and depend on other segments.

use std::collections::BTreeSet;

use ff_auth::Permission;
use ff_domain::{
    OrganizationId, ProjectId, Segment, SegmentCommand, SegmentError, SegmentId, SegmentKey,
};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use crate::{Effect, Executable, Parent, Party, Place, Surroundings};

impl Executable for Segment {
    type Id = SegmentId;

    fn uuid(id: SegmentId) -> Uuid {
        id.0
    }

    fn code(error: &SegmentError) -> &'static str {
        error.code()
    }

    fn permission(command: &SegmentCommand) -> Option<Permission> {
        Some(match command {
            SegmentCommand::Create(_) => Permission::SegmentCreate,
            SegmentCommand::ChangeDetails(_) | SegmentCommand::ReplaceMembers(_) => {
                Permission::SegmentEdit
            }
            SegmentCommand::Archive | SegmentCommand::Restore => Permission::SegmentArchive,
        })
    }

    fn place(&self, command: &SegmentCommand) -> Option<Place> {
        project(self, command).map(Place::project)
    }

    fn is_for(command: &SegmentCommand, _: OrganizationId, id: SegmentId) -> bool {
        match command {
            SegmentCommand::Create(new) => new.id() == id,
            _ => true,
        }
    }

    fn parent(command: &SegmentCommand) -> Option<Parent> {
        match command {
            SegmentCommand::Create(new) => Some(Parent::Project(new.project)),
            _ => None,
        }
    }

    async fn facts<L: EventLog>(
        &self,
        command: &SegmentCommand,
        around: &Surroundings<'_, L>,
    ) -> Result<BTreeSet<SegmentKey>, LogError> {
        let Some(project) = project(self, command) else { return Ok(BTreeSet::new()) };
        let mentioned = self.mentions(command).into_iter().map(|key| {
            let id = SegmentId::of(project, &key);
            (key, id)
        });
        let live = |found: &Self| matches!(found, Self::Live(_)).then_some(());
        let live = around.look_up(mentioned, live).await?;
        Ok(live.into_iter().map(|(key, ())| key).collect())
    }

    fn hints(&self, command: &SegmentCommand) -> Vec<Party> {
        let asks = match command {
            SegmentCommand::Archive | SegmentCommand::Restore => true,
            SegmentCommand::Create(_) | SegmentCommand::ReplaceMembers(_) => {
                !self.mentions(command).is_empty()
                    || self.state().is_some_and(|state| !state.references().is_empty())
            }
            SegmentCommand::ChangeDetails(_) => false,
        };
        project(self, command).filter(|_| asks).map(Party::Project).into_iter().collect()
    }

    fn effects(&self, after: &Self) -> Vec<Effect> {
        let project = after.state().map(|state| state.project);
        let asked = project.zip(self.project_command(after));
        asked.map(|(project, command)| Effect::Project(project, command)).into_iter().collect()
    }
}

fn project(segment: &Segment, command: &SegmentCommand) -> Option<ProjectId> {
    match command {
        SegmentCommand::Create(new) => Some(new.project),
        _ => segment.state().map(|state| state.project),
    }
}
