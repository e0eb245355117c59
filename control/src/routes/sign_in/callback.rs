//! The way back from an identity provider.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use ff_auth::SessionOf;
use ff_identity::oidc::{Callback, Connection, External, FinishError};
use ff_identity::{OpenError, Origin};
use ff_security::{Kind, Outcome, Record, Service, Subject, SubjectKind};
use jiff::Timestamp;
use secrecy::SecretString;
use url::form_urlencoded;
use uuid::Uuid;

use super::connections::refusal;
use super::join::{self, Joined};
use super::start::provider_away;
use super::{ConnectionPath, on_site, unavailable};
use crate::App;
use crate::doorkeeper::{Cookies, Visit};
use crate::middleware::visit;
use crate::problem::{Chain, Problem, code};
use crate::request::{At, bad_parameter};
use crate::routes::sessions::{Carried, hand_out, origin, slow_down};

/// Come back from an identity provider
///
/// The provider sends the browser here. Whatever it says can be used once, and only by the browser that began.
#[utoipa::path(
    get, path = "/api/v1/sign-in/{org}/{connection}/callback", operation_id = "finish_sign_in", tag = "sessions",
    params(
        ConnectionPath,
        ("state" = String, Query, description = "What the provider was sent with"),
        ("code" = Option<String>, Query, description = "What it gives us for the person"),
        ("error" = Option<String>, Query, description = "Why it gives nothing"),
        ("iss" = Option<String>, Query, description = "Who it is"),
    ),
    responses((status = 303, description = "Signed in, on the way to `return_to`")),
    security(()),
)]
pub(crate) async fn finish_sign_in(
    State(app): State<App>,
    At(path): At<ConnectionPath>,
    request: Request,
) -> Response {
    let visit = visit(&request);
    let came = Came {
        visit,
        origin: origin(&request, visit),
        query: request.uri().query().unwrap_or_default().to_owned(),
        browser: Cookies::SignIn.of(request.headers()).map(SecretString::from),
    };
    let mut response = match finish(&app, &path, came).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    };
    response.headers_mut().append(header::SET_COOKIE, Cookies::SignIn.set("", 0));
    response
}

/// A browser that came back.
struct Came {
    visit: Visit,
    origin: Origin,
    /// What the provider has to say.
    query: String,
    /// What the browser kept.
    browser: Option<SecretString>,
}

async fn finish(app: &App, path: &ConnectionPath, came: Came) -> Result<Response, Problem> {
    let visit = came.visit;
    slow_down(app, visit).await?;
    let found = app.providers.connection(path.org().0, path.connection).await;
    let connection = found.map_err(refusal)?;
    // What comes back can be used once: better not now than for nothing.
    app.doorkeeper.rights().current()?;
    let now = Timestamp::now();
    let attempt = Attempt { app, connection: &connection, visit };
    let callback = came.callback(&connection)?;
    let Some(callback) = callback else {
        return Err(attempt.not_finished(FinishError::OtherBrowser));
    };
    let finished = app.providers.finish(callback, now).await;
    let external = finished.map_err(|error| attempt.not_finished(error))?;
    let joined = join::join(&attempt, &external, now).await?;
    let opened = app
        .people
        .open_through(connection.id, joined.user, connection.organization, came.origin, now)
        .await;
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => {
            if matches!(error, OpenError::ConnectionClosed) {
                join::undo(&attempt, joined.user).await?;
            }
            return Err(attempt.not_opened(error, joined.user));
        }
    };
    attempt.signed_in(&joined, opened.session);
    let organization = Some(connection.organization);
    let of = SessionOf { user: joined.user, session: opened.session, organization };
    let handed = hand_out(app, of, &opened.refresh, opened.expires_at, Carried::InCookies, now)?;
    go_on(app, &external, handed.headers())
}

impl Came {
    /// With what it came back; nothing if it is not the browser that began.
    fn callback(&self, connection: &Connection) -> Result<Option<Callback>, Problem> {
        // Providers add parameters of their own, which do not matter.
        let value = |name: &str| {
            let mut pairs = form_urlencoded::parse(self.query.as_bytes());
            pairs.find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
        };
        let Some(state) = value("state") else {
            let detail = "this is the way back from an identity provider: sign in first";
            return Err(bad_parameter("state", detail));
        };
        let Some(browser_secret) = self.browser.clone() else { return Ok(None) };
        Ok(Some(Callback {
            connection: connection.id,
            state: state.into(),
            code: value("code").map(SecretString::from),
            error: value("error"),
            issuer: value("iss"),
            browser_secret,
        }))
    }
}

