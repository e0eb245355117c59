//! Flags: they belong to a project, and depend on its environments, on segments and on other flags.

use std::collections::BTreeSet;

use ff_auth::Permission;
use ff_domain::{
    Environment, EnvironmentId, Flag, FlagCommand, FlagError, FlagId, FlagState, OrganizationId,
    Segment, SegmentId, VariationKey,
    flag::{FlagFacts, Mentions},
};
use ff_eventlog::{EventLog, LogError};
use uuid::Uuid;

use crate::{Effect, Executable, Parent, Party, Place, Surroundings};

impl Executable for Flag {
    type Id = FlagId;

    fn uuid(id: FlagId) -> Uuid {
        id.0
    }

    fn code(error: &FlagError) -> &'static str {
        error.code()
    }

    fn permission(command: &FlagCommand) -> Option<Permission> {
        Some(match command {
            FlagCommand::Create(_) => Permission::FlagCreate,
            FlagCommand::ChangeDetails(_)
            | FlagCommand::AddVariation(_)
            | FlagCommand::ChangeVariation { .. }
            | FlagCommand::RemoveVariation { .. } => Permission::FlagUpdate,
            FlagCommand::TurnOn { .. } | FlagCommand::TurnOff { .. } => Permission::FlagToggle,
            FlagCommand::ReplaceTargeting { .. } => Permission::FlagEditTargeting,
            FlagCommand::Archive | FlagCommand::Restore => Permission::FlagArchive,
            FlagCommand::ServeExperiment { .. }
            | FlagCommand::EndExperiment { .. }
            | FlagCommand::ShipVariation { .. } => return None,
        })
    }

    fn place(&self, command: &FlagCommand) -> Option<Place> {
        if let FlagCommand::Create(new) = command {
            return Some(Place::project(new.project));
        }
        let project = self.state()?.project;
        Some(match command {
            FlagCommand::TurnOn { environment }
            | FlagCommand::TurnOff { environment }
            | FlagCommand::ReplaceTargeting { environment, .. }
            | FlagCommand::ServeExperiment { environment, .. }
            | FlagCommand::EndExperiment { environment, .. }
            | FlagCommand::ShipVariation { environment, .. } => {
                Place::environment(project, EnvironmentId::of(project, environment))
            }
            _ => Place::project(project),
        })
    }

    fn is_for(command: &FlagCommand, _: OrganizationId, id: FlagId) -> bool {
        match command {
            FlagCommand::Create(new) => FlagId::of(new.project, &new.key) == id,
            _ => true,
        }
    }

    fn parent(command: &FlagCommand) -> Option<Parent> {
        match command {
            FlagCommand::Create(new) => Some(Parent::Project(new.project)),
            _ => None,
        }
    }

    async fn facts<L: EventLog>(
        &self,
        command: &FlagCommand,
        around: &Surroundings<'_, L>,
    ) -> Result<FlagFacts, LogError> {
        let Some(project) = self.state().map(|state| state.project) else {
            return Ok(FlagFacts::default());
        };
        let Mentions { environments, flags, segments } = self.mentions(command);
        let environments = environments.into_iter().map(|key| {
            let id = EnvironmentId::of(project, &key);
            (key, id)
        });
        let flags = flags.into_keys().map(|key| {
            let id = FlagId::of(project, &key);
            (key, id)
        });
        let segments = segments.into_iter().map(|key| {
            let id = SegmentId::of(project, &key);
            (key, id)
        });
        let (environments, flags, segments) = futures::try_join!(
            around.look_up(environments, |found: &Environment| {
                matches!(found, Environment::Live(_)).then_some(())
            }),
            around.look_up(flags, |found: &Self| match found {
                Self::Live(state) => Some(variations(state)),
                Self::Absent | Self::Archived(_) => None,
            }),
            around.look_up(segments, |found: &Segment| {
                matches!(found, Segment::Live(_)).then_some(())
            }),
        )?;
        Ok(FlagFacts {
            environments: environments.into_iter().map(|(key, ())| key).collect(),
            flags: flags.into_iter().collect(),
            segments: segments.into_iter().map(|(key, ())| key).collect(),
        })
    }

    fn hints(&self, command: &FlagCommand) -> Vec<Party> {
        let Some(state) = self.state() else { return Vec::new() };
        let asks = match command {
            FlagCommand::RemoveVariation { .. } | FlagCommand::Archive | FlagCommand::Restore => {
                true
            }
            FlagCommand::ReplaceTargeting { .. }
            | FlagCommand::ServeExperiment { .. }
            | FlagCommand::EndExperiment { .. }
            | FlagCommand::ShipVariation { .. } => {
                let mentions = self.mentions(command);
                !mentions.flags.is_empty()
                    || !mentions.segments.is_empty()
                    || !state.references().is_empty()
            }
            _ => false,
        };
        if asks { vec![Party::Project(state.project)] } else { Vec::new() }
    }

    fn effects(&self, after: &Self) -> Vec<Effect> {
        let project = after.state().map(|state| state.project);
        let asked = project.zip(self.project_command(after));
        asked.map(|(project, command)| Effect::Project(project, command)).into_iter().collect()
    }
}

/// The keys of a flag's variations.
pub(super) fn variations(state: &FlagState) -> BTreeSet<VariationKey> {
    let keys = state.variations.iter();
    keys.filter_map(|variation| VariationKey::parse(&*variation.key).ok()).collect()
}
