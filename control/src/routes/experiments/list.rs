//! The experiments of a project, searched and filtered.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::right;
use ff_domain::{EnvironmentKey, ExperimentId, ExperimentKey, FlagKey, UserId, experiment::Status};
use ff_projections::ProjectionName;
use ff_projections::queries::{ExperimentFilter, ExperimentRow, ExperimentSort};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::problem::Problem;
use crate::request::{FromParameters, May, Page, PageParameters, Parameters, Query, bad_parameter};
use crate::respond::{Listed, Stamp};
use crate::routes::filters;
use crate::routes::paths::ProjectPath;

/// An experiment in a list: all but its design and its iterations.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExperimentSummary {
    /// Its id.
    id: ExperimentId,
    /// Its key, unique in the project.
    key: ExperimentKey,
    /// What people call it.
    name: String,
    /// What is expected, and why.
    hypothesis: String,
    /// Where it is in its life.
    status: Status,
    /// Key of the flag it is about.
    flag: FlagKey,
    /// Key of the environment it runs in.
    environment: EnvironmentKey,
    /// Who looks after it.
    owner: Option<UserId>,
    /// Words to find it by.
    tags: Vec<String>,
    /// Number of the iteration that goes on, or was the last.
    iteration: Option<u32>,
    /// When it was started.
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<Timestamp>,
    /// When it was stopped.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// Whether it is put away.
    archived: bool,
    #[serde(flatten)]
    stamp: Stamp,
}

impl From<ExperimentRow> for ExperimentSummary {
    fn from(row: ExperimentRow) -> Self {
        Self {
            stamp: Stamp::at(row.version, row.position, row.created_at, row.updated_at),
            id: row.id,
            key: row.key,
            name: row.name,
            hypothesis: row.hypothesis,
            status: row.status,
            flag: row.flag,
            environment: row.environment,
            owner: row.owner,
            tags: row.tags,
            iteration: row.iteration,
            started_at: row.started_at,
            ended_at: row.ended_at,
            archived: row.archived,
        }
    }
}

/// A page of experiments.
#[derive(Serialize, ToSchema)]
pub(crate) struct Experiments {
    /// The page.
    items: Vec<ExperimentSummary>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// Which experiments, in which order.
pub(crate) struct Which(ExperimentFilter, Page);

/// How a list of experiments is narrowed down.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes parameters, and is never filled in")]
pub(crate) struct ExperimentParameters {
    /// A text in key, name or hypothesis, whatever its case.
    search: Option<String>,
    /// A tag; repeat the parameter for more, all of them must be there.
    tag: Option<Vec<String>>,
    /// `draft`, `running`, `paused`, `stopped` or `decided`; repeat the parameter for several.
    #[param(inline)]
    status: Option<Vec<Status>>,
    /// Key of the flag it is about.
    #[param(inline, value_type = Option<FlagKey>)]
    flag: Option<String>,
    /// Key of the environment it runs in.
    #[param(inline, value_type = Option<EnvironmentKey>)]
    environment: Option<String>,
    /// Key of a metric it is measured by.
    #[param(inline, value_type = Option<ff_domain::MetricKey>)]
    metric: Option<String>,
    /// Id of who looks after it.
    #[param(value_type = Option<uuid::Uuid>)]
    owner: Option<UserId>,
    /// `live` (the default), `archived` or `all`.
    #[param(pattern = "^(live|archived|all)$")]
    state: Option<String>,
    /// `key` (the default), or `updated`: what was changed last comes first.
    #[param(pattern = "^(key|updated)$")]
    sort: Option<String>,
}

fn status(name: &str) -> Result<Status, Problem> {
    let all = [Status::Draft, Status::Running, Status::Paused, Status::Stopped, Status::Decided];
    all.into_iter().find(|status| status.as_str() == name).ok_or_else(|| {
        bad_parameter("status", "give `draft`, `running`, `paused`, `stopped` or `decided`")
    })
}

impl FromParameters for Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let statuses = parameters.all("status");
        let sort = match parameters.one("sort").as_deref() {
            None | Some("key") => ExperimentSort::Key,
            Some("updated") => ExperimentSort::Updated,
            Some(_) => return Err(bad_parameter("sort", "give `key` or `updated`")),
        };
        let filter = ExperimentFilter {
            search: filters::search(parameters),
            tags: filters::tags(parameters),
            status: statuses.iter().map(|name| status(name)).collect::<Result<_, _>>()?,
            flag: parameters.parsed("flag", "the key of a flag")?,
            environment: parameters.parsed("environment", "the key of an environment")?,
            metric: parameters.parsed("metric", "the key of a metric")?,
            owner: parameters.parsed("owner", "the id of a user")?,
            state: filters::state(parameters)?,
            sort,
        };
        Ok(Self(filter, Page::take(parameters)?))
    }
}

/// List experiments
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/experiments",
    operation_id = "list_experiments", tag = "experiments",
    params(ProjectPath, ExperimentParameters, PageParameters),
    responses((status = 200, description = "A page", body = Experiments)),
)]
pub(crate) async fn list_experiments(
    State(app): State<App>,
    May { grant, path, .. }: May<right::ExperimentRead, ProjectPath>,
    Query(Which(filter, Page(page))): Query<Which>,
    uri: Uri,
) -> Result<Listed<ExperimentSummary>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.experiments(path.project(), &filter, &page).await?;
    if found.items.is_empty() {
        queries.project_by_id(path.project()).await?.ok_or_else(Problem::not_found)?;
    }
    Ok(Listed::of(found, position, &uri, ExperimentSummary::from))
}
