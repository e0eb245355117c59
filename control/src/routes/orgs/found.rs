//! Founding an organization: whoever does is its first owner.

use axum::extract::State;
use ff_auth::{Permission, PrincipalKind};
use ff_domain::{OrganizationId, OrganizationKey, UserId};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::OrganizationView;
use crate::App;
use crate::middleware::{Caller, limit_deed};
use crate::problem::Problem;
use crate::request::{Change, Payload};
use crate::respond::Answer;

/// A new organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateOrganization {
    /// Its key, unique in the installation. It never changes.
    key: OrganizationKey,
    /// What people call it.
    name: String,
}

impl Payload for CreateOrganization {}

/// Found an organization
///
/// You become its owner.
#[utoipa::path(
    post, path = "/api/v1/orgs", operation_id = "create_organization", tag = "organizations",
    request_body = CreateOrganization,
    responses((status = 201, description = "Founded", body = OrganizationView)),
)]
pub(crate) async fn create_organization(
    State(app): State<App>,
    caller: Caller,
    Change { body, intent }: Change<CreateOrganization>,
) -> Result<Answer<OrganizationView>, Problem> {
    let PrincipalKind::User { user_id } = caller.principal.kind else {
        return Err(Problem::not_found());
    };
    let org = OrganizationId::of(&body.key);
    let scope = ff_auth::Scope::organization(org.0);
    let grant = app.allow(&caller, Permission::OrganizationCreate, scope)?;
    limit_deed(&app, &caller, "foundings", app.quotas.foundings).await?;
    let location = format!("/api/v1/orgs/{}", body.key);
    let done = app
        .once(&caller, &intent, async {
            let meta = intent.meta(&caller.principal, Timestamp::now());
            let CreateOrganization { key, name } = body;
            let owner = UserId(user_id);
            Ok(app.commands.create_organization(&grant, key, name, owner, meta).await?)
        })
        .await?;
    app.in_force(&done).await;
    Ok(Answer::changed(done)?.created(&location))
}
