//! What happened to a metric, from its first event on.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::right;
use ff_domain::Metric;
use ff_projections::ProjectionName;

use crate::App;
use crate::middleware::Seen;
use crate::problem::Problem;
use crate::request::{May, Page, PageParameters, Query};
use crate::respond::Listed;
use crate::routes::audit::{History, HistoryItem};
use crate::routes::paths::MetricPath;

/// Get the history of a metric
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/metrics/{metric}/history",
    operation_id = "get_metric_history", tag = "metrics", params(MetricPath, PageParameters),
    responses((status = 200, description = "A page, the oldest first", body = History)),
)]
pub(crate) async fn get_metric_history(
    State(app): State<App>,
    May { grant, path, .. }: May<right::MetricRead, MetricPath>,
    seen: Seen,
    Query(Page(page)): Query<Page>,
    uri: Uri,
) -> Result<Listed<HistoryItem>, Problem> {
    app.wait_for(ProjectionName::Archive, seen).await?;
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Archive).await?;
    let found = queries.history::<Metric>(path.id().0, &page).await?;
    if found.items.is_empty() {
        queries.metric(path.id()).await?.ok_or_else(Problem::not_found)?;
    }
    Ok(Listed::of(found, position, &uri, HistoryItem::from))
}
