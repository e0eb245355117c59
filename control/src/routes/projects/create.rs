//! Making a project.

use axum::extract::State;
use ff_commands::Target;
use ff_domain::{Project, ProjectCommand, ProjectId, ProjectKey};
use serde::Deserialize;
use utoipa::ToSchema;

use super::ProjectView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::OrgPath;

/// A new project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateProject {
    /// Its key, unique in the organization. It never changes.
    key: ProjectKey,
    /// What people call it.
    name: String,
    /// What it is for.
    #[serde(default)]
    description: String,
}

impl Payload for CreateProject {}

/// Create a project
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects", operation_id = "create_project", tag = "projects",
    params(OrgPath), request_body = CreateProject,
    responses((status = 201, description = "Created", body = ProjectView)),
)]
pub(crate) async fn create_project(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Change { body, intent }: Change<CreateProject>,
) -> Result<Answer<ProjectView>, Problem> {
    let organization = path.org();
    let CreateProject { key, name, description } = body;
    let location = format!("/api/v1/orgs/{}/projects/{key}", path.org);
    let id = ProjectId::of(organization, &key);
    let command = ProjectCommand::Create { organization, key, name, description };
    let target = Target::<Project>::new(organization, id);
    let scope = path.scope().in_project(id.0);
    let done = app.execute(&caller, scope, target, command, &intent).await?;
    Ok(Answer::changed(done)?.created(&location))
}
