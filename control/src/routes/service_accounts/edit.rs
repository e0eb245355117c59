//! Calling or describing a service account otherwise.

use axum::extract::State;
use ff_domain::ServiceAccountCommand;
use serde::Deserialize;
use utoipa::ToSchema;

use super::AccountView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload, given};
use crate::respond::Answer;
use crate::routes::paths::AccountPath;

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateServiceAccount {
    /// The new name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<String>,
    /// The new description.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
}

impl Payload for UpdateServiceAccount {}

/// Change name or description of a service account
#[utoipa::path(
    patch, path = "/api/v1/orgs/{org}/service-accounts/{account}", operation_id = "update_service_account",
    tag = "service accounts", params(AccountPath), request_body = UpdateServiceAccount,
    responses((status = 200, description = "Changed", body = AccountView)),
)]
pub(crate) async fn update_service_account(
    State(app): State<App>,
    caller: Caller,
    At(path): At<AccountPath>,
    Change { body, intent }: Change<UpdateServiceAccount>,
) -> Result<Answer<AccountView>, Problem> {
    let UpdateServiceAccount { name, description } = body;
    let command = ServiceAccountCommand::ChangeDetails { name, description };
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
