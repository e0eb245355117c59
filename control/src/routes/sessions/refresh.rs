//! The next access token for a refresh token, which is used up by it.

use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use ff_auth::SessionOf;
use ff_identity::{RefreshError, Revocation};
use ff_security::{Kind, Outcome, Record, Service, Subject, SubjectKind};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Carried, Session, hand_out, take_cookies};
use crate::App;
use crate::doorkeeper::{Cookies, Visit, challenge};
use crate::middleware::visit;
use crate::problem::{Problem, code};
use crate::request::{Change, Payload};

/// The session that goes on.
#[derive(Deserialize, ToSchema)]
#[schema(as = RefreshSession)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    /// The refresh token; absent with cookies.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    refresh_token: Option<SecretString>,
}

impl Payload for Refresh {
    const LIMIT: usize = 4 * 1024;

    fn absent() -> Option<Self> {
        Some(Self { refresh_token: None })
    }
}

/// Go on with a session
///
/// A refresh token can be used once. If it comes a second time somebody else has it too, and the session is closed. A
/// browser sends no body: the token is in its cookie.
#[utoipa::path(
    post, path = "/api/v1/sessions/refresh", operation_id = "refresh_session", tag = "sessions",
    request_body = Option<Refresh>,
    responses((status = 201, description = "It goes on", body = Session)),
    security(()),
)]
pub(crate) async fn refresh_session(
    State(app): State<App>,
    request: Request,
) -> Result<Response, Problem> {
    let visit = visit(&request);
    let cookie = Cookies::Refresh.of(request.headers()).map(SecretString::from);
    let Change { body, .. } = Change::<Refresh>::from_request(request, &app).await?;
    // The cookie is strict, and nobody learns anything from having made a browser refresh: no CSRF token is asked for,
    // which a page that was just loaded does not have yet.
    let (token, carried) = match (body.refresh_token, cookie) {
        (Some(token), _) => (token, Carried::ByHand),
        (None, Some(token)) => (token, Carried::InCookies),
        (None, None) => {
            let detail = "send the `refresh_token` that came with the session";
            return Err(challenge(code::NO_CREDENTIALS, detail, "Bearer realm=\"ff\""));
        }
    };
    let now = Timestamp::now();
    let refreshed = match app.people.refresh(&token, now).await {
        Ok(refreshed) => refreshed,
        Err(RefreshError::Failed(error)) => return Err(error.into()),
        Err(error) => {
            note_refusal(&app, &error, visit, now);
            let problem = Problem::new(StatusCode::UNAUTHORIZED, code::REFRESH, error.to_string());
            let mut response = problem.into_response();
            if carried == Carried::InCookies {
                take_cookies(response.headers_mut());
            }
            return Ok(response);
        }
    };
    let of = SessionOf {
        user: refreshed.user,
        session: refreshed.session,
        organization: refreshed.organization,
    };
    let mut record = Record::new(now, Kind::SessionRefreshed, Outcome::Ok, Service::Control);
    record.subject = Some(Subject { kind: SubjectKind::User, id: of.user.to_string() });
    (record.session, record.organization) = (Some(of.session), of.organization);
    app.doorkeeper.recorder().record(visit.of(record));
    hand_out(&app, of, &refreshed.refresh, refreshed.expires_at, carried, now)
}

fn note_refusal(app: &App, error: &RefreshError, visit: Visit, now: Timestamp) {
    let (kind, reason) = match error {
        RefreshError::Unknown => (Kind::SessionRefreshed, "unknown"),
        RefreshError::Expired => (Kind::SessionRefreshed, "expired"),
        RefreshError::Closed => (Kind::SessionRefreshed, "closed"),
        RefreshError::Disabled => (Kind::SessionRefreshed, "disabled"),
        RefreshError::Reused { .. } => (Kind::SessionReuseDetected, "reused"),
        RefreshError::Failed(_) => return,
    };
    let mut record = Record::new(now, kind, Outcome::Refused, Service::Control);
    record.reason = Some(reason);
    if let RefreshError::Reused { user, session } = *error {
        record.subject = Some(Subject { kind: SubjectKind::User, id: user.to_string() });
        record.session = Some(session);
        let closed = Revocation { user, session: Some(session), at: now };
        app.doorkeeper.revocations().apply(&[closed]);
    }
    app.doorkeeper.recorder().record(visit.of(record));
}
