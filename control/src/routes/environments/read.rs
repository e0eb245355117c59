//! Environments as they are.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::{Permission, right};
use ff_domain::EnvironmentId;
use ff_projections::{
    ProjectionName,
    queries::{Slice, StateFilter},
};

use super::{EnvironmentView, Environments};
use crate::App;
use crate::problem::Problem;
use crate::request::{FromParameters, May, Parameters, Query};
use crate::respond::{Answer, Listed};
use crate::routes::filters;
use crate::routes::paths::{EnvironmentPath, ProjectPath};

/// Which environments.
pub(crate) struct Which(StateFilter);

impl FromParameters for Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        Ok(Self(filters::state(parameters)?))
    }
}

/// List environments
///
/// Those that you may see.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/environments",
    operation_id = "list_environments", tag = "environments",
    params(
        ProjectPath,
        ("state" = Option<String>, Query, pattern = "^(live|archived|all)$",
            description = "`live` (the default), `archived` or `all`"),
    ),
    responses((status = 200, description = "By key", body = Environments)),
)]
pub(crate) async fn list_environments(
    State(app): State<App>,
    May { grant, caller, path, .. }: May<right::ProjectRead, ProjectPath>,
    Query(Which(state)): Query<Which>,
    uri: Uri,
) -> Result<Listed<EnvironmentView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let mut items = queries.environments(path.project()).await?;
    if items.is_empty() {
        queries.project_by_id(path.project()).await?.ok_or_else(Problem::not_found)?;
    }
    let seen = |id: EnvironmentId| {
        let scope = path.project_scope().in_environment(id.0);
        app.doorkeeper.may(&caller, Permission::EnvironmentRead, &scope)
    };
    items.retain(|found| {
        seen(found.state.id())
            && match state {
                StateFilter::Live => !found.archived,
                StateFilter::Archived => found.archived,
                StateFilter::All => true,
            }
    });
    let all = Slice { items, next_cursor: None };
    Ok(Listed::of(all, position, &uri, EnvironmentView::from))
}

/// Get an environment
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/projects/{project}/environments/{environment}",
    operation_id = "get_environment", tag = "environments", params(EnvironmentPath),
    responses((status = 200, description = "The environment", body = EnvironmentView)),
)]
pub(crate) async fn get_environment(
    State(app): State<App>,
    May { grant, path, .. }: May<right::EnvironmentRead, EnvironmentPath>,
) -> Result<Answer<EnvironmentView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.environment(path.id()).await?.ok_or_else(Problem::not_found)?;
    let version = found.version;
    Ok(Answer::found(found.into(), Some(version), position))
}
