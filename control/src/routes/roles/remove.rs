//! Having a role no more.

use axum::extract::State;
use axum::http::StatusCode;
use ff_auth::Permission;
use ff_domain::{Organization, OrganizationCommand, OrganizationId, RoleKey};
use ff_security::{Kind, Subject};

use super::Roles;
use crate::App;
use crate::middleware::Caller;
use crate::problem::{Problem, code};
use crate::request::{At, Change, Nothing};
use crate::respond::Answer;
use crate::routes::orgs::OrganizationView;
use crate::routes::paths::RolePath;
use crate::routes::rights_log::note;

/// Remove a role
///
/// Refused while somebody has it.
#[utoipa::path(
    delete, path = "/api/v1/orgs/{org}/roles/{role}", operation_id = "remove_role", tag = "roles",
    params(RolePath),
    responses((status = 200, description = "Removed; those that are left", body = Roles)),
)]
pub(crate) async fn remove_role(
    State(app): State<App>,
    caller: Caller,
    At(path): At<RolePath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<Answer<Roles>, Problem> {
    let (organization, key) = (path.organization(), path.role);
    let _ = app.allow(&caller, Permission::RoleDefine, organization.scope())?;
    let known = app.doorkeeper.rights().organization(organization.org());
    if known.is_some_and(|known| known.roles.contains_key(&key)) {
        not_held(&app, organization.org(), &key)?;
    }
    let command = OrganizationCommand::RemoveRole { key: key.clone() };
    let done =
        app.execute(&caller, organization.scope(), organization.target(), command, &intent).await?;
    let subject = Subject::role(key.as_str());
    note(&app, &caller, organization.org(), &done, Kind::RoleRemoved, subject);
    let left = match &done.aggregate {
        Organization::Live(state) => Roles::of(&app, state),
        Organization::Absent => return Err(Problem::not_found()),
    };
    Ok(Answer::<OrganizationView>::changed(done)?.map(|_| left))
}

/// Whether nobody has a role.
pub(super) fn not_held(
    app: &App,
    organization: OrganizationId,
    role: &RoleKey,
) -> Result<(), Problem> {
    match app.doorkeeper.rights().holders(organization, role) {
        0 => Ok(()),
        holders => Err(Problem::new(
            StatusCode::CONFLICT,
            code::ROLE_IN_USE,
            format!(
                "{holders} members and service accounts have the role `{role}`: take it from them first"
            ),
        )),
    }
}
