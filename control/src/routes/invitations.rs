//! Invitations: how people come to an account, and to an organization that they are not in yet.
//!
//! Whoever invites must have what they promise, at that moment and again when the invitation is accepted: then it is
//! given in their name. What was promised by somebody who has lost it since is not given.

mod accept;
mod give;
mod invite;
mod look;
mod read;
mod withdraw;

use std::collections::BTreeSet;

use ff_domain::RoleAssignment;
use ff_identity::Invitation;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::App;
use crate::problem::Problem;

/// Routes of those who have the link.
pub(super) fn public() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(look::look_at_invitation))
        .routes(routes!(accept::accept_invitation))
}

/// Routes of those who invite, and of those who have an account already.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(invite::create_invitation, read::list_invitations))
        .routes(routes!(withdraw::withdraw_invitation))
        .routes(routes!(accept::accept_invitation_signed_in))
}

/// An invitation that nobody has accepted.
#[derive(Serialize, ToSchema)]
#[schema(as = Invitation)]
pub(crate) struct InvitationView {
    /// Its id.
    id: Uuid,
    /// Whose mailbox it is for.
    email: String,
    /// What they will be given.
    roles: BTreeSet<RoleAssignment>,
    /// The id of the person or key that invites.
    invited_by: Uuid,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Until when it can be accepted.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl InvitationView {
    fn of(invitation: Invitation) -> Result<Self, Problem> {
        let Invitation { id, email, roles, invited_by, created_at, expires_at, .. } = invitation;
        Ok(Self { id, email, roles: promised(roles)?, invited_by, created_at, expires_at })
    }
}

/// The roles of an invitation, as they were written down when it was made.
fn promised(roles: serde_json::Value) -> Result<BTreeSet<RoleAssignment>, Problem> {
    serde_json::from_value(roles).map_err(|error| Problem::internal(&error))
}
