//! Errors of the table of people, as callers see them.

use axum::http::StatusCode;

use super::{Chain, Problem, code};
use crate::identity::IdentityError;

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Unavailable(_) => {
                tracing::warn!(error = %Chain(&error), "a request found no table of people");
                let detail = error.to_string();
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code::USERS_UNAVAILABLE, detail)
                    .retry_after(1)
            }
            IdentityError::EmailTaken | IdentityError::BadEmail | IdentityError::Password(_) => {
                Self::internal(&error)
            }
        }
    }
}
