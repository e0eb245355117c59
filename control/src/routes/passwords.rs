//! Forgotten passwords: a way to a new one goes to the mailbox, and whoever has that sets it.
//!
//! Whether somebody has an e-mail cannot be told from an answer here, nor from how long it takes: the mail is sent after
//! the answer.

use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use ff_identity::mail::ResetMail;
use ff_identity::{ResetError, ResetToken};
use ff_security::{Kind, Outcome, Record, Service, Subject};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::middleware::visit;
use crate::problem::{Chain, Problem, code};
use crate::request::{Payload, Plain};
use crate::routes::me::bad_password;
use crate::routes::sessions::{all_closed, slow_down};

/// Routes of those who cannot sign in.
pub(super) fn public() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(request_password_reset))
        .routes(routes!(complete_password_reset))
}

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[schema(as = RequestPasswordReset)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forgotten {
    /// The e-mail, upper and lower case alike.
    #[schema(example = "owner@example.com")]
    email: String,
}

impl Payload for Forgotten {
    const LIMIT: usize = 4 * 1024;
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[schema(as = CompletePasswordReset)]
#[serde(deny_unknown_fields)]
pub(crate) struct Anew {
    /// What came by mail.
    #[schema(value_type = String, format = Password)]
    token: SecretString,
    /// 10 to 256 characters, and none of the most common ones.
    #[schema(value_type = String, format = Password)]
    new_password: SecretString,
}

impl Payload for Anew {
    const LIMIT: usize = 16 * 1024;
}

/// Ask for a new password
///
/// If somebody has this e-mail, they get a mail. The answer is the same if nobody has. Without a mail server the operator
/// of the platform hands out the way to a new password.
#[utoipa::path(
    post, path = "/api/v1/password-resets", operation_id = "request_password_reset", tag = "people",
    request_body = Forgotten,
    responses((status = 202, description = "If somebody has this e-mail, they get a mail")),
    security(()),
)]
pub(crate) async fn request_password_reset(
    State(app): State<App>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let visit = visit(&request);
    let Plain(Forgotten { email }) = Plain::<Forgotten>::from_request(request, &app).await?;
    slow_down(&app, visit).await?;
    let now = Timestamp::now();
    let kind = Kind::PasswordResetRequested;
    let mut record = Record::new(now, kind, Outcome::Ok, Service::Control);
    // Without a mailer nobody could use what is made here, and it would count against what the operator hands out.
    if app.mailer.is_configured()
        && let Some(reset) = app.people.request_reset(&email, now).await?
    {
        record.subject = Some(Subject::user(reset.user));
        tokio::spawn(mail(app.clone(), reset));
    }
    app.doorkeeper.recorder().record(visit.of(record));
    Ok(StatusCode::ACCEPTED)
}

async fn mail(app: App, reset: ResetToken) {
    let link = format!("{}/reset#{}", app.public_url, reset.token.expose_secret()).into();
    let mail = ResetMail { to: &reset.email, link: &link, expires_at: reset.expires_at };
    if let Err(error) = app.mailer.reset(mail).await {
        tracing::warn!(error = %Chain(&error), "a mail with a way to a new password was not sent");
    }
}

/// Set a new password
///
/// With what came by mail, which can be used once. All sessions are ended.
#[utoipa::path(
    post, path = "/api/v1/password-resets/complete", operation_id = "complete_password_reset", tag = "people",
    request_body = Anew,
    responses((status = 204, description = "Set: sign in with it")),
    security(()),
)]
pub(crate) async fn complete_password_reset(
    State(app): State<App>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let visit = visit(&request);
    let Plain(Anew { token, new_password }) = Plain::<Anew>::from_request(request, &app).await?;
    slow_down(&app, visit).await?;
    let now = Timestamp::now();
    let mut record = Record::new(now, Kind::PasswordReset, Outcome::Ok, Service::Control);
    let reset = app.people.reset(&token, new_password, now).await;
    let problem = match reset {
        Ok(user) => {
            all_closed(&app, now).await;
            record.subject = Some(Subject::user(user));
            app.doorkeeper.recorder().record(visit.of(record));
            return Ok(StatusCode::NO_CONTENT);
        }
        Err(ResetError::Failed(error)) => return Err(error.into()),
        Err(ResetError::BadPassword(error)) => return Err(bad_password(&error.to_string())),
        Err(error @ ResetError::Unknown) => {
            Problem::new(StatusCode::NOT_FOUND, code::SPENT, error.to_string())
        }
    };
    (record.outcome, record.reason) = (Outcome::Refused, Some("unknown"));
    app.doorkeeper.recorder().record(visit.of(record));
    Err(problem)
}
