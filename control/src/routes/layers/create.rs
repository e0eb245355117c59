//! Making a layer.

use axum::extract::State;
use ff_commands::Target;
use ff_domain::{LayerCommand, LayerId, LayerKey, layer};
use ff_evaluator::Weight;
use serde::Deserialize;
use utoipa::ToSchema;

use super::LayerView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::paths::ProjectPath;

/// A new layer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateLayer {
    /// Its key, unique in the project. It never changes.
    key: LayerKey,
    /// What people call it.
    name: String,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// The share of users in percent that no experiment gets; 0 if absent. It never changes.
    #[serde(default)]
    holdout: Option<Weight>,
    /// The attribute whose value is bucketed; the targeting key if absent. It never changes.
    #[serde(default)]
    bucket_by: Option<String>,
}

impl Payload for CreateLayer {}

/// Create a layer
///
/// A layer with a holdout and no experiments of its own is a holdout: experiments name it among their `holdouts`.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/projects/{project}/layers", operation_id = "create_layer",
    tag = "layers", params(ProjectPath), request_body = CreateLayer,
    responses((status = 201, description = "Created", body = LayerView)),
)]
pub(crate) async fn create_layer(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ProjectPath>,
    Change { body, intent }: Change<CreateLayer>,
) -> Result<Answer<LayerView>, Problem> {
    let CreateLayer { key, name, description, holdout, bucket_by } = body;
    let location = format!("/api/v1/orgs/{}/projects/{}/layers/{key}", path.org, path.project);
    let project = path.project();
    let nothing = Weight::from_thousandths(0).expect("0 percent is a share");
    let holdout = holdout.unwrap_or(nothing);
    let target = Target::new(path.org(), LayerId::of(project, &key));
    let new = layer::CreateLayer { project, key, name, description, holdout, bucket_by };
    let command = LayerCommand::Create(new);
    let done = app.execute(&caller, path.project_scope(), target, command, &intent).await?;
    Ok(Answer::changed(done)?.created(&location))
}
