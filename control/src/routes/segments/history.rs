//! What happened to a segment, from its first event on.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::right;
use ff_domain::Segment;
use ff_projections::ProjectionName;

use crate::App;
use crate::middleware::Seen;
use crate::problem::Problem;
use crate::request::{May, Page, PageParameters, Query};
use crate::respond::Listed;
use crate::routes::audit::{History, HistoryItem};
use crate::routes::paths::SegmentPath;

/// Get the history of a segment
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/segments/{segment}/history",
    operation_id = "get_segment_history", tag = "segments", params(SegmentPath, PageParameters),
    responses((status = 200, description = "A page, the oldest first", body = History)),
)]
pub(crate) async fn get_segment_history(
    State(app): State<App>,
    May { grant, path, .. }: May<right::SegmentRead, SegmentPath>,
    seen: Seen,
    Query(Page(page)): Query<Page>,
    uri: Uri,
) -> Result<Listed<HistoryItem>, Problem> {
    app.wait_for(ProjectionName::Archive, seen).await?;
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Archive).await?;
    let found = queries.history::<Segment>(path.id().0, &page).await?;
    if found.items.is_empty() {
        queries.segment(path.id()).await?.ok_or_else(Problem::not_found)?;
    }
    Ok(Listed::of(found, position, &uri, HistoryItem::from))
}
