//! Which roles there are.

use axum::extract::State;
use ff_auth::{Grant, right};
use ff_domain::OrganizationState;
use ff_projections::ProjectionName;
use ff_projections::queries::Document;

use super::{RoleView, Roles};
use crate::App;
use crate::problem::Problem;
use crate::request::May;
use crate::respond::Answer;
use crate::routes::paths::{OrgPath, RolePath};

/// List roles
///
/// `ETag` is the version of the organization, which its roles are part of.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/roles", operation_id = "list_roles", tag = "roles",
    params(OrgPath),
    responses((status = 200, description = "All that can be given", body = Roles)),
)]
pub(crate) async fn list_roles(
    State(app): State<App>,
    May { grant, path, .. }: May<right::MembershipRead, OrgPath>,
) -> Result<Answer<Roles>, Problem> {
    let (found, position) = organization(&app, &grant, &path).await?;
    let roles = Roles::of(&app, &found.state);
    Ok(Answer::found(roles, Some(found.version), position))
}

/// Get a role
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/roles/{role}", operation_id = "get_role", tag = "roles",
    params(RolePath),
    responses((status = 200, description = "The role, at the version of the organization", body = RoleView)),
)]
pub(crate) async fn get_role(
    State(app): State<App>,
    May { grant, path, .. }: May<right::MembershipRead, RolePath>,
) -> Result<Answer<RoleView>, Problem> {
    let (found, position) = organization(&app, &grant, &path.organization()).await?;
    let role = RoleView::find(&app, &found.state, &path.role).ok_or_else(Problem::not_found)?;
    Ok(Answer::found(role, Some(found.version), position))
}

async fn organization(
    app: &App,
    grant: &Grant,
    path: &OrgPath,
) -> Result<(Document<OrganizationState>, ff_eventlog::Position), Problem> {
    let queries = app.read(grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.organization(path.org()).await?.ok_or_else(Problem::not_found)?;
    Ok((found, position))
}
