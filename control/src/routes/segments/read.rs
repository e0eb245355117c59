//! A segment as it is, with what mentions it.

use axum::extract::State;
use ff_auth::right;
use ff_domain::Item;
use ff_projections::ProjectionName;

use super::SegmentView;
use crate::App;
use crate::problem::Problem;
use crate::request::May;
use crate::respond::Answer;
use crate::routes::paths::SegmentPath;

/// Get a segment
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/segments/{segment}",
    operation_id = "get_segment", tag = "segments", params(SegmentPath),
    responses((status = 200, description = "The segment", body = SegmentView)),
)]
pub(crate) async fn get_segment(
    State(app): State<App>,
    May { grant, path, .. }: May<right::SegmentRead, SegmentPath>,
) -> Result<Answer<SegmentView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.segment(path.id()).await?.ok_or_else(Problem::not_found)?;
    let item = Item::Segment(path.segment.clone());
    let used_by = queries.used_by(path.project(), &item).await?;
    let version = found.version;
    Ok(Answer::found(SegmentView::found(found, used_by), Some(version), position))
}
