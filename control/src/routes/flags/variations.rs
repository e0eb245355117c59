//! The values that a flag can have.

use axum::extract::State;
use ff_domain::FlagCommand;
use ff_evaluator::Variation;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::FlagView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing, Payload, given};
use crate::respond::Answer;
use crate::routes::paths::{FlagPath, VariationPath};

impl Payload for Variation {}

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateVariation {
    /// The new name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<String>,
    /// The new value, of the flag's type.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Value, required = false)]
    value: Option<Value>,
}

impl Payload for UpdateVariation {}

/// Add a variation
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/variations",
    operation_id = "add_variation", tag = "flags", params(FlagPath), request_body = Variation,
    responses((status = 201, description = "Added", body = FlagView)),
)]
pub(crate) async fn add_variation(
    State(app): State<App>,
    caller: Caller,
    At(path): At<FlagPath>,
    Change { body, intent }: Change<Variation>,
) -> Result<Answer<FlagView>, Problem> {
    let command = FlagCommand::AddVariation(body);
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    let location =
        format!("/api/v1/orgs/{}/projects/{}/flags/{}", path.org, path.project, path.flag);
    Ok(Answer::changed(done)?.created(&location))
}

/// Change name or value of a variation
#[utoipa::path(
    patch, path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/variations/{variation}",
    operation_id = "update_variation", tag = "flags", params(VariationPath),
    request_body = UpdateVariation,
    responses((status = 200, description = "Changed", body = FlagView)),
)]
pub(crate) async fn update_variation(
    State(app): State<App>,
    caller: Caller,
    At(path): At<VariationPath>,
    Change { body, intent }: Change<UpdateVariation>,
) -> Result<Answer<FlagView>, Problem> {
    let UpdateVariation { name, value } = body;
    let command = FlagCommand::ChangeVariation { key: path.variation.clone(), name, value };
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}

/// Remove a variation
///
/// Refused while a rule still serves it, or another flag waits for it.
#[utoipa::path(
    delete, path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/variations/{variation}",
    operation_id = "remove_variation", tag = "flags", params(VariationPath),
    responses((status = 200, description = "Removed", body = FlagView)),
)]
pub(crate) async fn remove_variation(
    State(app): State<App>,
    caller: Caller,
    At(path): At<VariationPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<FlagView>, Problem> {
    let command = FlagCommand::RemoveVariation { key: path.variation.clone() };
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
