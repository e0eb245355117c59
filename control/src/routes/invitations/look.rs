//! What an invitation is for, to whoever has its link.

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use ff_domain::{OrganizationId, OrganizationKey};
use ff_identity::AcceptError;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::middleware::visit;
use crate::problem::{Problem, code};
use crate::request::{Payload, Plain};
use crate::routes::sessions::slow_down;

/// What came by mail.
#[derive(Deserialize, ToSchema)]
#[schema(as = InvitationToken)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    /// What stands in the link after `#`.
    #[schema(value_type = String, format = Password)]
    pub(super) token: SecretString,
}

impl Payload for Token {
    const LIMIT: usize = 4 * 1024;
}

/// What an invitation is for.
#[derive(Serialize, ToSchema)]
#[schema(as = InvitationLook)]
pub(crate) struct Look {
    /// The organization's key.
    organization: OrganizationKey,
    /// What the organization is called.
    organization_name: String,
    /// Whose mailbox it is for.
    email: String,
    /// Whether there is an account with this e-mail: then sign in to accept, otherwise make one.
    has_account: bool,
    /// Until when it can be accepted.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Look at an invitation
#[utoipa::path(
    post, path = "/api/v1/invitations/look", operation_id = "look_at_invitation", tag = "people",
    request_body = Token,
    responses((status = 200, description = "What it is for", body = Look)),
    security(()),
)]
pub(crate) async fn look_at_invitation(
    State(app): State<App>,
    request: Request,
) -> Result<Json<Look>, Problem> {
    let visit = visit(&request);
    let Plain(Token { token }) = Plain::<Token>::from_request(request, &app).await?;
    slow_down(&app, visit).await?;
    let look = app.people.look(&token, Timestamp::now()).await?.ok_or_else(spent)?;
    app.doorkeeper.rights().current()?;
    let id = OrganizationId(look.invitation.organization);
    let organization = app.doorkeeper.rights().organization(id).ok_or_else(spent)?;
    Ok(Json(Look {
        organization: organization.key,
        organization_name: organization.name,
        email: look.invitation.email,
        has_account: look.has_account,
        expires_at: look.invitation.expires_at,
    }))
}

/// The invitation cannot be used.
pub(super) fn spent() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, code::SPENT, AcceptError::Unknown.to_string())
}
