//! Making a service account.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_commands::Target;
use ff_domain::{
    RoleAssignment, ServiceAccount, ServiceAccountCommand, ServiceAccountKey, ServiceAccountState,
};
use ff_security::Kind;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{AccountView, subject};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::OrgPath;
use crate::routes::rights_log::note;

/// A new service account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateServiceAccount {
    /// Its key, unique in the organization. It never changes.
    key: ServiceAccountKey,
    /// What people call it.
    name: String,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// What it may do. You must have it yourself; it is never an owner.
    #[serde(default)]
    roles: Vec<RoleAssignment>,
}

impl Payload for CreateServiceAccount {
    const LIMIT: usize = 64 * 1024;
}

/// Create a service account
///
/// It acts through keys, which are issued with `POST /api/v1/orgs/{org}/keys`.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/service-accounts", operation_id = "create_service_account",
    tag = "service accounts", params(OrgPath), request_body = CreateServiceAccount,
    responses((status = 201, description = "Created", body = AccountView)),
)]
pub(crate) async fn create_service_account(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Change { body, intent }: Change<CreateServiceAccount>,
) -> Result<Answer<AccountView>, Problem> {
    let CreateServiceAccount { key, name, description, roles } = body;
    let organization = path.org();
    let set: BTreeSet<_> = roles.iter().cloned().collect();
    let new = ServiceAccountState {
        organization,
        key: key.clone(),
        name,
        description,
        roles: set.clone(),
    };
    let id = new.id();
    let target = Target::<ServiceAccount>::new(organization, id);
    let command = ServiceAccountCommand::Create(new);
    let done = app.execute(&caller, path.scope(), target, command, &intent).await;
    let done = done.map_err(|problem| problem.at_items("/roles", &set, &roles))?;
    note(&app, &caller, organization, &done, Kind::MemberAdded, subject(id));
    let location = format!("/api/v1/orgs/{}/service-accounts/{key}", path.org);
    Ok(Answer::changed(done)?.created(&location))
}
