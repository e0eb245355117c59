//! What holds for a flag in every environment, its variations aside.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_domain::{
    FlagCommand, UserId,
    flag::{FlagDetails, Lifetime},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::FlagView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload, given};
use crate::respond::Answer;
use crate::routes::paths::FlagPath;

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateFlag {
    /// The new name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<String>,
    /// The new description.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    /// All its tags from now on.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Vec<String>, required = false)]
    tags: Option<BTreeSet<String>>,
    /// Who looks after it from now on; null is nobody.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<UserId>, required = false)]
    owner: Option<Option<UserId>>,
    /// Whether it is meant to be removed one day.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Lifetime, required = false)]
    lifetime: Option<Lifetime>,
    /// Whether client-side keys may see it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    client_side: Option<bool>,
}

impl Payload for UpdateFlag {}

/// Change the details of a flag
#[utoipa::path(
    patch, path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}",
    operation_id = "update_flag", tag = "flags", params(FlagPath), request_body = UpdateFlag,
    responses((status = 200, description = "Changed", body = FlagView)),
)]
pub(crate) async fn update_flag(
    State(app): State<App>,
    caller: Caller,
    At(path): At<FlagPath>,
    Change { body, intent }: Change<UpdateFlag>,
) -> Result<Answer<FlagView>, Problem> {
    let UpdateFlag { name, description, tags, owner, lifetime, client_side } = body;
    let details = FlagDetails { name, description, tags, owner, lifetime, client_side };
    let command = FlagCommand::ChangeDetails(details);
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
