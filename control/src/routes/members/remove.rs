//! Putting somebody out.

use axum::extract::State;
use ff_domain::MembershipCommand;
use ff_security::{Kind, Subject};

use super::MembershipView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::MemberPath;
use crate::routes::rights_log::note;

/// Remove a member
///
/// You must have all that they have. Their next request is refused, and so are those of their tokens. Refused for the last
/// owner.
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
    let command = MembershipCommand::Revoke;
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await?;
    let subject = Subject::user(path.user.0);
    note(&app, &caller, path.org(), &done, Kind::MemberRemoved, subject);
    Answer::changed(done)
}
