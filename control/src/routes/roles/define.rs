//! Making roles, and making them anew.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_auth::Permission;
use ff_commands::Done;
use ff_domain::{Organization, OrganizationCommand, OrganizationError, RoleDefinition, RoleKey};
use ff_security::{Kind, Subject};
use serde::Deserialize;
use utoipa::ToSchema;

use super::RoleView;
use super::remove::not_held;
use crate::App;
use crate::middleware::Caller;
use crate::problem::{Problem, Refusal as _};
use crate::request::{At, Change, Payload};
use crate::respond::Answer;
use crate::routes::orgs::OrganizationView;
use crate::routes::paths::{OrgPath, RolePath};
use crate::routes::rights_log::note;

/// A new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRole {
    /// Its key, unique in the organization and none of those that every organization has. It never changes.
    #[schema(example = "releaser")]
    key: RoleKey,
    /// What people call it.
    name: String,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// The names of the permissions it holds: see `GET /api/v1/permissions`. You must have them in all of the
    /// organization. To see the places where it is given comes with every role.
    permissions: Vec<String>,
}

impl Payload for CreateRole {
    const LIMIT: usize = 64 * 1024;
}

/// What a role is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplaceRole {
    /// What people call it.
    name: String,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// The names of the permissions it holds. You must have them in all of the organization, and those it held before.
    permissions: Vec<String>,
}

impl Payload for ReplaceRole {
    const LIMIT: usize = 64 * 1024;
}

/// Create a role
///
/// The `ETag` of the answer is the version of the organization.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/roles", operation_id = "create_role", tag = "roles",
    params(OrgPath), request_body = CreateRole,
    responses((status = 201, description = "Created", body = RoleView)),
)]
pub(crate) async fn create_role(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Change { body, intent }: Change<CreateRole>,
) -> Result<Answer<RoleView>, Problem> {
    let CreateRole { key, name, description, permissions } = body;
    let _ = app.allow(&caller, Permission::RoleDefine, path.scope())?;
    // Whoever was given one of this key at the moment it was removed would have the new one. That of a built-in role is
    // refused for what it is.
    let known = app.doorkeeper.rights().organization(path.org());
    let own = ff_auth::RoleKey::parse(key.as_str()).is_ok();
    if own && !known.is_some_and(|known| known.roles.contains_key(&key)) {
        not_held(&app, path.org(), &key)?;
    }
    let (set, role) = definition(name, description, &permissions);
    let command = OrganizationCommand::CreateRole { key: key.clone(), role };
    let done = app.execute(&caller, path.scope(), path.target(), command, &intent).await;
    let done = done.map_err(|problem| problem.at_items("/permissions", &set, &permissions))?;
    note(&app, &caller, path.org(), &done, Kind::RoleDefined, Subject::role(key.as_str()));
    let location = format!("/api/v1/orgs/{}/roles/{key}", path.org);
    Ok(answer(&app, done, &key)?.created(&location))
}

/// Replace a role
///
/// Whoever has it holds what it says now, from their next request on.
#[utoipa::path(
    put, path = "/api/v1/orgs/{org}/roles/{role}", operation_id = "replace_role", tag = "roles",
    params(RolePath), request_body = ReplaceRole,
    responses((status = 200, description = "Replaced", body = RoleView)),
)]
pub(crate) async fn replace_role(
    State(app): State<App>,
    caller: Caller,
    At(path): At<RolePath>,
    Change { body, intent }: Change<ReplaceRole>,
) -> Result<Answer<RoleView>, Problem> {
    let ReplaceRole { name, description, permissions } = body;
    let (set, role) = definition(name, description, &permissions);
    let (organization, key) = (path.organization(), path.role);
    let command = OrganizationCommand::ReplaceRole { key: key.clone(), role };
    let done =
        app.execute(&caller, organization.scope(), organization.target(), command, &intent).await;
    let done = done.map_err(|problem| problem.at_items("/permissions", &set, &permissions))?;
    let subject = Subject::role(key.as_str());
    note(&app, &caller, organization.org(), &done, Kind::RoleDefined, subject);
    answer(&app, done, &key)
}

fn definition(
    name: String,
    description: String,
    permissions: &[String],
) -> (BTreeSet<String>, RoleDefinition) {
    let set: BTreeSet<_> = permissions.iter().cloned().collect();
    (set.clone(), RoleDefinition { name, description, permissions: set })
}

/// The role as it is now. One that was removed since an earlier answer to the same command is not there.
fn answer(app: &App, done: Done<Organization>, key: &RoleKey) -> Result<Answer<RoleView>, Problem> {
    let role = match &done.aggregate {
        Organization::Live(state) => RoleView::find(app, state, key),
        Organization::Absent => None,
    };
    let role = role.ok_or_else(|| OrganizationError::RoleNotFound(key.clone()).into_problem())?;
    Ok(Answer::<OrganizationView>::changed(done)?.map(|_| role))
}
