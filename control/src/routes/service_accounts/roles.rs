//! What a service account may do.

use axum::extract::State;
use ff_domain::{RoleAssignment, ServiceAccountCommand};
use ff_security::Kind;

use super::{AccountView, subject};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change};
use crate::respond::Answer;
use crate::routes::paths::{AccountPath, scope_of};
use crate::routes::rights_log::note_role;

/// Give a service account a role
///
/// You must have all that the role holds, in that place: whoever has a key of the account gets it.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/service-accounts/{account}/roles/give",
    operation_id = "give_service_account_role", tag = "service accounts", params(AccountPath),
    request_body = RoleAssignment,
    responses((status = 200, description = "It has it", body = AccountView)),
)]
pub(crate) async fn give_service_account_role(
    State(app): State<App>,
    caller: Caller,
    At(path): At<AccountPath>,
    Change { body: role, intent }: Change<RoleAssignment>,
) -> Result<Answer<AccountView>, Problem> {
    let around = scope_of(path.org(), &role);
    let command = ServiceAccountCommand::GiveRole(role.clone());
    let done = app.execute(&caller, around, path.target(), command, &intent).await?;
    note_role(&app, &caller, path.org(), &done, Kind::RoleGiven, subject(path.id()), &role);
    Answer::changed(done)
}

/// Take a role from a service account
///
/// You must have all that the role holds, in that place.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/service-accounts/{account}/roles/take",
    operation_id = "take_service_account_role", tag = "service accounts", params(AccountPath),
    request_body = RoleAssignment,
    responses((status = 200, description = "It has it no more", body = AccountView)),
)]
pub(crate) async fn take_service_account_role(
    State(app): State<App>,
    caller: Caller,
    At(path): At<AccountPath>,
    Change { body: role, intent }: Change<RoleAssignment>,
) -> Result<Answer<AccountView>, Problem> {
    let around = scope_of(path.org(), &role);
    let command = ServiceAccountCommand::TakeRole(role.clone());
    let done = app.execute(&caller, around, path.target(), command, &intent).await?;
    note_role(&app, &caller, path.org(), &done, Kind::RoleTaken, subject(path.id()), &role);
    Answer::changed(done)
}
