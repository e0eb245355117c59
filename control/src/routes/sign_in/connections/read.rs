//! Which connections there are, never their secrets.

use axum::Json;
use axum::extract::State;
use ff_auth::{Permission, Scope};

use super::{ConnectionView, ConnectionsView, refusal};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::At;
use crate::routes::paths::OrgPath;
use crate::routes::sign_in::ConnectionPath;

/// List connections to identity providers
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/sign-in-connections", operation_id = "list_sign_in_connections",
    tag = "sign-in", params(OrgPath),
    responses((status = 200, description = "All of them, the oldest first", body = ConnectionsView)),
)]
pub(crate) async fn list_sign_in_connections(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
) -> Result<Json<ConnectionsView>, Problem> {
    let _ = app.allow(&caller, Permission::SignInConfigure, path.scope())?;
    let found = app.providers.connections(path.org().0).await.map_err(refusal)?;
    let items = found.into_iter().map(|found| ConnectionView::of(&app, &path.org, found));
    Ok(Json(ConnectionsView { items: items.collect::<Result<_, _>>()? }))
}

/// Get a connection to an identity provider
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/sign-in-connections/{connection}", operation_id = "get_sign_in_connection",
    tag = "sign-in", params(ConnectionPath),
    responses((status = 200, description = "The connection, without its secret", body = ConnectionView)),
)]
pub(crate) async fn get_sign_in_connection(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ConnectionPath>,
) -> Result<ConnectionView, Problem> {
    let organization = path.org();
    let _ = app.allow(&caller, Permission::SignInConfigure, Scope::organization(organization.0))?;
    let found = app.providers.connection(organization.0, path.connection).await;
    ConnectionView::of(&app, &path.org, found.map_err(refusal)?)
}
