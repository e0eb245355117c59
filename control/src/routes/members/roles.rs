//! Giving and taking roles, one at a time.

use axum::extract::State;
use ff_domain::{MembershipCommand, RoleAssignment};
use ff_security::{Kind, Subject};

use super::MembershipView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::{MemberPath, scope_of};
use crate::routes::rights_log::note_role;

impl Payload for RoleAssignment {
    const LIMIT: usize = 4 * 1024;
}

/// Give a member a role
///
/// You must have all that the role holds, in that place. Who has a hand in a project's members gives roles in it. Giving
/// what they have changes nothing.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/members/{user}/roles/give", operation_id = "give_role", tag = "members",
    params(MemberPath), request_body = RoleAssignment,
    responses((status = 200, description = "They have it", body = MembershipView)),
)]
pub(crate) async fn give_role(
    State(app): State<App>,
    caller: Caller,
    At(path): At<MemberPath>,
    Change { body: role, intent }: Change<RoleAssignment>,
) -> Result<Answer<MembershipView>, Problem> {
    let around = scope_of(path.org(), &role);
    let command = MembershipCommand::GiveRole(role.clone());
    let done = app.execute(&caller, around, path.target(), command, &intent).await?;
    let subject = Subject::user(path.user.0);
    note_role(&app, &caller, path.org(), &done, Kind::RoleGiven, subject, &role);
    Answer::changed(done)
}

/// Take a role from a member
///
/// You must have all that the role holds, in that place. The last owner stays one. Taking what they have not changes
/// nothing; what an identity provider says of them is not taken.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/members/{user}/roles/take", operation_id = "take_role", tag = "members",
    params(MemberPath), request_body = RoleAssignment,
    responses((status = 200, description = "They have it no more", body = MembershipView)),
)]
pub(crate) async fn take_role(
    State(app): State<App>,
    caller: Caller,
    At(path): At<MemberPath>,
    Change { body: role, intent }: Change<RoleAssignment>,
) -> Result<Answer<MembershipView>, Problem> {
    let around = scope_of(path.org(), &role);
    let command = MembershipCommand::TakeRole(role.clone());
    let done = app.execute(&caller, around, path.target(), command, &intent).await?;
    let subject = Subject::user(path.user.0);
    note_role(&app, &caller, path.org(), &done, Kind::RoleTaken, subject, &role);
    Answer::changed(done)
}
