//! Experiments: they belong to a project and to one of its environments, and depend on a flag, on metrics, on layers
//! and on whom their audience asks for. They are the ones whose commands change others.

use ff_auth::Permission;
use ff_domain::{
    Environment, EnvironmentId, Experiment, ExperimentCommand, ExperimentError, ExperimentId,
    ExperimentState, Flag, FlagId, Layer, LayerId, Metric, MetricId, OrganizationId, ProjectId,
    Segment, SegmentId,
    experiment::{ExperimentFacts, ExperimentMentions},
};
use ff_eventlog::{EventLog, LogError};
use futures::try_join;
use uuid::Uuid;

use super::flag::variations;
use crate::{Effect, Executable, Parent, Party, Place, Surroundings};

impl Executable for Experiment {
    type Id = ExperimentId;

    fn uuid(id: ExperimentId) -> Uuid {
        id.0
    }

    fn code(error: &ExperimentError) -> &'static str {
        error.code()
    }

    fn permission(command: &ExperimentCommand) -> Option<Permission> {
        use ExperimentCommand as Command;
        Some(match command {
            Command::Create(_) => Permission::ExperimentCreate,
            Command::ChangeDetails(_) | Command::ReplaceDesign { .. } => Permission::ExperimentEdit,
            Command::Start | Command::Resume => Permission::ExperimentStart,
            Command::Pause { .. } | Command::Stop => Permission::ExperimentStop,
            Command::Decide { .. } => Permission::ExperimentDecide,
            Command::Ship => Permission::ExperimentShip,
            Command::Archive | Command::Restore => Permission::ExperimentArchive,
        })
    }

    fn place(&self, command: &ExperimentCommand) -> Option<Place> {
        let (project, environment) = match (command, self.state()) {
            (ExperimentCommand::Create(new), _) => (new.project, &new.environment),
            (_, Some(state)) => (state.project, &state.environment),
            (_, None) => return None,
        };
        Some(Place::environment(project, EnvironmentId::of(project, environment)))
    }

    fn is_for(command: &ExperimentCommand, _: OrganizationId, id: ExperimentId) -> bool {
        match command {
            ExperimentCommand::Create(new) => ExperimentId::of(new.project, &new.key) == id,
            _ => true,
        }
    }

    fn parent(command: &ExperimentCommand) -> Option<Parent> {
        match command {
            ExperimentCommand::Create(new) => Some(Parent::Project(new.project)),
            _ => None,
        }
    }

    async fn facts<L: EventLog>(
        &self,
        command: &ExperimentCommand,
        around: &Surroundings<'_, L>,
    ) -> Result<ExperimentFacts, LogError> {
        let Some(project) = project(self, command) else { return Ok(ExperimentFacts::default()) };
        let ExperimentMentions { environment, flag, metrics, layers, segments, flags } =
            self.mentions(command);
        let environment = environment.map(|key| ((), EnvironmentId::of(project, &key)));
        let flag = flag.map(|key| ((), FlagId::of(project, &key)));
        let (environment, flag, metrics, layers, segments, flags) = try_join!(
            around.look_up(environment, |found: &Environment| {
                matches!(found, Environment::Live(_)).then_some(())
            }),
            around.look_up(flag, |found: &Flag| match found {
                Flag::Live(state) => Some(state.clone()),
                Flag::Absent | Flag::Archived(_) => None,
            }),
            around.look_up(
                metrics.into_iter().map(|key| {
                    let id = MetricId::of(project, &key);
                    (key, id)
                }),
                |found: &Metric| matches!(found, Metric::Live(_)).then_some(()),
            ),
            around.look_up(
                layers.into_iter().map(|key| {
                    let id = LayerId::of(project, &key);
                    (key, id)
                }),
                |found: &Layer| match found {
                    Layer::Live(state) => Some(state.clone()),
                    Layer::Absent | Layer::Archived(_) => None,
                },
            ),
            around.look_up(
                segments.into_iter().map(|key| {
                    let id = SegmentId::of(project, &key);
                    (key, id)
                }),
                |found: &Segment| matches!(found, Segment::Live(_)).then_some(()),
            ),
            around.look_up(
                flags.into_iter().map(|key| {
                    let id = FlagId::of(project, &key);
                    (key, id)
                }),
                |found: &Flag| match found {
                    Flag::Live(state) => Some(variations(state)),
                    Flag::Absent | Flag::Archived(_) => None,
                },
            ),
        )?;
        Ok(ExperimentFacts {
            at: around.at(),
            environment: !environment.is_empty(),
            flag: flag.into_iter().next().map(|((), state)| state),
            metrics: metrics.into_iter().map(|(key, ())| key).collect(),
            layers: layers.into_iter().collect(),
            segments: segments.into_iter().map(|(key, ())| key).collect(),
            flags: flags.into_iter().collect(),
        })
    }

    fn hints(&self, command: &ExperimentCommand) -> Vec<Party> {
        use ExperimentCommand as Command;
        let Some(project) = project(self, command) else { return Vec::new() };
        let flag = |state: &ExperimentState| Party::Flag(FlagId::of(project, &state.flag));
        let layer = |key: &_| Party::Layer(LayerId::of(project, key));
        match (self.state(), command) {
            (None, Command::Create(_)) => vec![Party::Project(project)],
            (Some(state), Command::Start | Command::Resume | Command::Stop) => {
                let layers = state.design.layer.iter().map(layer);
                layers.chain([flag(state), Party::Project(project)]).collect()
            }
            (Some(state), Command::ReplaceDesign { design, .. }) if state.status.is_open() => {
                let layers = state.design.layer.iter().chain(&design.layer).map(layer);
                layers.chain([flag(state), Party::Project(project)]).collect()
            }
            (Some(state), Command::Pause { .. } | Command::Ship) => {
                vec![flag(state), Party::Project(project)]
            }
            (Some(_), Command::ReplaceDesign { .. } | Command::Archive | Command::Restore) => {
                vec![Party::Project(project)]
            }
            _ => Vec::new(),
        }
    }

    fn effects(&self, after: &Self) -> Vec<Effect> {
        let Some(project) = after.state().map(|state| state.project) else { return Vec::new() };
        let flag = self
            .flag_command(after)
            .map(|(key, command)| Effect::Flag(FlagId::of(project, &key), command));
        let layers = self
            .layer_commands(after)
            .into_iter()
            .map(|(key, command)| Effect::Layer(LayerId::of(project, &key), command));
        let mentions = self.project_command(after).map(|command| Effect::Project(project, command));
        flag.into_iter().chain(layers).chain(mentions).collect()
    }
}

fn project(experiment: &Experiment, command: &ExperimentCommand) -> Option<ProjectId> {
    match command {
        ExperimentCommand::Create(new) => Some(new.project),
        _ => experiment.state().map(|state| state.project),
    }
}
