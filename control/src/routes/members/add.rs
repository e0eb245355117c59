//! Letting somebody in whom the organization's identity provider answers for. Everybody else is invited, and accepts or
//! not: belonging to an organization shows one's name and e-mail to it.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_auth::Permission;
use ff_commands::Target;
use ff_domain::{
    Membership, MembershipCommand, MembershipError, MembershipId, Problem as Wrong, RoleAssignment,
    UserId,
};
use ff_security::{Kind, Subject};
use serde::Deserialize;
use utoipa::ToSchema;

use super::MembershipView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::{Problem, Refusal as _};
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::OrgPath;
use crate::routes::rights_log::note;

/// Whom to let in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddMember {
    /// The id of a person of the organization's identity provider.
    user: UserId,
    /// What they may do. You must have it yourself.
    roles: Vec<RoleAssignment>,
}

impl Payload for AddMember {
    const LIMIT: usize = 64 * 1024;
}

/// Add a member
///
/// Somebody of the organization's identity provider, who was a member before. Invite everybody else.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/members", operation_id = "add_member", tag = "members",
    params(OrgPath), request_body = AddMember,
    responses((status = 201, description = "Added", body = MembershipView)),
)]
pub(crate) async fn add_member(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Change { body: AddMember { user, roles }, intent }: Change<AddMember>,
) -> Result<Answer<MembershipView>, Problem> {
    // Who there is, is told to those who may add somebody.
    let _ = app.allow(&caller, Permission::MembershipGrant, path.scope())?;
    let organization = path.org();
    let person = app.people.find(user.0).await?.filter(|person| {
        // Nobody else exists here before they have accepted.
        !person.erased && person.organization == Some(organization.0)
    });
    if person.is_none() {
        let wrong = Wrong::at(
            "/user",
            "the organization's identity provider has no such person: check the id, or invite them",
        );
        return Err(MembershipError::Invalid(vec![wrong]).into_problem());
    }
    let set: BTreeSet<_> = roles.iter().cloned().collect();
    let target = Target::<Membership>::new(organization, MembershipId::of(organization, user));
    let command = MembershipCommand::Grant { organization, user, roles: set.clone() };
    let done = app.execute(&caller, path.scope(), target, command, &intent).await;
    let done = done.map_err(|problem| problem.at_items("/roles", &set, &roles))?;
    note(&app, &caller, organization, &done, Kind::MemberAdded, Subject::user(user.0));
    let location = format!("/api/v1/orgs/{}/members/{user}", path.org);
    Ok(Answer::changed(done)?.created(&location))
}
