//! Which invitations are open.

use axum::Json;
use axum::extract::State;
use ff_auth::Permission;
use serde::Serialize;
use utoipa::ToSchema;

use super::InvitationView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::At;
use crate::routes::paths::OrgPath;

/// Invitations, the newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitations)]
pub(crate) struct Open {
    /// All of them.
    items: Vec<InvitationView>,
}

/// List invitations
///
/// Those that nobody has accepted, also if their time is over: for a while they can be repeated.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/invitations", operation_id = "list_invitations", tag = "people",
    params(OrgPath),
    responses((status = 200, description = "All, the newest first", body = Open)),
)]
pub(crate) async fn list_invitations(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
) -> Result<Json<Open>, Problem> {
    let _ = app.allow(&caller, Permission::MembershipGrant, path.scope())?;
    let found = app.people.invitations(path.org().0).await?;
    let items = found.into_iter().map(InvitationView::of).collect::<Result<_, _>>()?;
    Ok(Json(Open { items }))
}
