//! Name and description of a layer; who has which part of it follows from the experiments.

use axum::extract::State;
use ff_domain::{LayerCommand, layer::LayerDetails};
use serde::Deserialize;
use utoipa::ToSchema;

use super::LayerView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload, given};
use crate::respond::Answer;
use crate::routes::paths::LayerPath;

/// What to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateLayer {
    /// The new name.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    name: Option<String>,
    /// The new description.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
}

impl Payload for UpdateLayer {}

/// Change the details of a layer
#[utoipa::path(
    patch, path = "/api/v1/orgs/{org}/projects/{project}/layers/{layer}",
    operation_id = "update_layer", tag = "layers", params(LayerPath),
    request_body = UpdateLayer,
    responses((status = 200, description = "Changed", body = LayerView)),
)]
pub(crate) async fn update_layer(
    State(app): State<App>,
    caller: Caller,
    At(path): At<LayerPath>,
    Change { body, intent }: Change<UpdateLayer>,
) -> Result<Answer<LayerView>, Problem> {
    let UpdateLayer { name, description } = body;
    let command = LayerCommand::ChangeDetails(LayerDetails { name, description });
    let done = app.execute(&caller, path.project_scope(), path.target(), command, &intent).await?;
    Answer::changed(done)
}
