//! Renaming an organization.

use axum::extract::State;
use ff_domain::OrganizationCommand;
use serde::Deserialize;
use utoipa::ToSchema;

use super::OrganizationView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::OrgPath;

/// What to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenameOrganization {
    /// The new name.
    name: String,
}

impl Payload for RenameOrganization {}

/// Rename an organization
#[utoipa::path(
    patch, path = "/api/v1/orgs/{org}", operation_id = "rename_organization",
    tag = "organizations", params(OrgPath), request_body = RenameOrganization,
    responses((status = 200, description = "Renamed", body = OrganizationView)),
)]
pub(crate) async fn rename_organization(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Change { body, intent }: Change<RenameOrganization>,
) -> Result<Answer<OrganizationView>, Problem> {
    let command = OrganizationCommand::Rename { name: body.name };
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
