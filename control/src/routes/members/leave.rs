//! Leaving, which is everybody's own to decide.

use axum::extract::State;
use ff_domain::{MembershipCommand, UserId};

use super::{MembershipView, part};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::{MemberPath, OrgPath};
use crate::routes::sessions::person;

/// Leave an organization
///
/// Whatever your role, unless you are its last owner. Your tokens there are revoked. A program cannot leave for you.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/leave", operation_id = "leave_organization", tag = "members",
    params(OrgPath),
    responses((status = 200, description = "You do not belong to it any more", body = MembershipView)),
)]
pub(crate) async fn leave_organization(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<MembershipView>, Problem> {
    let user = UserId(person(&caller)?);
    let path = MemberPath { org: path.org, user };
    part(&app, &caller, &path, MembershipCommand::Leave, &intent).await
}
