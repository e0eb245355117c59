//! Projects as they are.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::right;
use ff_projections::ProjectionName;

use super::{ProjectView, Projects};
use crate::App;
use crate::problem::Problem;
use crate::request::{May, Page, PageParameters, Query};
use crate::respond::{Answer, Listed};
use crate::routes::paths::{OrgPath, ProjectPath};

/// List projects
///
/// Those that you may see.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects", operation_id = "list_projects", tag = "projects",
    params(OrgPath, PageParameters),
    responses((status = 200, description = "A page, by key", body = Projects)),
)]
pub(crate) async fn list_projects(
    State(app): State<App>,
    May { grant, caller, path, .. }: May<right::OrganizationRead, OrgPath>,
    Query(Page(page)): Query<Page>,
    uri: Uri,
) -> Result<Listed<ProjectView>, Problem> {
    let seen = app.doorkeeper.projects_seen(&caller, path.org());
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.projects(path.org(), seen.as_deref(), &page).await?;
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
    May { grant, path, .. }: May<right::ProjectRead, ProjectPath>,
) -> Result<Answer<ProjectView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.project_by_id(path.project()).await?.ok_or_else(Problem::not_found)?;
    let version = found.version;
    Ok(Answer::found(found.into(), Some(version), position))
}
