//! A flag as it is, or as it was.

use axum::extract::State;
use ff_auth::right;
use ff_domain::Flag;
use ff_projections::ProjectionName;

use super::FlagView;
use crate::App;
use crate::problem::Problem;
use crate::request::{May, Query};
use crate::respond::{Answer, View as _};
use crate::routes::past::{When, past};
use crate::routes::paths::FlagPath;

/// Get a flag
///
/// With `as_of` as it was after that commit; then the version is the number of its commits until then, and there
/// is no `ETag`, because what was cannot be changed.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/flags/{flag}", operation_id = "get_flag",
    tag = "flags",
    params(
        FlagPath,
        ("as_of" = Option<String>, Query, pattern = "^(0|[1-9][0-9]{0,17})$",
            description = "A position: show the flag as it was then"),
    ),
    responses((status = 200, description = "The flag", body = FlagView)),
)]
pub(crate) async fn get_flag(
    State(app): State<App>,
    May { grant, path, .. }: May<right::FlagRead, FlagPath>,
    Query(When(when)): Query<When>,
) -> Result<Answer<FlagView>, Problem> {
    let queries = app.read(&grant);
    let Some(as_of) = when else {
        let position = queries.position(ProjectionName::Catalog).await?;
        let found = queries.flag(path.id()).await?.ok_or_else(Problem::not_found)?;
        let version = found.version;
        return Ok(Answer::found(found.into(), Some(version), position));
    };
    let (flag, stamp) = past::<Flag>(queries, path.id().0, as_of).await?;
    let body = FlagView::of(flag, stamp).ok_or_else(Problem::not_found)?;
    Ok(Answer::found(body, None, as_of))
}
