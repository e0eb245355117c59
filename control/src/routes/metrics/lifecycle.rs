//! Putting a metric away, and taking it back.

use axum::extract::State;
use ff_domain::MetricCommand;

use super::MetricView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::MetricPath;

/// Archive a metric
///
/// Refused while an experiment that is not over uses it.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/metrics/{metric}/archive",
    operation_id = "archive_metric", tag = "metrics", params(MetricPath),
    responses((status = 200, description = "Archived", body = MetricView)),
)]
pub(crate) async fn archive_metric(
    State(app): State<App>,
    caller: Caller,
    At(path): At<MetricPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<MetricView>, Problem> {
    let command = MetricCommand::Archive;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}

/// Restore a metric
///
/// It is as it was before.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/metrics/{metric}/restore",
    operation_id = "restore_metric", tag = "metrics", params(MetricPath),
    responses((status = 200, description = "Restored", body = MetricView)),
)]
pub(crate) async fn restore_metric(
    State(app): State<App>,
    caller: Caller,
    At(path): At<MetricPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<MetricView>, Problem> {
    let command = MetricCommand::Restore;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
