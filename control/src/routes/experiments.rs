//! Experiments: variations of a flag compared by metrics, from the draft to the shipped winner.

mod conclude;
mod create;
mod design;
mod details;
mod history;
mod lifecycle;
mod list;
mod read;
mod run;

use ff_domain::{Experiment, ExperimentId, ExperimentState, experiment::Iteration};
use ff_projections::queries::Document;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::respond::{Stamp, View};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create::create_experiment, list::list_experiments))
        .routes(routes!(read::get_experiment, details::update_experiment))
        .routes(routes!(design::replace_experiment_design))
        .routes(routes!(run::start_experiment))
        .routes(routes!(run::pause_experiment))
        .routes(routes!(run::resume_experiment))
        .routes(routes!(run::stop_experiment))
        .routes(routes!(conclude::decide_experiment))
        .routes(routes!(conclude::ship_experiment))
        .routes(routes!(lifecycle::archive_experiment))
        .routes(routes!(lifecycle::restore_experiment))
        .routes(routes!(history::get_experiment_history))
}

/// An experiment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Experiment)]
pub(crate) struct ExperimentView {
    /// Its id; it follows from project and key.
    id: ExperimentId,
    #[serde(flatten)]
    state: ExperimentState,
    /// The iteration that goes on: also during a pause, when nobody is served. Null before the start and after the
    /// end.
    current_iteration: Option<Iteration>,
    /// Whether it is put away.
    archived: bool,
    #[serde(flatten)]
    stamp: Stamp,
}

impl ExperimentView {
    fn new(state: ExperimentState, archived: bool, stamp: Stamp) -> Self {
        let current_iteration =
            state.iteration().filter(|iteration| iteration.ended_at.is_none()).cloned();
        Self { id: state.id(), state, current_iteration, archived, stamp }
    }
}

impl View for ExperimentView {
    type Aggregate = Experiment;

    fn of(aggregate: Experiment, stamp: Stamp) -> Option<Self> {
        match aggregate {
            Experiment::Absent => None,
            Experiment::Live(state) => Some(Self::new(*state, false, stamp)),
            Experiment::Archived(state) => Some(Self::new(*state, true, stamp)),
        }
    }
}

impl From<Document<ExperimentState>> for ExperimentView {
    fn from(found: Document<ExperimentState>) -> Self {
        let stamp = Stamp::of(&found);
        Self::new(found.state, found.archived, stamp)
    }
}
