//! What can be permitted at all.

use axum::extract::State;
use ff_auth::Permission;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::respond::Answer;

/// A permission.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Permission)]
pub(crate) struct PermissionView {
    /// Its name.
    #[schema(example = "flag.toggle")]
    name: &'static str,
    /// What whoever has it may do.
    about: &'static str,
    /// The least of the roles that every organization has which holds it.
    #[schema(example = "editor")]
    least_role: &'static str,
}

/// All permissions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Permissions {
    /// What roles are made of.
    items: Vec<PermissionView>,
}

/// List permissions
///
/// What roles are made of, the same in every organization.
#[utoipa::path(
    get, path = "/api/v1/permissions", operation_id = "list_permissions", tag = "roles",
    responses((status = 200, description = "All there are", body = Permissions)),
)]
pub(crate) async fn list_permissions(
    State(app): State<App>,
    _: Caller,
) -> Result<Answer<Permissions>, Problem> {
    let items = Permission::ALL.iter().map(|permission| PermissionView {
        name: permission.as_str(),
        about: permission.about(),
        least_role: permission.least_role().as_str(),
    });
    let permissions = Permissions { items: items.collect() };
    Ok(Answer::found(permissions, None, app.doorkeeper.rights().position()))
}
