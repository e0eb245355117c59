//! Putting a segment away, and taking it back.

use axum::extract::State;
use ff_domain::SegmentCommand;

use super::SegmentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::SegmentPath;

/// Archive a segment
///
/// Refused while a rule mentions it.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/segments/{segment}/archive",
    operation_id = "archive_segment", tag = "segments", params(SegmentPath),
    responses((status = 200, description = "Archived", body = SegmentView)),
)]
pub(crate) async fn archive_segment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<SegmentPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<SegmentView>, Problem> {
    let command = SegmentCommand::Archive;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}

/// Restore a segment
///
/// It is as it was before.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/segments/{segment}/restore",
    operation_id = "restore_segment", tag = "segments", params(SegmentPath),
    responses((status = 200, description = "Restored", body = SegmentView)),
)]
pub(crate) async fn restore_segment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<SegmentPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<SegmentView>, Problem> {
    let command = SegmentCommand::Restore;
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
