//! Another password, for who knows the one there is.

use axum::extract::State;
use axum::http::StatusCode;
use ff_identity::{ChangeError, IdentityError};
use ff_security::{Kind, Outcome};
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{not_limited, oneself};
use crate::App;
use crate::middleware::Caller;
use crate::problem::{Problem, code};
use crate::request::{Payload, Plain};
use crate::routes::sessions::{all_closed, slow_down};

/// The password there is, and another.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChangePassword)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangePassword {
    /// The one there is.
    #[schema(value_type = String, format = Password)]
    old_password: SecretString,
    /// Another: 10 to 256 characters, and none of the most common ones.
    #[schema(value_type = String, format = Password)]
    new_password: SecretString,
}

impl Payload for ChangePassword {
    const LIMIT: usize = 16 * 1024;
}

/// Change your password
///
/// This session goes on, all others are ended.
#[utoipa::path(
    post, path = "/api/v1/me/password", operation_id = "change_password", tag = "people",
    request_body = ChangePassword,
    responses((status = 204, description = "Changed")),
)]
pub(crate) async fn change_password(
    State(app): State<App>,
    caller: Caller,
    Plain(ChangePassword { old_password, new_password }): Plain<ChangePassword>,
) -> Result<StatusCode, Problem> {
    slow_down(&app, caller.visit).await?;
    let person = oneself(&app, &caller).await?;
    not_limited(&caller, &person)?;
    let now = Timestamp::now();
    let changed =
        app.people.change_password(person.id, old_password, new_password, caller.session, now);
    if let Err(error) = changed.await {
        if matches!(error, ChangeError::Wrong | ChangeError::Locked { .. }) {
            let mut record =
                app.doorkeeper.record(Kind::PasswordChanged, Outcome::Refused, &caller);
            record.reason = Some("wrong");
            app.doorkeeper.recorder().record(record);
        }
        return Err(refusal(error, now));
    }
    all_closed(&app, now).await;
    let record = app.doorkeeper.record(Kind::PasswordChanged, Outcome::Ok, &caller);
    app.doorkeeper.recorder().record(record);
    Ok(StatusCode::NO_CONTENT)
}

fn refusal(error: ChangeError, now: Timestamp) -> Problem {
    let detail = error.to_string();
    match error {
        ChangeError::Wrong => wrong("/old_password"),
        ChangeError::Locked { until } => locked(until, detail, now),
        ChangeError::NoPassword => Problem::new(StatusCode::CONFLICT, code::NO_PASSWORD, detail),
        ChangeError::Failed(IdentityError::BadPassword(_)) => bad_password(&detail),
        ChangeError::Failed(error) => error.into(),
    }
}

/// A password is not the caller's.
pub(super) fn wrong(pointer: &str) -> Problem {
    let detail = "the password is not yours: check it";
    Problem::new(StatusCode::FORBIDDEN, code::WRONG_PASSWORD, detail).at(pointer, detail)
}

/// Too many passwords were not the caller's.
pub(super) fn locked(until: Timestamp, detail: String, now: Timestamp) -> Problem {
    let wait = (until.as_second() - now.as_second()).max(1);
    Problem::new(StatusCode::TOO_MANY_REQUESTS, code::LOCKED, detail)
        .retry_after(wait.unsigned_abs())
}

/// A new password is none that is taken.
pub(in crate::routes) fn bad_password(detail: &str) -> Problem {
    let summary = "the input is not valid, see `errors`";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::BAD_PERSON, summary)
        .at("/new_password", detail)
}
