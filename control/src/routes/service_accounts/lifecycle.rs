//! Putting a service account away, and taking it back into use.

use axum::extract::State;
use ff_domain::ServiceAccountCommand;
use ff_security::Kind;

use super::{AccountView, subject};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::AccountPath;
use crate::routes::rights_log::note;

/// Archive a service account
///
/// Its keys let nobody in from now on. You must have all that it has.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/service-accounts/{account}/archive",
    operation_id = "archive_service_account", tag = "service accounts", params(AccountPath),
    responses((status = 200, description = "Archived", body = AccountView)),
)]
pub(crate) async fn archive_service_account(
    State(app): State<App>,
    caller: Caller,
    At(path): At<AccountPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<AccountView>, Problem> {
    let command = ServiceAccountCommand::Archive;
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await?;
    note(&app, &caller, path.org(), &done, Kind::MemberRemoved, subject(path.id()));
    Answer::changed(done)
}

/// Restore a service account
///
/// Its keys let in again, unless they were revoked. You must have all that it will have.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/service-accounts/{account}/restore",
    operation_id = "restore_service_account", tag = "service accounts", params(AccountPath),
    responses((status = 200, description = "Restored", body = AccountView)),
)]
pub(crate) async fn restore_service_account(
    State(app): State<App>,
    caller: Caller,
    At(path): At<AccountPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<AccountView>, Problem> {
    let command = ServiceAccountCommand::Restore;
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await?;
    note(&app, &caller, path.org(), &done, Kind::MemberAdded, subject(path.id()));
    Answer::changed(done)
}
