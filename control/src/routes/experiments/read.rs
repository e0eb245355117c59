//! An experiment as it is, or as it was.

use axum::extract::State;
use ff_auth::right;
use ff_domain::Experiment;
use ff_projections::ProjectionName;

use super::ExperimentView;
use crate::App;
use crate::problem::Problem;
use crate::request::{May, Query};
use crate::respond::{Answer, View as _};
use crate::routes::past::{When, past};
use crate::routes::paths::ExperimentPath;

/// Get an experiment
///
/// With `as_of` as it was after that commit; then the version is the number of its commits until then, and there
/// is no `ETag`, because what was cannot be changed.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/experiments/{experiment}", operation_id = "get_experiment",
    tag = "experiments",
    params(
        ExperimentPath,
        ("as_of" = Option<String>, Query, pattern = "^(0|[1-9][0-9]{0,17})$",
            description = "A position: show the experiment as it was then"),
    ),
    responses((status = 200, description = "The experiment", body = ExperimentView)),
)]
pub(crate) async fn get_experiment(
    State(app): State<App>,
    May { grant, path, .. }: May<right::ExperimentRead, ExperimentPath>,
    Query(When(when)): Query<When>,
) -> Result<Answer<ExperimentView>, Problem> {
    let queries = app.read(&grant);
    let Some(as_of) = when else {
        let position = queries.position(ProjectionName::Catalog).await?;
        let found = queries.experiment(path.id()).await?.ok_or_else(Problem::not_found)?;
        let version = found.version;
        return Ok(Answer::found(found.into(), Some(version), position));
    };
    let (experiment, stamp) = past::<Experiment>(queries, path.id().0, as_of).await?;
    let body = ExperimentView::of(experiment, stamp).ok_or_else(Problem::not_found)?;
    Ok(Answer::found(body, None, as_of))
}
