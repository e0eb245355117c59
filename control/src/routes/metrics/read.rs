//! A metric as it is, with what uses it.

use axum::extract::State;
use ff_auth::right;
use ff_domain::Item;
use ff_projections::ProjectionName;

use super::MetricView;
use crate::App;
use crate::problem::Problem;
use crate::request::May;
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
    May { grant, path, .. }: May<right::MetricRead, MetricPath>,
) -> Result<Answer<MetricView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.metric(path.id()).await?.ok_or_else(Problem::not_found)?;
    let item = Item::Metric(path.metric.clone());
    let used_by = queries.used_by(path.project(), &item).await?;
    let version = found.version;
    Ok(Answer::found(MetricView::from(found).used_by(used_by), Some(version), position))
}
