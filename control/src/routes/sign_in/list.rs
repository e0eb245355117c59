//! Through which providers the people of an organization can come in.

use axum::Json;
use axum::extract::State;
use ff_domain::{OrganizationId, OrganizationKey};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::connections::refusal;
use crate::App;
use crate::problem::Problem;
use crate::request::At;

/// Names an organization, or none.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct AnyOrg {
    /// Key of the organization.
    org: String,
}

/// A way in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignInOption {
    /// Id of the connection.
    id: Uuid,
    /// What to write on the button.
    name: String,
}

/// All ways in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignInOptions {
    /// The connections that are enabled, the oldest first.
    items: Vec<SignInOption>,
}

/// List the identity providers of an organization
///
/// For the page where people sign in. An organization that does not exist has none, like one that has connected none.
#[utoipa::path(
    get, path = "/api/v1/sign-in/{org}", operation_id = "list_sign_ins", tag = "sessions",
    params(AnyOrg),
    responses((status = 200, description = "Those that people can come in through", body = SignInOptions)),
    security(()),
)]
pub(crate) async fn list_sign_ins(
    State(app): State<App>,
    At(AnyOrg { org }): At<AnyOrg>,
) -> Result<Json<SignInOptions>, Problem> {
    let Ok(key) = OrganizationKey::parse(&org) else {
        return Ok(Json(SignInOptions { items: Vec::new() }));
    };
    let found = app.providers.connections(OrganizationId::of(&key).0).await.map_err(refusal)?;
    let enabled = found.into_iter().filter(|connection| connection.enabled);
    let items = enabled.map(|found| SignInOption { id: found.id, name: found.name }).collect();
    Ok(Json(SignInOptions { items }))
}
