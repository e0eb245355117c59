//! Single sign-on: how an organization connects to its identity provider, and how its people come in through it.
//!
//! A provider is believed about its own organization alone: whoever comes through it gets a session that is limited to
//! that organization, roles that are taken anew at each sign-in, and nothing else.

mod callback;
mod connections;
mod join;
mod list;
mod platform;
mod start;

use axum::http::StatusCode;
use ff_domain::{OrganizationId, OrganizationKey};
use ff_identity::DatabaseError;
use serde::Deserialize;
use url::Url;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::App;
use crate::problem::{Chain, Problem, code};

/// Routes of those who come in.
pub(super) fn public() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list::list_sign_ins))
        .routes(routes!(start::start_sign_in))
        .routes(routes!(callback::finish_sign_in))
}

/// Routes of those who connect.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(
            connections::read::list_sign_in_connections,
            connections::write::create_sign_in_connection
        ))
        .routes(routes!(
            connections::read::get_sign_in_connection,
            connections::write::replace_sign_in_connection,
            connections::write::delete_sign_in_connection
        ))
}

/// A connection of an organization.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ConnectionPath {
    /// Key of the organization.
    #[param(value_type = String)]
    org: OrganizationKey,
    /// Id of the connection.
    connection: Uuid,
}

impl ConnectionPath {
    fn org(&self) -> OrganizationId {
        OrganizationId::of(&self.org)
    }
}

/// Where the provider sends people back to: an address of this connection alone, so that no other provider can have its
/// codes redeemed.
fn redirect_uri(app: &App, organization: &OrganizationKey, connection: Uuid) -> String {
    format!("{}/api/v1/sign-in/{organization}/{connection}/callback", app.public_url)
}

/// A path on our own site as an address, which is never that of another.
fn on_site(app: &App, path: &str) -> Result<Url, Problem> {
    let home = Url::parse(&app.public_url).map_err(|error| Problem::internal(&error))?;
    let there = home.join(path).map_err(|error| Problem::internal(&error))?;
    if there.origin() == home.origin() { Ok(there) } else { Ok(home) }
}

/// The table of connections and logins cannot be reached.
fn unavailable(error: &DatabaseError) -> Problem {
    tracing::warn!(error = %Chain(error), "a sign-in found no table of people");
    let detail = "the table of people cannot be reached: try again when Postgres is back";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code::USERS_UNAVAILABLE, detail).retry_after(1)
}
