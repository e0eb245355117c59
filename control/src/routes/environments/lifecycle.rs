//! Putting an environment away, and taking it back.

use axum::extract::State;
use ff_domain::EnvironmentCommand;

use super::EnvironmentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::EnvironmentPath;

/// Archive an environment
///
/// Its keys stop working, and edges forget it.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/environments/{environment}/archive",
    operation_id = "archive_environment", tag = "environments", params(EnvironmentPath),
    responses((status = 200, description = "Archived", body = EnvironmentView)),
)]
pub(crate) async fn archive_environment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<EnvironmentPath>,
    change: Change<Nothing>,
) -> Result<Answer<EnvironmentView>, Problem> {
    let command = EnvironmentCommand::Archive;
    let done = app.execute(&caller, path.scope(), path.target(), command, &change.intent).await?;
    Answer::changed(done)
}

/// Restore an environment
///
/// It is as it was before, and so are its keys.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/environments/{environment}/restore",
    operation_id = "restore_environment", tag = "environments", params(EnvironmentPath),
    responses((status = 200, description = "Restored", body = EnvironmentView)),
)]
pub(crate) async fn restore_environment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<EnvironmentPath>,
    change: Change<Nothing>,
) -> Result<Answer<EnvironmentView>, Problem> {
    let command = EnvironmentCommand::Restore;
    let done = app.execute(&caller, path.scope(), path.target(), command, &change.intent).await?;
    Answer::changed(done)
}
