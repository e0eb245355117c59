//! Serving an experiment: start, pause, resume and stop. None of them overwrites anything, so each is one call.

use axum::extract::State;
use ff_domain::ExperimentCommand;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ExperimentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing, Payload};
use crate::respond::Answer;
use crate::routes::paths::ExperimentPath;

/// A pause. The body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PauseExperiment {
    /// Why.
    #[serde(default)]
    reason: Option<String>,
}

impl Payload for PauseExperiment {
    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// Start an experiment
///
/// From now on the flag serves it in its environment, and its first iteration goes on. Refused while the flag serves
/// another experiment there, and when its layer has not enough users left.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/experiments/{experiment}/start",
    operation_id = "start_experiment", tag = "experiments", params(ExperimentPath),
    responses((status = 200, description = "It runs", body = ExperimentView)),
)]
pub(crate) async fn start_experiment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ExperimentPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<ExperimentView>, Problem> {
    let command = ExperimentCommand::Start;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}

/// Pause an experiment
///
/// From now on its users are served as if it were not there; they are kept for it. Its iteration goes on.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/experiments/{experiment}/pause",
    operation_id = "pause_experiment", tag = "experiments", params(ExperimentPath),
    request_body = Option<PauseExperiment>,
    responses((status = 200, description = "It is paused", body = ExperimentView)),
)]
pub(crate) async fn pause_experiment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ExperimentPath>,
    Change { body, intent }: Change<PauseExperiment>,
) -> Result<Answer<ExperimentView>, Problem> {
    let command = ExperimentCommand::Pause { reason: body.reason };
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}

/// Resume an experiment
///
/// Its users get what they got before the pause, unless what they are served has changed meanwhile: then the next
/// iteration opens.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/experiments/{experiment}/resume",
    operation_id = "resume_experiment", tag = "experiments", params(ExperimentPath),
    responses((status = 200, description = "It runs", body = ExperimentView)),
)]
pub(crate) async fn resume_experiment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ExperimentPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<ExperimentView>, Problem> {
    let command = ExperimentCommand::Resume;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}

/// Stop an experiment
///
/// Its last iteration ends, its layer is free again, and it cannot be started again.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/experiments/{experiment}/stop",
    operation_id = "stop_experiment", tag = "experiments", params(ExperimentPath),
    responses((status = 200, description = "It is stopped", body = ExperimentView)),
)]
pub(crate) async fn stop_experiment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ExperimentPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<ExperimentView>, Problem> {
    let command = ExperimentCommand::Stop;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
