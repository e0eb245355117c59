//! Which sessions somebody has, and ending them. An ended session's access tokens die with it, here at once and at
//! other replicas within two seconds.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use ff_auth::PrincipalKind;
use ff_identity::Revocation;
use ff_security::{Kind, Outcome};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::take_cookies;
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::At;

/// A session that is open.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenSession)]
pub(crate) struct OpenSession {
    /// Its id.
    id: Uuid,
    /// Whether it is the one that asks.
    current: bool,
    /// The organization it is limited to.
    organization: Option<Uuid>,
    /// When somebody signed in.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last refreshed.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    /// When it ends if it is not used before.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// From which address.
    address: Option<String>,
    /// With what.
    agent: Option<String>,
}

/// Sessions, the one used last first.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenSessions)]
pub(crate) struct OpenSessions {
    /// All of them.
    items: Vec<OpenSession>,
}

/// Names a session.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SessionPath {
    /// Id of the session, or `current`.
    session: String,
}

/// List your sessions
#[utoipa::path(
    get, path = "/api/v1/me/sessions", operation_id = "list_sessions", tag = "sessions",
    responses((status = 200, description = "All that are open", body = OpenSessions)),
)]
pub(crate) async fn list_sessions(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<OpenSessions>, Problem> {
    let user = person(&caller)?;
    let found = app.people.list(user, caller.session, Timestamp::now()).await?;
    let items = found.into_iter().map(|session| OpenSession {
        id: session.id,
        current: session.current,
        organization: session.organization,
        created_at: session.created_at,
        last_used_at: session.last_used_at,
        expires_at: session.expires_at,
        address: session.address.map(|address| address.to_string()),
        agent: session.agent,
    });
    Ok(Json(OpenSessions { items: items.collect() }))
}

/// Log out everywhere
///
/// Ends all of your sessions, this one included.
#[utoipa::path(
    delete, path = "/api/v1/me/sessions", operation_id = "close_sessions", tag = "sessions",
    responses((status = 204, description = "All are ended")),
)]
pub(crate) async fn close_sessions(
    State(app): State<App>,
    caller: Caller,
) -> Result<Response, Problem> {
    let user = person(&caller)?;
    let now = Timestamp::now();
    app.people.close_all(user, now).await?;
    all_closed(&app, now).await;
    let record = app.doorkeeper.record(Kind::SessionRevoked, Outcome::Ok, &caller);
    app.doorkeeper.recorder().record(record);
    Ok(gone())
}

/// Sign out
///
/// Ends one of your sessions.
#[utoipa::path(
    delete, path = "/api/v1/me/sessions/{session}", operation_id = "close_session",
    tag = "sessions", params(SessionPath),
    responses((status = 204, description = "It is ended")),
)]
pub(crate) async fn close_session(
    State(app): State<App>,
    caller: Caller,
    At(path): At<SessionPath>,
) -> Result<Response, Problem> {
    let user = person(&caller)?;
    let named = if path.session == "current" { caller.session } else { path.session.parse().ok() };
    let session = named.ok_or_else(Problem::not_found)?;
    let now = Timestamp::now();
    if !app.people.close(user, session, now).await? {
        return Err(Problem::not_found());
    }
    app.doorkeeper.revocations().apply(&[Revocation { user, session: Some(session), at: now }]);
    let mut record = app.doorkeeper.record(Kind::SignOut, Outcome::Ok, &caller);
    record.session = Some(session);
    app.doorkeeper.recorder().record(record);
    Ok(if caller.session == Some(session) {
        gone()
    } else {
        StatusCode::NO_CONTENT.into_response()
    })
}

/// Makes it known here at once that all sessions of a person were closed, but for those that are kept; elsewhere it is
/// within a second.
pub(in crate::routes) async fn all_closed(app: &App, now: Timestamp) {
    // What is written of a person as a whole is about tokens of earlier seconds, so each session is asked for. If that
    // fails they are heard of within a second, as everywhere.
    let since = now.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(now);
    if let Ok(closed) = app.people.revocations(since).await {
        app.doorkeeper.revocations().apply(&closed);
    }
}

/// Nothing is left, and a browser forgets its cookies.
fn gone() -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    take_cookies(response.headers_mut());
    response
}

/// The person who asks. Programs have no sessions.
pub(in crate::routes) fn person(caller: &Caller) -> Result<Uuid, Problem> {
    match caller.principal.kind {
        PrincipalKind::User { user_id } => Ok(user_id),
        PrincipalKind::ApiKey { .. } | PrincipalKind::System => Err(Problem::not_found()),
    }
}
