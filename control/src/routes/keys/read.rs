//! Which keys there are, never the keys.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::Permission;
use ff_projections::ProjectionName;
use ff_projections::queries::ApiKeyFilter;

use super::{KeyView, Keys};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, FromParameters, Page, PageParameters, Parameters, Query};
use crate::respond::{Answer, Listed};
use crate::routes::filters;
use crate::routes::paths::{KeyPath, OrgPath};

/// Which keys.
pub(crate) struct Which(ApiKeyFilter, Page);

impl FromParameters for Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let state = filters::state(parameters)?;
        Ok(Self(ApiKeyFilter { environment: None, state }, Page::take(parameters)?))
    }
}

/// List keys
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/keys", operation_id = "list_keys", tag = "keys",
    params(
        OrgPath,
        ("state" = Option<String>, Query, description = "`live` (the default), `archived` (the revoked ones) or `all`"),
        PageParameters,
    ),
    responses((status = 200, description = "A page, the newest first", body = Keys)),
)]
pub(crate) async fn list_keys(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Query(Which(filter, Page(page))): Query<Which>,
    uri: Uri,
) -> Result<Listed<KeyView>, Problem> {
    let grant = app.allow(&caller, Permission::ApiKeyRead, path.scope()).await?;
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.api_keys(path.org(), &filter, &page).await?;
    Ok(Listed::of(found, position, &uri, KeyView::from))
}

/// Get a key
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/keys/{key}", operation_id = "get_key", tag = "keys",
    params(KeyPath),
    responses((status = 200, description = "The key, without what it is", body = KeyView)),
)]
pub(crate) async fn get_key(
    State(app): State<App>,
    caller: Caller,
    At(path): At<KeyPath>,
) -> Result<Answer<KeyView>, Problem> {
    let grant = app.allow(&caller, Permission::ApiKeyRead, path.scope()).await?;
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.api_key(path.key).await?;
    let found = found.filter(|key| key.organization == path.org());
    let found = found.ok_or_else(Problem::not_found)?;
    let version = found.version;
    Ok(Answer::found(found.into(), Some(version), position))
}
