//! Name and description of a project.

use axum::extract::State;
use ff_domain::ProjectCommand;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ProjectView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload, given};
use crate::respond::Answer;
use crate::routes::paths::ProjectPath;

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateProject {
    /// The new name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<String>,
    /// The new description.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
}

impl Payload for UpdateProject {}

/// Change name or description of a project
#[utoipa::path(
    patch, path = "/api/v1/orgs/{org}/projects/{project}", operation_id = "update_project",
    tag = "projects", params(ProjectPath), request_body = UpdateProject,
    responses((status = 200, description = "Changed", body = ProjectView)),
)]
pub(crate) async fn update_project(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ProjectPath>,
    Change { body, intent }: Change<UpdateProject>,
) -> Result<Answer<ProjectView>, Problem> {
    let UpdateProject { name, description } = body;
    let command = ProjectCommand::ChangeDetails { name, description };
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
