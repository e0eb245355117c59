//! Putting an experiment away, and taking it back.

use axum::extract::State;
use ff_domain::ExperimentCommand;

use super::ExperimentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::ExperimentPath;

/// Archive an experiment
///
/// Refused while it runs or is paused.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/experiments/{experiment}/archive",
    operation_id = "archive_experiment", tag = "experiments", params(ExperimentPath),
    responses((status = 200, description = "Archived", body = ExperimentView)),
)]
pub(crate) async fn archive_experiment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ExperimentPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<ExperimentView>, Problem> {
    let command = ExperimentCommand::Archive;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}

/// Restore an experiment
///
/// It is as it was before.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/experiments/{experiment}/restore",
    operation_id = "restore_experiment", tag = "experiments", params(ExperimentPath),
    responses((status = 200, description = "Restored", body = ExperimentView)),
)]
pub(crate) async fn restore_experiment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ExperimentPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<ExperimentView>, Problem> {
    let command = ExperimentCommand::Restore;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
