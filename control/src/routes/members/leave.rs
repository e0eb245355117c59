//! Leaving, which is everybody's own to decide.

use axum::extract::State;
use ff_commands::Target;
use ff_domain::{Membership, MembershipCommand, MembershipId, UserId};
use ff_security::{Kind, Subject};

use super::MembershipView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::paths::OrgPath;
use crate::routes::rights_log::note;
use crate::routes::sessions::person;

/// Leave an organization
///
/// Whatever your role, unless you are its last owner. A program cannot leave for you.
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
    let organization = path.org();
    let target = Target::<Membership>::new(organization, MembershipId::of(organization, user));
    let command = MembershipCommand::Leave;
    let done = app.execute(&caller, path.scope(), target, command, &intent).await?;
    note(&app, &caller, organization, &done, Kind::MemberRemoved, Subject::user(user.0));
    Answer::changed(done)
}
