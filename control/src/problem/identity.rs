//! Errors of the table of people, as callers see them.

use axum::http::StatusCode;
use ff_identity::IdentityError;

use super::{Chain, Problem, code};

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        let detail = error.to_string();
        let wrong = |pointer: &str| {
            let summary = "the input is not valid, see `errors`";
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, code::BAD_PERSON, summary)
                .at(pointer, &*detail)
        };
        match error {
            IdentityError::Unavailable(_) => {
                tracing::warn!(error = %Chain(&error), "a request found no table of people");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code::USERS_UNAVAILABLE, detail)
                    .retry_after(1)
            }
            IdentityError::EmailTaken => Self::new(StatusCode::CONFLICT, code::EMAIL_TAKEN, detail),
            IdentityError::BadEmail => wrong("/email"),
            IdentityError::BadName => wrong("/name"),
            IdentityError::BadPassword(_) => wrong("/password"),
            IdentityError::BadRoles => wrong("/roles"),
            IdentityError::Unknown => Self::not_found(),
            IdentityError::Password(_) => Self::internal(&error),
        }
    }
}
