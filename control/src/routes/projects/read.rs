//! Projects as they are.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::Permission;
use ff_projections::ProjectionName;

use super::{ProjectView, Projects};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Page, PageParameters, Query};
use crate::respond::{Answer, Listed};
use crate::routes::paths::{OrgPath, ProjectPath};

/// List projects
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects", operation_id = "list_projects", tag = "projects",
    params(OrgPath, PageParameters),
    responses((status = 200, description = "A page, by key", body = Projects)),
)]
pub(crate) async fn list_projects(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Query(Page(page)): Query<Page>,
    uri: Uri,
) -> Result<Listed<ProjectView>, Problem> {
    let grant = app.allow(&caller, Permission::ProjectRead, path.scope()).await?;
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.projects(path.org(), &page).await?;
    Ok(Listed::of(found, position, &uri, ProjectView::from))
}

/// Get a project
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}", operation_id = "get_project",
    tag = "projects", params(ProjectPath),
    responses((status = 200, description = "The project", body = ProjectView)),
)]
pub(crate) async fn get_project(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ProjectPath>,
) -> Result<Answer<ProjectView>, Problem> {
    let grant = app.allow(&caller, Permission::ProjectRead, path.project_scope()).await?;
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.project_by_id(path.project()).await?.ok_or_else(Problem::not_found)?;
    let version = found.version;
    Ok(Answer::found(found.into(), Some(version), position))
}
