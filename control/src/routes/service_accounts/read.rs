//! Which service accounts there are, and their keys.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::right;
use ff_projections::ProjectionName;
use ff_projections::queries::{ApiKeyFilter, StateFilter};

use super::{AccountView, ServiceAccounts};
use crate::App;
use crate::problem::Problem;
use crate::request::{FromParameters, May, Page, PageParameters, Parameters, Query};
use crate::respond::{Answer, Listed};
use crate::routes::filters;
use crate::routes::keys::{KeyView, Keys, list};
use crate::routes::paths::{AccountPath, OrgPath};

/// Which ones.
pub(crate) struct Which(StateFilter, Page);

impl FromParameters for Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        Ok(Self(filters::state(parameters)?, Page::take(parameters)?))
    }
}

/// List service accounts
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/service-accounts", operation_id = "list_service_accounts",
    tag = "service accounts",
    params(
        OrgPath,
        ("state" = Option<String>, Query, pattern = "^(live|archived|all)$",
            description = "`live` (the default), `archived` or `all`"),
        PageParameters,
    ),
    responses((status = 200, description = "A page, by key", body = ServiceAccounts)),
)]
pub(crate) async fn list_service_accounts(
    State(app): State<App>,
    May { grant, path, .. }: May<right::ServiceAccountRead, OrgPath>,
    Query(Which(state, Page(page))): Query<Which>,
    uri: Uri,
) -> Result<Listed<AccountView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.service_accounts(path.org(), state, &page).await?;
    Ok(Listed::of(found, position, &uri, AccountView::from))
}

/// Get a service account
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/service-accounts/{account}", operation_id = "get_service_account",
    tag = "service accounts", params(AccountPath),
    responses((status = 200, description = "The service account", body = AccountView)),
)]
pub(crate) async fn get_service_account(
    State(app): State<App>,
    May { grant, path, .. }: May<right::ServiceAccountRead, AccountPath>,
) -> Result<Answer<AccountView>, Problem> {
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.service_account(path.id()).await?.ok_or_else(Problem::not_found)?;
    let version = found.version;
    Ok(Answer::found(found.into(), Some(version), position))
}

/// List keys of a service account
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/service-accounts/{account}/keys",
    operation_id = "list_service_account_keys", tag = "service accounts",
    params(
        AccountPath,
        ("state" = Option<String>, Query, pattern = "^(live|archived|all)$",
            description = "`live` (the default), `archived` (the revoked ones) or `all`"),
        PageParameters,
    ),
    responses((status = 200, description = "A page, the newest first", body = Keys)),
)]
pub(crate) async fn list_service_account_keys(
    State(app): State<App>,
    May { grant, path, .. }: May<right::ApiKeyRead, AccountPath>,
    Query(Which(state, Page(page))): Query<Which>,
    uri: Uri,
) -> Result<Listed<KeyView>, Problem> {
    let found = app.read(&grant).service_account(path.id()).await?;
    let account = found.ok_or_else(Problem::not_found)?.state.id();
    let filter = ApiKeyFilter { account: Some(account), state, ..ApiKeyFilter::default() };
    list(&app, &grant, path.org(), &filter, &page, &uri).await
}
