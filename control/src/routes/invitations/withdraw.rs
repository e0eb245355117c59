//! Taking an invitation back.

use axum::extract::State;
use axum::http::StatusCode;
use ff_auth::Permission;
use ff_domain::{OrganizationId, OrganizationKey};
use ff_security::{Kind, Outcome, Subject, SubjectKind};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::At;

/// Names an invitation.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct InvitationPath {
    /// Key of the organization.
    #[param(value_type = String)]
    org: OrganizationKey,
    /// Id of the invitation.
    invitation: Uuid,
}

/// Withdraw an invitation
///
/// Its link is worth nothing from now on.
#[utoipa::path(
    delete, path = "/api/v1/orgs/{org}/invitations/{invitation}", operation_id = "withdraw_invitation",
    tag = "people", params(InvitationPath),
    responses((status = 204, description = "Withdrawn")),
)]
pub(crate) async fn withdraw_invitation(
    State(app): State<App>,
    caller: Caller,
    At(path): At<InvitationPath>,
) -> Result<StatusCode, Problem> {
    let OrganizationId(organization) = OrganizationId::of(&path.org);
    let scope = ff_auth::Scope::organization(organization);
    let _ = app.allow(&caller, Permission::MembershipGrant, scope)?;
    if !app.people.withdraw(organization, path.invitation).await? {
        return Err(Problem::not_found());
    }
    let mut record = app.doorkeeper.record(Kind::InvitationWithdrawn, Outcome::Ok, &caller);
    record.organization = Some(organization);
    record.subject = Some(Subject::new(SubjectKind::Invitation, path.invitation));
    app.doorkeeper.recorder().record(record);
    Ok(StatusCode::NO_CONTENT)
}