/// To where the person was going, with the cookies of the session.
fn go_on(app: &App, external: &External, session: &HeaderMap) -> Result<Response, Problem> {
    let to = on_site(app, &external.return_to)?;
    let to = HeaderValue::try_from(to.as_str()).map_err(|error| Problem::internal(&error))?;
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
    for cookie in session.get_all(header::SET_COOKIE) {
        response.headers_mut().append(header::SET_COOKIE, cookie.clone());
    }
    Ok(response)
}

/// Somebody who comes through a connection.
pub(super) struct Attempt<'a> {
    pub(super) app: &'a App,
    pub(super) connection: &'a Connection,
    pub(super) visit: Visit,
}

impl Attempt<'_> {
    /// The id of the request.
    pub(super) fn request(&self) -> Uuid {
        self.visit.request.unwrap_or_else(Uuid::now_v7)
    }

    fn record(&self, kind: Kind, outcome: Outcome, user: Option<Uuid>) -> Record {
        let connection = Subject::new(SubjectKind::Connection, self.connection.id);
        let record = Record::new(Timestamp::now(), kind, outcome, Service::Control)
            .organization(self.connection.organization)
            .subject(user.map_or(connection, Subject::user))
            .detail("connection", &self.connection.id.to_string());
        self.visit.of(record)
    }

    /// Notes that nobody was let in.
    pub(super) fn refuse(&self, reason: &'static str, user: Option<Uuid>) {
        let record = self.record(Kind::SsoRefused, Outcome::Refused, user).reason(reason);
        self.app.doorkeeper.recorder().record(record);
    }

    /// Notes that somebody came to be known.
    pub(super) fn created(&self, user: Uuid) {
        let record = self.record(Kind::PersonCreated, Outcome::Ok, Some(user));
        self.app.doorkeeper.recorder().record(record);
    }

    fn signed_in(&self, joined: &Joined, session: Uuid) {
        let recorder = self.app.doorkeeper.recorder();
        if joined.added {
            recorder.record(self.record(Kind::MemberAdded, Outcome::Ok, Some(joined.user)));
        }
        let mut record = self.record(Kind::SsoSignIn, Outcome::Ok, Some(joined.user));
        record.session = Some(session);
        if joined.left_out > 0 {
            record.detail.set("roles_left_out", &joined.left_out.to_string());
        }
        if joined.kept_owner {
            record.detail.set("roles", "kept, since nobody else is an owner");
        }
        recorder.record(record);
    }

    fn not_finished(&self, error: FinishError) -> Problem {
        self.refuse(reason(&error), None);
        let connection = self.connection.id;
        tracing::info!(%connection, error = %Chain(&error), "a sign-in was not accepted");
        match error {
            FinishError::Provider(_) | FinishError::NoAnswer(_) => provider_away(),
            FinishError::Sealed(_) => Problem::internal(&error),
            FinishError::Unavailable(error) => unavailable(&error),
            error => refused(error.to_string()),
        }
    }

    fn not_opened(&self, error: OpenError, user: Uuid) -> Problem {
        let reason = match error {
            OpenError::Disabled => "disabled",
            OpenError::OtherOrganization => "other_organization",
            OpenError::ConnectionClosed => "connection_disabled",
            OpenError::Failed(error) => return error.into(),
        };
        self.refuse(reason, Some(user));
        error.into()
    }
}

/// The sign-in is not accepted.
pub(super) fn refused(detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, code::SIGN_IN_REFUSED, detail)
}

/// The cause, as a word for programs.
fn reason(error: &FinishError) -> &'static str {
    match error {
        FinishError::UnknownState => "unknown_state",
        FinishError::StateExpired => "state_expired",
        FinishError::OtherBrowser => "other_browser",
        FinishError::OtherConnection => "other_connection",
        FinishError::Disabled => "connection_disabled",
        FinishError::ConnectionChanged => "connection_changed",
        FinishError::OtherIssuer => "other_issuer",
        FinishError::Refused { .. } => "provider_refused",
        FinishError::NoCode => "no_code",
        FinishError::Provider(_) | FinishError::NoAnswer(_) => "provider_unavailable",
        FinishError::CodeRefused { .. } => "code_refused",
        FinishError::BadAnswer => "bad_answer",
        FinishError::NoIdToken | FinishError::IdToken(_) => "id_token",
        FinishError::UserInfo => "user_info",
        FinishError::GroupsElsewhere => "groups_elsewhere",
        FinishError::EmailRequired => "email_required",
        FinishError::Sealed(_) => "sealed",
        FinishError::Unavailable(_) => "unavailable",
    }
}
