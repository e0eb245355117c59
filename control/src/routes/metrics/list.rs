//! The metrics of a project, searched and filtered.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::right;
use ff_domain::UserId;
use ff_projections::ProjectionName;
use ff_projections::queries::MetricFilter;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::MetricView;
use crate::App;
use crate::problem::Problem;
use crate::request::{FromParameters, May, Page, PageParameters, Parameters, Query, bad_parameter};
use crate::respond::Listed;
use crate::routes::filters;
use crate::routes::paths::ProjectPath;

/// A page of metrics.
#[derive(Serialize, ToSchema)]
pub(crate) struct Metrics {
    /// The page.
    items: Vec<MetricView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// Which metrics.
pub(crate) struct Which(MetricFilter, Page);

/// How a list of metrics is narrowed down.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes parameters, and is never filled in")]
pub(crate) struct MetricParameters {
    /// A text in key, name or description, whatever its case.
    search: Option<String>,
    /// A tag; repeat the parameter for more, all of them must be there.
    tag: Option<Vec<String>>,
    /// `binomial`, `mean`, `count`, `ratio`, `quantile`, `retention` or `funnel`.
    #[param(pattern = "^(binomial|mean|count|ratio|quantile|retention|funnel)$")]
    kind: Option<String>,
    /// The name of an event that it is computed from.
    event: Option<String>,
    /// Id of who looks after it.
    #[param(value_type = Option<uuid::Uuid>)]
    owner: Option<UserId>,
    /// `live` (the default), `archived` or `all`.
    #[param(pattern = "^(live|archived|all)$")]
    state: Option<String>,
}

const KINDS: [&str; 7] = ["binomial", "mean", "count", "ratio", "quantile", "retention", "funnel"];

impl FromParameters for Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let kind = match parameters.one("kind") {
            Some(kind) => Some(*KINDS.iter().find(|known| **known == kind).ok_or_else(|| {
                bad_parameter("kind", format!("give one of `{}`", KINDS.join("`, `")))
            })?),
            None => None,
        };
        let filter = MetricFilter {
            search: filters::search(parameters),
            tags: filters::tags(parameters),
            kind,
            event: parameters.one("event").map(|event| event.replace('\0', "\u{fffd}")),
            owner: parameters.parsed("owner", "the id of a user")?,
            state: filters::state(parameters)?,
        };
        Ok(Self(filter, Page::take(parameters)?))
    }
}

/// List metrics
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/metrics",
    operation_id = "list_metrics", tag = "metrics",
    params(ProjectPath, MetricParameters, PageParameters),
    responses((status = 200, description = "A page, by key", body = Metrics)),
)]
pub(crate) async fn list_metrics(
    State(app): State<App>,
    May { grant, path, .. }: May<right::MetricRead, ProjectPath>,
    Query(Which(filter, Page(page))): Query<Which>,
    uri: Uri,
) -> Result<Listed<MetricView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.metrics(path.project(), &filter, &page).await?;
    if found.items.is_empty() {
        queries.project_by_id(path.project()).await?.ok_or_else(Problem::not_found)?;
    }
    Ok(Listed::of(found, position, &uri, MetricView::from))
}
