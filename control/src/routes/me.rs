//! Whoever is signed in.

use axum::extract::State;
use ff_auth::PrincipalKind;
use ff_domain::{OrganizationId, OrganizationKey, UserId};
use ff_projections::ProjectionName;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::respond::Answer;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(get_me))
}

/// Whoever is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// Their id; what the audit log calls them.
    id: UserId,
    /// Where they get mail.
    email: String,
    /// What others call them.
    name: String,
    /// The organizations they belong to.
    organizations: Vec<MyOrganization>,
}

/// An organization that the caller belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MyOrganization {
    /// Its id.
    id: OrganizationId,
    /// Its key.
    key: OrganizationKey,
    /// What people call it.
    name: String,
}

/// Who is signed in
#[utoipa::path(
    get, path = "/api/v1/me", operation_id = "get_me", tag = "sessions",
    responses((status = 200, description = "You, with your organizations", body = Me)),
)]
pub(crate) async fn get_me(
    State(app): State<App>,
    Caller(principal): Caller,
) -> Result<Answer<Me>, Problem> {
    let PrincipalKind::User { user_id } = principal.kind else { return Err(Problem::not_found()) };
    let user = app.users.find(UserId(user_id)).await?.ok_or_else(Problem::not_found)?;
    let position = app.queries.position(ProjectionName::Catalog).await?;
    let organizations = app.queries.organizations_of(user.id).await?;
    let organizations = organizations
        .into_iter()
        .map(|found| MyOrganization {
            id: found.state.id(),
            key: found.state.key,
            name: found.state.name,
        })
        .collect();
    let me = Me { id: user.id, email: user.email, name: user.name, organizations };
    Ok(Answer::found(me, None, position))
}
