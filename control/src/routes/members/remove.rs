//! Putting somebody out.

use axum::extract::State;
use ff_domain::MembershipCommand;

use super::{MembershipView, part};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::MemberPath;

/// Remove a member
///
/// You must have all that they have. Their next request is refused, and their tokens are revoked. Refused for the last owner.
#[utoipa::path(
    delete, path = "/api/v1/orgs/{org}/members/{user}", operation_id = "remove_member", tag = "members",
    params(MemberPath),
    responses((status = 200, description = "Removed", body = MembershipView)),
)]
pub(crate) async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    At(path): At<MemberPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<MembershipView>, Problem> {
    part(&app, &caller, &path, MembershipCommand::Revoke, &intent).await
}
