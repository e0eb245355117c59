//! What happened to a flag, from its first event on.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::right;
use ff_domain::Flag;
use ff_projections::ProjectionName;

use crate::App;
use crate::middleware::Seen;
use crate::problem::Problem;
use crate::request::{May, Page, PageParameters, Query};
use crate::respond::Listed;
use crate::routes::audit::{History, HistoryItem};
use crate::routes::paths::FlagPath;

/// Get the history of a flag
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}/history",
    operation_id = "get_flag_history", tag = "flags", params(FlagPath, PageParameters),
    responses((status = 200, description = "A page, the oldest first", body = History)),
)]
pub(crate) async fn get_flag_history(
    State(app): State<App>,
    May { grant, path, .. }: May<right::FlagRead, FlagPath>,
    seen: Seen,
    Query(Page(page)): Query<Page>,
    uri: Uri,
) -> Result<Listed<HistoryItem>, Problem> {
    app.wait_for(ProjectionName::Archive, seen).await?;
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Archive).await?;
    let found = queries.history::<Flag>(path.id().0, &page).await?;
    if found.items.is_empty() {
        queries.flag(path.id()).await?.ok_or_else(Problem::not_found)?;
    }
    Ok(Listed::of(found, position, &uri, HistoryItem::from))
}
