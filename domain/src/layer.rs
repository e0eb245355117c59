//! A layer: users cut into ten thousand buckets, shared out so that no user is in two experiments of it.
//!
//! Its first buckets can be held out: no experiment ever gets them, neither of this layer nor any other that names it
//! as a holdout. Which buckets belong to whom is kept by environment, for users are others in each.

mod buckets;
mod command;

use std::collections::BTreeMap;

use cqrs_es::{Aggregate, event_sink::EventSink};
use ff_evaluator::Weight;
use serde::{Deserialize, Serialize};

use crate::{
    Decision, EnvironmentKey, ExperimentKey, LayerId, LayerKey, Problem, ProjectId, aggregate,
    text::{check_description, check_name},
};
pub use buckets::{BUCKETS, count, of_weight};
pub(crate) use buckets::{is_whole, to_weight};
pub use command::{CreateLayer, LayerCommand, LayerDetails, LayerError, LayerEvent};

/// Buckets from the first on and before the second.
pub type Range = [u16; 2];

/// A layer's states.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Layer {
    /// Not created yet.
    #[default]
    Absent,
    /// In use.
    Live(LayerState),
    /// Kept, but no experiment may use it, until it is restored.
    Archived(LayerState),
}

/// What a layer is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LayerState {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its key, unique in the project; the seed of its buckets.
    pub key: LayerKey,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The share of users that no experiment gets. Never changes, for they would not be held out any more.
    pub holdout: Weight,
    /// The attribute that is hashed; absent means the targeting key. Experiments that use the layer are bucketed by
    /// the same, or they could share a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket_by: Option<String>,
    /// Which buckets belong to which experiment, as ranges `[from, to]`.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = BTreeMap<String, BTreeMap<String, Vec<Vec<u16>>>>)
    )]
    pub allocations: BTreeMap<EnvironmentKey, BTreeMap<ExperimentKey, Vec<Range>>>,
}

impl Layer {
    /// What it is, archived or not.
    pub fn state(&self) -> Option<&LayerState> {
        match self {
            Self::Absent => None,
            Self::Live(state) | Self::Archived(state) => Some(state),
        }
    }
}

impl LayerState {
    /// Its id.
    pub fn id(&self) -> LayerId {
        LayerId::of(self.project, &self.key)
    }

    /// What is hashed between salt and user.
    pub fn seed(&self) -> String {
        format!("layer:{}", self.key)
    }

    /// The first bucket that may be given out.
    pub fn holdout_end(&self) -> u16 {
        of_weight(self.holdout)
    }

    /// What an experiment has.
    pub fn allocated(&self, environment: &EnvironmentKey, experiment: &ExperimentKey) -> &[Range] {
        let of_all = self.allocations.get(environment);
        of_all.and_then(|all| all.get(experiment)).map_or(&[], Vec::as_slice)
    }

    /// What nobody but `but_for` has in an environment, in order.
    pub fn free(&self, environment: &EnvironmentKey, but_for: &ExperimentKey) -> Vec<Range> {
        let taken = self.allocations.get(environment).into_iter().flatten();
        let taken = taken.filter(|(experiment, _)| *experiment != but_for);
        buckets::without(
            [self.holdout_end(), BUCKETS],
            taken.flat_map(|(_, ranges)| ranges.iter().copied()),
        )
    }

    /// So many buckets for an experiment: first of those it has, so that its users stay, then the first free ones.
    /// If there are not enough, the error is how many there are.
    pub fn take(
        &self,
        environment: &EnvironmentKey,
        experiment: &ExperimentKey,
        buckets: u16,
    ) -> Result<Vec<Range>, u16> {
        let own = buckets::first(self.allocated(environment, experiment), buckets);
        let free = self.free(environment, experiment);
        let available = count(&free);
        if available < buckets {
            return Err(available);
        }
        let others = free.into_iter().flat_map(|range| buckets::without(range, own.clone()));
        let others = buckets::first(&others.collect::<Vec<_>>(), buckets - count(&own));
        Ok(buckets::joined(own.into_iter().chain(others)))
    }

    fn check_allocation(
        &self,
        environment: &EnvironmentKey,
        experiment: &ExperimentKey,
        ranges: &[Range],
    ) -> Result<(), LayerError> {
        let sound = !ranges.is_empty()
            && ranges.iter().all(|[from, to]| from < to && *to <= BUCKETS)
            && ranges.windows(2).all(|pair| pair[0][1] <= pair[1][0]);
        if !sound {
            let detail = "ranges are `[from, to]` with 0 <= from < to <= 10000, in order and apart";
            return Err(LayerError::Invalid(vec![Problem::at("/ranges", detail)]));
        }
        let free = self.free(environment, experiment);
        let fits = |range: &Range| free.iter().any(|f| f[0] <= range[0] && range[1] <= f[1]);
        if ranges.iter().all(fits) {
            Ok(())
        } else {
            Err(LayerError::Taken { layer: self.key.clone(), environment: environment.clone() })
        }
    }

    /// The experiments that have a part of it, each with where.
    fn users(&self) -> Vec<(EnvironmentKey, ExperimentKey)> {
        let all = self.allocations.iter().flat_map(|(environment, experiments)| {
            experiments.keys().map(move |experiment| (environment.clone(), experiment.clone()))
        });
        all.collect()
    }

