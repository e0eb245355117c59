//! Making a segment.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_commands::Target;
use ff_domain::{SegmentCommand, SegmentKey, SegmentState, segment::Members};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{LIMIT, SegmentView};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::ProjectPath;

/// A new segment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateSegment {
    /// Its key, unique in the project. It never changes.
    key: SegmentKey,
    /// What people call it.
    name: String,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// Words to find it by.
    #[serde(default)]
    tags: BTreeSet<String>,
    /// Who is in it; nobody if absent.
    #[serde(default)]
    members: Members,
}

impl Payload for CreateSegment {
    const LIMIT: usize = LIMIT;
}

/// Create a segment
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/segments",
    operation_id = "create_segment", tag = "segments", params(ProjectPath),
    request_body = CreateSegment,
    responses((status = 201, description = "Created", body = SegmentView)),
)]
pub(crate) async fn create_segment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ProjectPath>,
    Change { body, intent }: Change<CreateSegment>,
) -> Result<Answer<SegmentView>, Problem> {
    let CreateSegment { key, name, description, tags, members } = body;
    let location = format!("/api/v1/orgs/{}/projects/{}/segments/{key}", path.org, path.project);
    let project = path.project();
    let new = SegmentState { project, key, name, description, tags, members };
    let target = Target::new(path.org(), new.id());
    let command = SegmentCommand::Create(new);
    let done = app.execute(&caller, path.project_scope(), target, command, &intent).await?;
    Ok(Answer::changed(done)?.created(&location))
}
