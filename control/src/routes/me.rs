//! Whoever is signed in: who they are, their password, and their wish to be forgotten.
//!
//! What is said here is about a person everywhere. A session that an organization's identity provider has vouched for is
//! that organization's word alone, so it changes nothing here but for people who belong to that organization only.

mod erase;
mod password;

use axum::extract::State;
use axum::http::StatusCode;
use ff_domain::{OrganizationId, OrganizationKey, UserId};
use ff_identity::Person;
use ff_projections::ProjectionName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) use password::bad_password;

use crate::App;
use crate::middleware::Caller;
use crate::problem::{Problem, code};
use crate::request::{Payload, Plain, given};
use crate::respond::Answer;
use crate::routes::sessions::person;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(get_me, update_me, erase::erase_me))
        .routes(routes!(password::change_password))
}

/// Whoever is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// Their id; what the audit log calls them.
    id: UserId,
    /// Where they get mail.
    email: Option<String>,
    /// What others call them.
    name: Option<String>,
    /// Whether they belong to the organization of an identity provider alone.
    managed: bool,
    /// Whether they can sign in with a password.
    has_password: bool,
    /// The organizations they belong to.
    organizations: Vec<MyOrganization>,
}

/// An organization that the caller belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MyOrganization {
    /// Its id.
    id: OrganizationId,
    /// Its key.
    key: OrganizationKey,
    /// What people call it.
    name: String,
}

/// What to change about oneself.
#[derive(Deserialize, ToSchema)]
#[schema(as = UpdateMe)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateMe {
    /// What others call you: 1 to 200 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<String>,
}

impl Payload for UpdateMe {
    const LIMIT: usize = 16 * 1024;
}

/// Who is signed in
#[utoipa::path(
    get, path = "/api/v1/me", operation_id = "get_me", tag = "people",
    responses((status = 200, description = "You, with your organizations", body = Me)),
)]
pub(crate) async fn get_me(State(app): State<App>, caller: Caller) -> Result<Answer<Me>, Problem> {
    let person = oneself(&app, &caller).await?;
    describe(&app, &caller, person).await
}

/// Change your name
#[utoipa::path(
    patch, path = "/api/v1/me", operation_id = "update_me", tag = "people",
    request_body = UpdateMe,
    responses((status = 200, description = "You, as you are now", body = Me)),
)]
pub(crate) async fn update_me(
    State(app): State<App>,
    caller: Caller,
    Plain(UpdateMe { name }): Plain<UpdateMe>,
) -> Result<Answer<Me>, Problem> {
    let mut person = oneself(&app, &caller).await?;
    not_limited(&caller, &person)?;
    if let Some(name) = name {
        app.people.rename(person.id, &name).await?;
        person.name = Some(name.trim().to_owned());
    }
    describe(&app, &caller, person).await
}

async fn describe(app: &App, caller: &Caller, person: Person) -> Result<Answer<Me>, Problem> {
    let id = UserId(person.id);
    app.catch_up().await;
    let position = app.queries.position(ProjectionName::Catalog).await?;
    let organizations = app.queries.organizations_of(id).await?;
    let within = |id: OrganizationId| caller.principal.org.is_none_or(|only| only == id.0);
    let organizations = organizations
        .into_iter()
        .filter(|found| within(found.state.id()))
        .map(|found| MyOrganization {
            id: found.state.id(),
            key: found.state.key,
            name: found.state.name,
        })
        .collect();
    let me = Me {
        id,
        email: person.email,
        name: person.name,
        managed: person.organization.is_some(),
        has_password: person.has_password,
        organizations,
    };
    Ok(Answer::found(me, None, position))
}

/// The person who asks.
pub(super) async fn oneself(app: &App, caller: &Caller) -> Result<Person, Problem> {
    let id = person(caller)?;
    let found = app.people.find(id).await?.filter(|person| !person.erased);
    found.ok_or_else(Problem::not_found)
}

/// Refuses a session that is good for one organization what is about a person who is in others too.
pub(super) fn not_limited(caller: &Caller, person: &Person) -> Result<(), Problem> {
    if caller.principal.org == person.organization {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        code::SESSION_LIMITED,
        "this session is good for one organization, and this is about you everywhere: sign in with your password",
    ))
}
