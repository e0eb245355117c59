//! Putting a layer away, and taking it back.

use axum::extract::State;
use ff_domain::LayerCommand;

use super::LayerView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::LayerPath;

/// Archive a layer
///
/// Refused while an experiment has a part of it.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/layers/{layer}/archive",
    operation_id = "archive_layer", tag = "layers", params(LayerPath),
    responses((status = 200, description = "Archived", body = LayerView)),
)]
pub(crate) async fn archive_layer(
    State(app): State<App>,
    caller: Caller,
    At(path): At<LayerPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<LayerView>, Problem> {
    let command = LayerCommand::Archive;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}

/// Restore a layer
///
/// It is as it was before.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/layers/{layer}/restore",
    operation_id = "restore_layer", tag = "layers", params(LayerPath),
    responses((status = 200, description = "Restored", body = LayerView)),
)]
pub(crate) async fn restore_layer(
    State(app): State<App>,
    caller: Caller,
    At(path): At<LayerPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<LayerView>, Problem> {
    let command = LayerCommand::Restore;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
