//! Members: who belongs to an organization, and what they may do in it.
//!
//! Names and e-mails are in the table of people alone, so they come with what is read and not with the answers to
//! changes, which need the event log only.

mod add;
mod leave;
mod read;
mod remove;
mod roles;

use std::collections::BTreeSet;

use ff_domain::{Membership, MembershipCommand, MembershipState, RoleAssignment, UserId};
use ff_security::{Kind, Subject};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::App;
use crate::middleware::Caller;
use crate::problem::{Chain, Problem};
use crate::request::Intent;
use crate::respond::{Answer, Stamp, View};
use crate::routes::paths::MemberPath;
use crate::routes::rights_log::note;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(read::list_members, add::add_member))
        .routes(routes!(read::get_member, remove::remove_member))
        .routes(routes!(roles::give_role))
        .routes(routes!(roles::take_role))
        .routes(routes!(leave::leave_organization))
}

/// What somebody may do in an organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Membership)]
pub(crate) struct MembershipView {
    /// Their id; what the audit log calls them.
    user: UserId,
    /// What people have given them.
    roles: BTreeSet<RoleAssignment>,
    /// What identity providers say of them. It adds up with what people have given, and only the provider takes it.
    provider_roles: Vec<ProviderRoles>,
    /// Whether they own the organization.
    is_owner: bool,
    /// Whether they belong to it; not any more in the answer to who has just removed them.
    member: bool,
    #[serde(flatten)]
    stamp: Stamp,
}

/// What one identity provider says of somebody.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderRoles {
    /// The id of the connection to it.
    connection: Uuid,
    /// What it says.
    roles: BTreeSet<RoleAssignment>,
}

impl MembershipView {
    fn new(state: MembershipState, member: bool, stamp: Stamp) -> Self {
        let is_owner = member && state.is_owner();
        let provider_roles = provider_roles(&state);
        Self { user: state.user, roles: state.roles, provider_roles, is_owner, member, stamp }
    }
}

/// What identity providers say of somebody.
pub(super) fn provider_roles(state: &MembershipState) -> Vec<ProviderRoles> {
    let all = state.provider_roles.iter();
    all.map(|(&connection, roles)| ProviderRoles { connection, roles: roles.clone() }).collect()
}

/// Puts somebody out, or lets them go, and ends their tokens.
async fn part(
    app: &App,
    caller: &Caller,
    path: &MemberPath,
    command: MembershipCommand,
    intent: &Intent,
) -> Result<Answer<MembershipView>, Problem> {
    let (organization, user) = (path.org(), path.user);
    let tokens = app.doorkeeper.rights().tokens_of(organization, user);
    let done = app.execute(caller, path.scope(), path.target(), command, intent).await?;
    if done.changed
        && let Err(error) = app.erasure().end_tokens(organization, &tokens, Timestamp::now()).await
    {
        tracing::warn!(error = %Chain(&error), "tokens of somebody who was put out still look alive");
    }
    note(app, caller, organization, &done, Kind::MemberRemoved, Subject::user(user.0));
    Answer::changed(done)
}

impl View for MembershipView {
    type Aggregate = Membership;

    fn of(aggregate: Membership, stamp: Stamp) -> Option<Self> {
        match aggregate {
            Membership::Absent => None,
            Membership::Live(state) => Some(Self::new(state, true, stamp)),
            Membership::Revoked(state) => Some(Self::new(state, false, stamp)),
        }
    }
}
