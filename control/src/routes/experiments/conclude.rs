//! What follows from an experiment: the decision, and shipping the winner.

use axum::extract::State;
use ff_domain::{ExperimentCommand, experiment::Verdict};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ExperimentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing, Payload};
use crate::respond::Answer;
use crate::routes::paths::ExperimentPath;

/// A decision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideExperiment {
    /// What follows: `ship` with a variation, `keep_control` or `inconclusive`.
    outcome: Verdict,
    /// Why, for those who read it next year.
    reason: String,
}

impl Payload for DecideExperiment {}

/// Decide an experiment
///
/// Says what follows from a stopped experiment. Nothing is served differently by it: that is what shipping is for.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/experiments/{experiment}/decide",
    operation_id = "decide_experiment", tag = "experiments", params(ExperimentPath),
    request_body = DecideExperiment,
    responses((status = 200, description = "Decided", body = ExperimentView)),
)]
pub(crate) async fn decide_experiment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ExperimentPath>,
    Change { body, intent }: Change<DecideExperiment>,
) -> Result<Answer<ExperimentView>, Problem> {
    let command = ExperimentCommand::Decide { outcome: body.outcome, reason: body.reason };
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}

/// Ship the winner of an experiment
///
/// The flag serves the winner where the experiment stood: to its audience by a rule in front of the others, or to everyone
/// by default.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/experiments/{experiment}/ship",
    operation_id = "ship_experiment", tag = "experiments", params(ExperimentPath),
    responses((status = 200, description = "Shipped", body = ExperimentView)),
)]
pub(crate) async fn ship_experiment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ExperimentPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<ExperimentView>, Problem> {
    let command = ExperimentCommand::Ship;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
