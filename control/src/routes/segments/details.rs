//! Name, description and tags of a segment.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_domain::{SegmentCommand, segment::SegmentDetails};
use serde::Deserialize;
use utoipa::ToSchema;

use super::SegmentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload, given};
use crate::respond::Answer;
use crate::routes::paths::SegmentPath;

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateSegment {
    /// The new name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<String>,
    /// The new description.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    /// All its tags from now on.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, required = false)]
    tags: Option<BTreeSet<String>>,
}

impl Payload for UpdateSegment {}

/// Change the details of a segment
#[utoipa::path(
    patch, path = "/api/v1/orgs/{org}/projects/{project}/segments/{segment}",
    operation_id = "update_segment", tag = "segments", params(SegmentPath),
    request_body = UpdateSegment,
    responses((status = 200, description = "Changed", body = SegmentView)),
)]
pub(crate) async fn update_segment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<SegmentPath>,
    Change { body, intent }: Change<UpdateSegment>,
) -> Result<Answer<SegmentView>, Problem> {
    let UpdateSegment { name, description, tags } = body;
    let command = SegmentCommand::ChangeDetails(SegmentDetails { name, description, tags });
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
