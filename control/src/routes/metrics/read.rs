//! A metric as it is, with what uses it.

use axum::extract::State;
use ff_auth::Permission;
use ff_domain::Item;
use ff_projections::ProjectionName;

use super::MetricView;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::At;
use crate::respond::Answer;
use crate::routes::paths::MetricPath;

/// Get a metric
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/metrics/{metric}",
    operation_id = "get_metric", tag = "metrics", params(MetricPath),
    responses((status = 200, description = "The metric", body = MetricView)),
)]
pub(crate) async fn get_metric(
    State(app): State<App>,
    caller: Caller,
    At(path): At<MetricPath>,
) -> Result<Answer<MetricView>, Problem> {
    let grant = app.allow(&caller, Permission::MetricRead, path.project_scope()).await?;
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.metric(path.id()).await?.ok_or_else(Problem::not_found)?;
    let item = Item::Metric(path.metric.clone());
    let used_by = queries.used_by(path.project(), &item).await?;
    let version = found.version;
    Ok(Answer::found(MetricView::from(found).used_by(used_by), Some(version), position))
}
