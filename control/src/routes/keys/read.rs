//! Which keys there are, never the keys.

use axum::extract::State;
use axum::http::Uri;
use ff_auth::{Grant, Member, Permission, PrincipalKind, Scope};
use ff_domain::{
    ApiKey, EnvironmentId, EnvironmentKey, OrganizationId, ProjectId, ProjectKey, ServiceAccountId,
    ServiceAccountKey, UserId,
};
use ff_projections::ProjectionName;
use ff_projections::queries::{ApiKeyFilter, Page as PageOf, StateFilter};

use super::purpose::KINDS;
use super::revoke::is_of;
use super::used::last_used;
use super::{KeyView, Keys};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, FromParameters, Page, PageParameters, Parameters, Query, bad_parameter};
use crate::respond::{Answer, Listed};
use crate::routes::filters;
use crate::routes::paths::{KeyPath, OrgPath};

/// Which keys.
pub(crate) struct Which {
    purpose: Option<String>,
    environment: Option<(ProjectKey, EnvironmentKey)>,
    account: Option<ServiceAccountKey>,
    mine: bool,
    state: StateFilter,
    page: PageOf,
}

impl FromParameters for Which {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let purpose = parameters.one("purpose");
        if purpose.as_ref().is_some_and(|purpose| !KINDS.contains(&purpose.as_str())) {
            return Err(bad_parameter("purpose", format!("give one of {}", KINDS.join(", "))));
        }
        let project = parameters.parsed("project", "the key of a project")?;
        let environment = parameters.parsed("environment", "the key of an environment")?;
        let environment = match (project, environment) {
            (None, None) => None,
            (Some(project), Some(environment)) => Some((project, environment)),
            (Some(_), None) => {
                return Err(bad_parameter("project", "name an environment of it as well"));
            }
            (None, Some(_)) => {
                let detail = "an environment is named with its project";
                return Err(bad_parameter("environment", detail));
            }
        };
        Ok(Self {
            purpose,
            environment,
            account: parameters.parsed("account", "the key of a service account")?,
            mine: parameters.parsed("mine", "`true` or `false`")?.unwrap_or(false),
            state: filters::state(parameters)?,
            page: {
                let Page(page) = Page::take(parameters)?;
                page
            },
        })
    }
}

/// List keys
///
/// Your own personal tokens with `mine=true`, whatever your role. Those of an environment may be listed by whoever may
/// see keys there.
#[utoipa::path(
    get, path = "/api/v1/orgs/{org}/keys", operation_id = "list_keys", tag = "keys",
    params(
        OrgPath,
        ("purpose" = Option<String>, Query, pattern = "^(sdk_server|sdk_client|api_token|personal_token|service_account)$",
            description = "`sdk_server`, `sdk_client`, `api_token`, `personal_token` or `service_account`"),
        ("project" = Option<String>, Query, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
            description = "Key of a project, with `environment`"),
        ("environment" = Option<String>, Query, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
            description = "Key of an environment of the project: only keys of SDKs there"),
        ("account" = Option<String>, Query, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
            description = "Key of a service account: only its keys"),
        ("mine" = Option<bool>, Query, description = "Only your own personal tokens"),
        ("state" = Option<String>, Query, pattern = "^(live|archived|all)$",
            description = "`live` (the default), `archived` (the revoked ones) or `all`"),
        PageParameters,
    ),
    responses((status = 200, description = "A page, the newest first", body = Keys)),
)]
pub(crate) async fn list_keys(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Query(which): Query<Which>,
    uri: Uri,
) -> Result<Listed<KeyView>, Problem> {
    let organization = path.org();
    let Which { purpose, environment, account, mine, state, page } = which;
    let owner = if mine { Some(oneself(&caller).ok_or_else(Problem::not_found)?) } else { None };
    let environment = environment.map(|(project, environment)| {
        let project = ProjectId::of(organization, &project);
        (project, EnvironmentId::of(project, &environment))
    });
    let (permission, scope) = match (owner, environment) {
        // Whoever is let in anywhere may have tokens of their own, and see them.
        (Some(_), _) => (Permission::OrganizationRead, path.scope()),
        (None, Some((project, environment))) => {
            let scope = path.scope().in_project(project.0).in_environment(environment.0);
            (Permission::ApiKeyRead, scope)
        }
        (None, None) => (Permission::ApiKeyRead, path.scope()),
    };
    let grant = app.allow(&caller, permission, scope)?;
    let filter = ApiKeyFilter {
        environment: environment.map(|(_, environment)| environment),
        owner,
        account: account.map(|key| ServiceAccountId::of(organization, &key)),
        purpose,
        state,
    };
    list(&app, &grant, organization, &filter, &page, &uri).await
}

/// A page of keys, with their last use.
pub(in crate::routes) async fn list(
    app: &App,
    grant: &Grant,
    organization: OrganizationId,
    filter: &ApiKeyFilter,
    page: &PageOf,
    uri: &Uri,
) -> Result<Listed<KeyView>, Problem> {
    let queries = app.read(grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.api_keys(organization, filter, page).await?;
    let mut used = last_used(app, found.items.iter().map(|key| key.id)).await;
    Ok(Listed::of(found, position, uri, |row| {
        let last_used = used.remove(&row.id.0);
        KeyView { last_used, ..row.into() }
    }))
}

/// Get a key
///
/// Your own personal tokens, whatever your role.
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
    let own = oneself(&caller).is_some_and(|user| is_of(&app, &path, user));
    let (permission, scope) = if own {
        (Permission::OrganizationRead, path.scope())
    } else {
        (Permission::ApiKeyRead, place(&app, &path))
    };
    let grant = app.allow(&caller, permission, scope)?;
    let queries = app.read(&grant);
    let position = queries.position(ProjectionName::Catalog).await?;
    let found = queries.api_key(path.key).await?;
    let found = found.filter(|key| key.organization == path.org());
    let found = found.ok_or_else(Problem::not_found)?;
    let version = found.version;
    let last_used = last_used(&app, std::iter::once(path.key)).await.remove(&path.key.0);
    let view = KeyView { last_used, ..found.into() };
    Ok(Answer::found(view, Some(version), position))
}

/// The person who asks, by themselves or with a token of theirs.
fn oneself(caller: &Caller) -> Option<UserId> {
    match (&caller.principal.kind, caller.principal.owner) {
        (PrincipalKind::User { user_id }, _) => Some(UserId(*user_id)),
        (PrincipalKind::ApiKey { .. }, Some(Member::User(user))) => Some(UserId(user)),
        (PrincipalKind::ApiKey { .. } | PrincipalKind::System, _) => None,
    }
}

/// Where a key is for: whoever may see keys there sees it.
fn place(app: &App, path: &KeyPath) -> Scope {
    let known = app.doorkeeper.rights().key(path.org(), path.key);
    let Some(ApiKey::Live(key) | ApiKey::Revoked(key)) = known else { return path.scope() };
    let (project, environment) = key.purpose.place(path.org());
    Scope {
        project: project.map(|id| id.0),
        environment: environment.map(|id| id.0),
        ..path.scope()
    }
}
