//! To be forgotten.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use ff_identity::SignInError;
use ff_security::{Kind, Outcome, Subject};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::password::{locked, wrong};
use super::{not_limited, oneself};
use crate::App;
use crate::erasure::EraseError;
use crate::middleware::Caller;
use crate::problem::{Problem, code};
use crate::request::{Payload, Plain};
use crate::routes::sessions::{all_closed, slow_down, take_cookies};

/// Proof that it is oneself who wants to be forgotten.
#[derive(Deserialize, ToSchema)]
#[schema(as = EraseMe)]
#[serde(deny_unknown_fields)]
pub(crate) struct EraseMe {
    /// Your password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

impl Payload for EraseMe {
    const LIMIT: usize = 16 * 1024;
}

/// Be forgotten
///
/// Ends your memberships, tokens and sessions, and removes your name, e-mail and addresses for good. What you did stays
/// in the audit log under an id that says nothing any more. Refused while an organization would be left without an owner.
#[utoipa::path(
    delete, path = "/api/v1/me", operation_id = "erase_me", tag = "people",
    request_body = EraseMe,
    responses((status = 204, description = "You are forgotten")),
)]
pub(crate) async fn erase_me(
    State(app): State<App>,
    caller: Caller,
    Plain(EraseMe { password }): Plain<EraseMe>,
) -> Result<Response, Problem> {
    slow_down(&app, caller.visit).await?;
    let person = oneself(&app, &caller).await?;
    not_limited(&caller, &person)?;
    let Some(email) = person.email.as_deref().filter(|_| person.has_password) else {
        let detail =
            "there is no password to prove it with: ask the operator of the platform to erase you";
        return Err(Problem::new(StatusCode::CONFLICT, code::NO_PASSWORD, detail));
    };
    let now = Timestamp::now();
    if let Err(error) = app.people.sign_in(email, password, now).await {
        return Err(match error {
            SignInError::Wrong { .. } => wrong("/password"),
            SignInError::Locked { until, .. } => locked(until, error.to_string(), now),
            SignInError::Failed(error) => error.into(),
        });
    }
    app.doorkeeper.rights().current()?;
    let erased = app.erasure().erase(person.id, now).await?;
    all_closed(&app, now).await;
    if let Some(position) = erased.position {
        app.rights_at(position).await;
    }
    let mut record = app.doorkeeper.record(Kind::PersonErased, Outcome::Ok, &caller);
    // Their address would be the last thing that is known of them.
    record.address = None;
    record.subject = Some(Subject::user(person.id));
    app.doorkeeper.recorder().record(record);

    let mut response = StatusCode::NO_CONTENT.into_response();
    take_cookies(response.headers_mut());
    if let Some(position) = erased.position {
        let name = HeaderName::from_static("ff-position");
        response.headers_mut().insert(name, HeaderValue::from(position.get()));
    }
    Ok(response)
}

impl From<EraseError> for Problem {
    fn from(error: EraseError) -> Self {
        match error {
            EraseError::LastOwner { .. } => {
                Self::new(StatusCode::CONFLICT, code::STILL_OWNER, error.to_string())
            }
            EraseError::Membership(error) => (*error).into(),
            EraseError::Token(error) => (*error).into(),
            EraseError::People(error) => error.into(),
            EraseError::SecurityLog(error) => {
                tracing::warn!(error = %crate::problem::Chain(&error), "addresses were not erased");
                let detail =
                    "the security log cannot be reached: try again soon, it goes on where it was";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code::USERS_UNAVAILABLE, detail)
                    .retry_after(1)
            }
        }
    }
}
