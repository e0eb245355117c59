//! Who is in a segment.

use axum::extract::State;
use ff_domain::{SegmentCommand, segment::Members};

use super::{LIMIT, SegmentView};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::SegmentPath;

impl Payload for Members {
    const LIMIT: usize = LIMIT;
}

/// Say anew who is in a segment
#[utoipa::path(
    put, path = "/api/v1/orgs/{org}/projects/{project}/segments/{segment}/members",
    operation_id = "replace_segment_members", tag = "segments", params(SegmentPath),
    request_body = Members,
    responses((status = 200, description = "Replaced", body = SegmentView)),
)]
pub(crate) async fn replace_segment_members(
    State(app): State<App>,
    caller: Caller,
    At(path): At<SegmentPath>,
    Change { body, intent }: Change<Members>,
) -> Result<Answer<SegmentView>, Problem> {
    let command = SegmentCommand::ReplaceMembers(body);
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