    fn apply(&mut self, event: LayerEvent) {
        match event {
            LayerEvent::Created(_) | LayerEvent::Archived {} | LayerEvent::Restored {} => {}
            LayerEvent::Renamed { name } => self.name = name,
            LayerEvent::Described { description } => self.description = description,
            LayerEvent::Allocated { environment, experiment, ranges } => {
                self.allocations.entry(environment).or_default().insert(experiment, ranges);
            }
            LayerEvent::Released { environment, experiment } => {
                if let Some(experiments) = self.allocations.get_mut(&environment) {
                    experiments.remove(&experiment);
                    if experiments.is_empty() {
                        self.allocations.remove(&environment);
                    }
                }
            }
        }
    }

    fn decide(&self, command: LayerCommand) -> Result<Vec<LayerEvent>, LayerError> {
        use LayerCommand as Command;
        match command {
            Command::Create(new) => Err(LayerError::AlreadyExists(new.key)),
            Command::Restore => Err(LayerError::NotArchived(self.key.clone())),
            Command::Archive => match self.users() {
                users if users.is_empty() => Ok(vec![LayerEvent::Archived {}]),
                by => Err(LayerError::InUse { layer: self.key.clone(), by }),
            },
            Command::ChangeDetails(details) => self.changed_details(details),
            Command::Allocate { environment, experiment, ranges } => {
                self.check_allocation(&environment, &experiment, &ranges)?;
                Ok(if self.allocated(&environment, &experiment) == ranges {
                    Vec::new()
                } else {
                    vec![LayerEvent::Allocated { environment, experiment, ranges }]
                })
            }
            Command::Release { environment, experiment } => {
                Ok(if self.allocated(&environment, &experiment).is_empty() {
                    Vec::new()
                } else {
                    vec![LayerEvent::Released { environment, experiment }]
                })
            }
        }
    }

    fn changed_details(&self, details: LayerDetails) -> Result<Vec<LayerEvent>, LayerError> {
        let LayerDetails { name, description } = details;
        let mut problems = Vec::new();
        let mut events = Vec::new();
        if let Some(name) = name.filter(|new| *new != self.name) {
            check_name("/name", &name, &mut problems);
            events.push(LayerEvent::Renamed { name });
        }
        if let Some(description) = description.filter(|new| *new != self.description) {
            check_description("/description", &description, &mut problems);
            events.push(LayerEvent::Described { description });
        }
        if problems.is_empty() { Ok(events) } else { Err(LayerError::Invalid(problems)) }
    }
}

impl CreateLayer {
    fn check(&self) -> Result<(), LayerError> {
        let mut problems = Vec::new();
        check_name("/name", &self.name, &mut problems);
        check_description("/description", &self.description, &mut problems);
        if !is_whole(self.holdout) {
            problems.push(Problem::at("/holdout", "a holdout goes in steps of 0.01 percent"));
        }
        if self.holdout == Weight::WHOLE {
            problems.push(Problem::at("/holdout", "leave something for experiments: below 100"));
        }
        if self.bucket_by.as_ref().is_some_and(|attribute| attribute.trim().is_empty()) {
            let detail = "name an attribute, or leave `bucket_by` out for the targeting key";
            problems.push(Problem::at("/bucket_by", detail));
        }
        if problems.is_empty() { Ok(()) } else { Err(LayerError::Invalid(problems)) }
    }
}

impl Decision for Layer {
    fn decide(&self, command: LayerCommand, _: &()) -> Result<Vec<LayerEvent>, LayerError> {
        use LayerCommand as Command;
        match (self, command) {
            (Self::Absent, Command::Create(new)) => {
                new.check()?;
                Ok(vec![LayerEvent::Created(new)])
            }
            (Self::Absent, _) => Err(LayerError::NotFound),
            (_, Command::Create(new)) => Err(LayerError::AlreadyExists(new.key)),
            (Self::Archived(_), Command::Restore) => Ok(vec![LayerEvent::Restored {}]),
            // An archived layer gives nothing out, so there is nothing to release.
            (Self::Archived(_), Command::Archive | Command::Release { .. }) => Ok(Vec::new()),
            (Self::Archived(state), _) => Err(LayerError::Archived(state.key.clone())),
            (Self::Live(state), command) => state.decide(command),
        }
    }
}

impl Aggregate for Layer {
    const TYPE: &'static str = "layer";
    type Command = LayerCommand;
    type Event = LayerEvent;
    type Error = LayerError;
    type Services = ();

    async fn handle(
        &mut self,
        command: LayerCommand,
        facts: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), LayerError> {
        aggregate::handle(self, command, facts, sink).await
    }

    fn apply(&mut self, event: LayerEvent) {
        *self = match (std::mem::take(self), event) {
            (Self::Absent, LayerEvent::Created(new)) => Self::Live(new.into_state()),
            (Self::Live(state), LayerEvent::Archived {}) => Self::Archived(state),
            (Self::Archived(state), LayerEvent::Restored {}) => Self::Live(state),
            (Self::Live(mut state), event) => {
                state.apply(event);
                Self::Live(state)
            }
            (unchanged, _) => unchanged,
        };
    }
}
