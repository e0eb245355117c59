//! Signing in with e-mail and password.

use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use ff_auth::SessionOf;
use ff_identity::{OpenError, Origin, Person, SignInError};
use ff_limits::Subject as Limited;
use ff_security::{Kind, Outcome, Record, Service, Subject, SubjectKind};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Carried, Session, hand_out};
use crate::App;
use crate::doorkeeper::Visit;
use crate::middleware::{limit, visit};
use crate::problem::{Problem, code};
use crate::request::{Change, Payload};

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[schema(as = CreateSession)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The e-mail, upper and lower case alike.
    #[schema(example = "owner@example.com")]
    email: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
    /// Whether the tokens come as cookies, for a browser.
    #[serde(default)]
    cookies: bool,
}

impl Payload for SignIn {
    const LIMIT: usize = 16 * 1024;
}

/// Sign in
///
/// Takes as long for an unknown e-mail as for a wrong password.
#[utoipa::path(
    post, path = "/api/v1/sessions", operation_id = "create_session", tag = "sessions",
    request_body = SignIn,
    responses((status = 201, description = "Signed in", body = Session)),
    security(()),
)]
pub(crate) async fn create_session(
    State(app): State<App>,
    request: Request,
) -> Result<Response, Problem> {
    let visit = visit(&request);
    let origin = origin(&request, visit);
    let Change { body: SignIn { email, password, cookies }, .. } =
        Change::<SignIn>::from_request(request, &app).await?;
    slow_down(&app, visit).await?;
    let now = Timestamp::now();
    let person = match app.people.sign_in(&email, password, now).await {
        Ok(person) => person,
        Err(error) => {
            note_failure(&app, &error, visit);
            return Err(not_signed_in(error, now));
        }
    };
    let carried = if cookies { Carried::InCookies } else { Carried::ByHand };
    open(&app, &person, None, origin, visit, carried, now).await
}

/// Signing in is limited by address on top of the lock-out, which is by e-mail.
pub(in crate::routes) async fn slow_down(app: &App, visit: Visit) -> Result<(), Problem> {
    let Some(address) = visit.address else { return Ok(()) };
    limit(app, "sign-in", app.quotas.sign_in, Limited::Address(address)).await
}

/// Opens a session for somebody who has proved who they are.
pub(in crate::routes) async fn open(
    app: &App,
    person: &Person,
    organization: Option<Uuid>,
    origin: Origin,
    visit: Visit,
    carried: Carried,
    now: Timestamp,
) -> Result<Response, Problem> {
    let opened = app.people.open(person.id, organization, origin, now).await?;
    let of = SessionOf { user: person.id, session: opened.session, organization };
    let mut record = Record::new(now, Kind::SignIn, Outcome::Ok, Service::Control);
    record.subject = Some(Subject { kind: SubjectKind::User, id: person.id.to_string() });
    (record.session, record.organization) = (Some(opened.session), organization);
    app.doorkeeper.recorder().record(visit.of(record));
    hand_out(app, of, &opened.refresh, opened.expires_at, carried, now)
}

/// From where somebody signs in.
pub(in crate::routes) fn origin(request: &Request, visit: Visit) -> Origin {
    let agent = request.headers().get(header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok()).map(str::to_owned);
    Origin { address: visit.address, agent }
}

fn note_failure(app: &App, error: &SignInError, visit: Visit) {
    let (kind, reason, user) = match *error {
        SignInError::Wrong { user } => (Kind::SignIn, "wrong", user),
        SignInError::Locked { user, .. } => (Kind::AccountLocked, "locked", user),
        SignInError::Failed(_) => return,
    };
    let mut record = Record::new(Timestamp::now(), kind, Outcome::Refused, Service::Control);
    record.reason = Some(reason);
    record.subject = user.map(Subject::user);
    app.doorkeeper.recorder().record(visit.of(record));
}

pub(in crate::routes) fn not_signed_in(error: SignInError, now: Timestamp) -> Problem {
    match error {
        SignInError::Wrong { .. } => {
            let detail = "e-mail and password do not belong together: check both";
            let challenge = HeaderValue::from_static("Bearer realm=\"ff\"");
            Problem::new(StatusCode::UNAUTHORIZED, code::WRONG_PASSWORD, detail)
                .with_header(header::WWW_AUTHENTICATE, challenge)
        }
        SignInError::Locked { until, .. } => {
            let wait = (until.as_second() - now.as_second()).max(1);
            Problem::new(StatusCode::TOO_MANY_REQUESTS, code::LOCKED, error.to_string())
                .retry_after(wait.unsigned_abs())
        }
        SignInError::Failed(error) => error.into(),
    }
}

impl From<OpenError> for Problem {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Failed(error) => error.into(),
            OpenError::Disabled | OpenError::OtherOrganization | OpenError::ConnectionClosed => {
                Self::new(StatusCode::FORBIDDEN, code::KEPT_OUT, error.to_string())
            }
        }
    }
}
