//! Name and stage of an environment.

use axum::extract::State;
use ff_domain::EnvironmentCommand;
use serde::Deserialize;
use utoipa::ToSchema;

use super::EnvironmentView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload, given};
use crate::respond::Answer;
use crate::routes::paths::EnvironmentPath;

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateEnvironment {
    /// The new name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<String>,
    /// Whether changes here touch real users.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = bool, required = false)]
    production: Option<bool>,
}

impl Payload for UpdateEnvironment {}

/// Change name or stage of an environment
#[utoipa::path(
    patch, path = "/api/v1/orgs/{org}/projects/{project}/environments/{environment}",
    operation_id = "update_environment", tag = "environments", params(EnvironmentPath),
    request_body = UpdateEnvironment,
    responses((status = 200, description = "Changed", body = EnvironmentView)),
)]
pub(crate) async fn update_environment(
    State(app): State<App>,
    caller: Caller,
    At(path): At<EnvironmentPath>,
    Change { body, intent }: Change<UpdateEnvironment>,
) -> Result<Answer<EnvironmentView>, Problem> {
    let UpdateEnvironment { name, production } = body;
    let command = EnvironmentCommand::ChangeDetails { name, production };
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
