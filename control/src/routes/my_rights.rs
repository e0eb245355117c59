//! What the caller may do: for a user interface that shows no button which would be refused.

use std::collections::BTreeSet;

use axum::extract::State;
use ff_auth::{Member, Permission, PrincipalKind, Scope, right};
use ff_domain::{
    ApiKey, ApiKeyId, Environment, EnvironmentId, EnvironmentKey, OrganizationId, Project,
    ProjectId, ProjectKey, RoleAssignment, RoleKey, ServiceAccountId, ServiceAccountKey, UserId,
    api_key::{TokenRole, TokenScope},
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{FromParameters, May, Parameters, Query, bad_parameter};
use crate::respond::Answer;
use crate::routes::members::{ProviderRoles, provider_roles};
use crate::routes::paths::OrgPath;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(get_my_rights))
}

/// What the caller may do in an organization.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct MyRights {
    /// The person who asks, or whose token it is.
    user: Option<UserId>,
    /// The service account that the token is of.
    service_account: Option<ServiceAccountKey>,
    /// The roles of the person or service account; of a token that is the organization's own, what it was issued for.
    roles: BTreeSet<RoleAssignment>,
    /// What identity providers say of the person.
    provider_roles: Vec<ProviderRoles>,
    /// Whether the person owns the organization.
    is_owner: bool,
    /// What a personal token is limited to; null without one.
    limits: Option<BTreeSet<RoleAssignment>>,
    /// What may be done in all of the organization.
    permissions: Vec<&'static str>,
    /// What may be done in the place that was asked about; null if none was.
    here: Option<Vec<&'static str>>,
}

/// A place to ask about.
pub(crate) struct Here {
    project: Option<ProjectKey>,
    environment: Option<EnvironmentKey>,
}

impl FromParameters for Here {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let project = parameters.parsed("project", "the key of a project")?;
        let environment = parameters.parsed("environment", "the key of an environment")?;
        if environment.is_some() && project.is_none() {
            return Err(bad_parameter("environment", "an environment is named with its project"));
        }
        Ok(Self { project, environment })
    }
}

/// What you may do
///
/// Your roles, and the permissions that follow from them in all of the organization and, if you ask for it, in a project
/// or an environment. A request may still be refused for what it is about: nobody gives rights that they do not have.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/me", operation_id = "get_my_rights", tag = "roles",
    params(
        OrgPath,
        ("project" = Option<String>, Query, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
            description = "Key of a project to ask about"),
        ("environment" = Option<String>, Query, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
            description = "Key of an environment of the project to ask about"),
    ),
    responses((status = 200, description = "Your roles and permissions", body = MyRights)),
)]
pub(crate) async fn get_my_rights(
    State(app): State<App>,
    May { caller, path, .. }: May<right::OrganizationRead, OrgPath>,
    Query(here): Query<Here>,
) -> Result<Answer<MyRights>, Problem> {
    let position = app.doorkeeper.rights().position();
    let mut mine = whose(&app, &caller, path.org());
    mine.permissions = permissions(&app, &caller, &path.scope());
    if let Some(scope) = place(&app, &caller, path.org(), &here).await? {
        mine.here = Some(permissions(&app, &caller, &scope));
    }
    Ok(Answer::found(mine, None, position))
}

fn whose(app: &App, caller: &Caller, organization: OrganizationId) -> MyRights {
    let mut mine = MyRights::default();
    let owner = match caller.principal.kind {
        PrincipalKind::User { user_id } => Some(Member::User(user_id)),
        PrincipalKind::ApiKey { .. } | PrincipalKind::System => caller.principal.owner,
    };
    let rights = app.doorkeeper.rights();
    match owner {
        Some(Member::User(user)) => {
            mine.user = Some(UserId(user));
            if let Some(member) = rights.member(organization, UserId(user)) {
                mine.is_owner = member.is_owner();
                mine.provider_roles = provider_roles(&member);
                mine.roles = member.roles;
            }
        }
        Some(Member::ServiceAccount(account)) => {
            let account = rights.account(organization, ServiceAccountId(account));
            if let Some(account) = account {
                mine.service_account = Some(account.key);
                mine.roles = account.roles;
            }
        }
        None => {}
    }
    if let PrincipalKind::ApiKey { key_id } = caller.principal.kind
        && let Some(ApiKey::Live(key)) = rights.key(organization, ApiKeyId(key_id))
    {
        let limits: BTreeSet<_> = key.purpose.scopes().iter().map(assignment).collect();
        match owner {
            None => mine.roles = limits,
            Some(Member::User(_)) => mine.limits = Some(limits),
            Some(Member::ServiceAccount(_)) => {}
        }
    }
    mine
}

fn assignment(scope: &TokenScope) -> RoleAssignment {
    let role = match scope.role {
        TokenRole::Admin => "admin",
        TokenRole::Editor => "editor",
        TokenRole::Viewer => "viewer",
    };
    RoleAssignment {
        role: RoleKey::parse(role).expect("the name of a built-in role is a key"),
        project: scope.project.clone(),
        environment: scope.environment.clone(),
    }
}

/// The place that was asked about, if the caller may know of it.
async fn place(
    app: &App,
    caller: &Caller,
    organization: OrganizationId,
    here: &Here,
) -> Result<Option<Scope>, Problem> {
    let Some(key) = &here.project else { return Ok(None) };
    let project = ProjectId::of(organization, key);
    let scope = Scope::organization(organization.0).in_project(project.0);
    let grant = app.allow(caller, Permission::ProjectRead, scope)?;
    if app.load::<Project>(&grant, organization, project).await? == Project::Absent {
        return Err(Problem::not_found());
    }
    let Some(key) = &here.environment else { return Ok(Some(scope)) };
    let environment = EnvironmentId::of(project, key);
    let scope = scope.in_environment(environment.0);
    let grant = app.allow(caller, Permission::EnvironmentRead, scope)?;
    if app.load::<Environment>(&grant, organization, environment).await? == Environment::Absent {
        return Err(Problem::not_found());
    }
    Ok(Some(scope))
}

/// All that may be done there. Founding is nothing that is done in an organization, and what is a person's own to decide no
/// program does for them.
fn permissions(app: &App, caller: &Caller, scope: &Scope) -> Vec<&'static str> {
    let is_person = matches!(caller.principal.kind, PrincipalKind::User { .. });
    let possible = |permission: &Permission| match permission {
        Permission::OrganizationCreate => false,
        Permission::PersonalTokenIssue
        | Permission::PersonalTokenRevoke
        | Permission::MembershipLeave => is_person,
        _ => true,
    };
    let all = Permission::ALL.iter().copied();
    all.filter(possible)
        .filter(|permission| app.doorkeeper.may(caller, *permission, scope))
        .map(Permission::as_str)
        .collect()
}
