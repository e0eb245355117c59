//! Putting a flag away, and taking it back.

use axum::extract::State;
use ff_domain::FlagCommand;

use super::FlagView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::FlagPath;

/// Archive a flag
///
/// Refused while another flag waits for it. SDKs are answered as if it did not exist.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/archive",
    operation_id = "archive_flag", tag = "flags", params(FlagPath),
    responses((status = 200, description = "Archived", body = FlagView)),
)]
pub(crate) async fn archive_flag(
    State(app): State<App>,
    caller: Caller,
    At(path): At<FlagPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<FlagView>, Problem> {
    let command = FlagCommand::Archive;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}

/// Restore a flag
///
/// It is as it was before, in every environment.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/restore",
    operation_id = "restore_flag", tag = "flags", params(FlagPath),
    responses((status = 200, description = "Restored", body = FlagView)),
)]
pub(crate) async fn restore_flag(
    State(app): State<App>,
    caller: Caller,
    At(path): At<FlagPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<FlagView>, Problem> {
    let command = FlagCommand::Restore;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
