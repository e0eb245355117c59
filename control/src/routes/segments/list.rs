//! The segments of a project, searched and filtered.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::right;
use ff_domain::SegmentId;
use ff_projections::ProjectionName;
use ff_projections::queries::{SegmentFilter, SegmentRow};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::problem::Problem;
use crate::request::{FromParameters, May, Page, PageParameters, Parameters, Query};
use crate::respond::{Listed, Stamp};
use crate::routes::filters;
use crate::routes::paths::ProjectPath;

/// A segment in a list: all but its members.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SegmentSummary {
    /// Its id.
    id: SegmentId,
    /// Its key, unique in the project.
    key: String,
    /// What people call it.
    name: String,
    /// What it is for.
    description: String,
    /// Words to find it by.
    tags: Vec<String>,
    /// Whether it is put away.
    archived: bool,
    #[serde(flatten)]
    stamp: Stamp,
}

impl From<SegmentRow> for SegmentSummary {
    fn from(row: SegmentRow) -> Self {
        Self {
            stamp: Stamp::at(row.version, row.position, row.created_at, row.updated_at),
            id: row.id,
            key: row.key,
            name: row.name,
            description: row.description,
            tags: row.tags,
            archived: row.archived,
        }
    }
}

/// A page of segments.
#[derive(Serialize, ToSchema)]
pub(crate) struct Segments {
    /// The page.
    items: Vec<SegmentSummary>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// Which segments.
pub(crate) struct Which(SegmentFilter, Page);

/// How a list of segments is narrowed down.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes parameters, and is never filled in")]
pub(crate) struct SegmentParameters {
    /// A text in key, name or description, whatever its case.
    search: Option<String>,
    /// A tag; repeat the parameter for more, all of them must be there.
    tag: Option<Vec<String>>,
    /// `live` (the default), `archived` or `all`.
    #[param(pattern = "^(live|archived|all)$")]
    state: Option<String>,
}

impl FromParameters for Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let filter = SegmentFilter {
            search: filters::search(parameters),
            tags: filters::tags(parameters),
            state: filters::state(parameters)?,
        };
        Ok(Self(filter, Page::take(parameters)?))
    }
}

/// List segments
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/segments",
    operation_id = "list_segments", tag = "segments",
    params(ProjectPath, SegmentParameters, PageParameters),
    responses((status = 200, description = "A page, by key", body = Segments)),
)]
pub(crate) async fn list_segments(
    State(app): State<App>,
    May { grant, path, .. }: May<right::SegmentRead, ProjectPath>,
    Query(Which(filter, Page(page))): Query<Which>,
    uri: Uri,
) -> Result<Listed<SegmentSummary>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.segments(path.project(), &filter, &page).await?;
    if found.items.is_empty() {
        queries.project_by_id(path.project()).await?.ok_or_else(Problem::not_found)?;
    }
    Ok(Listed::of(found, position, &uri, SegmentSummary::from))
}
