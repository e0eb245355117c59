//! The layers of a project, searched.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::right;
use ff_projections::ProjectionName;
use ff_projections::queries::LayerFilter;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::LayerView;
use crate::App;
use crate::problem::Problem;
use crate::request::{FromParameters, May, Page, PageParameters, Parameters, Query};
use crate::respond::Listed;
use crate::routes::filters;
use crate::routes::paths::ProjectPath;

/// A page of layers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Layers {
    /// The page.
    items: Vec<LayerView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

/// Which layers.
pub(crate) struct Which(LayerFilter, Page);

/// How a list of layers is narrowed down.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes parameters, and is never filled in")]
pub(crate) struct LayerParameters {
    /// A text in key, name or description, whatever its case.
    search: Option<String>,
    /// `live` (the default), `archived` or `all`.
    #[param(pattern = "^(live|archived|all)$")]
    state: Option<String>,
}

impl FromParameters for Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let filter =
            LayerFilter { search: filters::search(parameters), state: filters::state(parameters)? };
        Ok(Self(filter, Page::take(parameters)?))
    }
}

/// List layers
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/layers",
    operation_id = "list_layers", tag = "layers",
    params(ProjectPath, LayerParameters, PageParameters),
    responses((status = 200, description = "A page, by key", body = Layers)),
)]
pub(crate) async fn list_layers(
    State(app): State<App>,
    May { grant, path, .. }: May<right::LayerRead, ProjectPath>,
    Query(Which(filter, Page(page))): Query<Which>,
    uri: Uri,
) -> Result<Listed<LayerView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.layers(path.project(), &filter, &page).await?;
    if found.items.is_empty() {
        queries.project_by_id(path.project()).await?.ok_or_else(Problem::not_found)?;
    }
    Ok(Listed::of(found, position, &uri, LayerView::from))
}
