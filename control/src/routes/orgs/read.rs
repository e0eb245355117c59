//! One's organizations.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::{PrincipalKind, right};
use ff_domain::UserId;
use ff_projections::{ProjectionName, queries::Slice};

use super::{OrganizationView, Organizations};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::May;
use crate::respond::{Answer, Listed};
use crate::routes::paths::OrgPath;

/// List your organizations
#[utoipa::path(
    get, path = "/api/v1/orgs", operation_id = "list_organizations", tag = "organizations",
    responses((status = 200, description = "All you belong to, by key", body = Organizations)),
)]
pub(crate) async fn list_organizations(
    State(app): State<App>,
    Caller { principal, .. }: Caller,
    uri: Uri,
) -> Result<Listed<OrganizationView>, Problem> {
    let PrincipalKind::User { user_id } = principal.kind else { return Err(Problem::not_found()) };
    app.catch_up().await;
    let position = app.queries.position(ProjectionName::Catalog).await?;
    let mut items = app.queries.organizations_of(UserId(user_id)).await?;
    // A session by way of an organization's identity provider is good there alone.
    items.retain(|found| principal.org.is_none_or(|only| only == found.state.id().0));
    let all = Slice { items, next_cursor: None };
    Ok(Listed::of(all, position, &uri, OrganizationView::from))
}

/// Get an organization
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}", operation_id = "get_organization", tag = "organizations",
    params(OrgPath),
    responses((status = 200, description = "The organization", body = OrganizationView)),
)]
pub(crate) async fn get_organization(
    State(app): State<App>,
    May { grant, path, .. }: May<right::OrganizationRead, OrgPath>,
) -> Result<Answer<OrganizationView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.organization(path.org()).await?.ok_or_else(Problem::not_found)?;
    let version = found.version;
    Ok(Answer::found(found.into(), Some(version), position))
}
