//! A layer as it is, with what uses it.

use axum::extract::State;
use ff_auth::right;
use ff_projections::ProjectionName;

use super::LayerView;
use crate::App;
use crate::problem::Problem;
use crate::request::May;
use crate::respond::Answer;
use crate::routes::paths::LayerPath;

/// Get a layer
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/layers/{layer}",
    operation_id = "get_layer", tag = "layers", params(LayerPath),
    responses((status = 200, description = "The layer", body = LayerView)),
)]
pub(crate) async fn get_layer(
    State(app): State<App>,
    May { grant, path, .. }: May<right::LayerRead, LayerPath>,
) -> Result<Answer<LayerView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.layer(path.id()).await?.ok_or_else(Problem::not_found)?;
    let used_by = queries.experiments_in(path.project(), &path.layer).await?;
    let version = found.version;
    Ok(Answer::found(LayerView::from(found).used_by(used_by), Some(version), position))
}
