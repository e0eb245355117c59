//! Errors of the security log, as callers see them.

use axum::http::StatusCode;
use ff_security::LogError;

use super::{Chain, Problem, code};

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        let detail = error.to_string();
        match error {
            LogError::Sql { .. } => {
                tracing::warn!(error = %Chain(&error), "a request found no security log");
                let detail = "the security log cannot be read: try again when Postgres is back";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code::SECURITY_LOG, detail)
                    .retry_after(1)
            }
            LogError::BadCursor => {
                Self::new(StatusCode::BAD_REQUEST, code::BAD_PARAMETER, "see `errors`")
                    .at("?cursor", detail)
            }
            LogError::BadLimit { .. } => {
                Self::new(StatusCode::BAD_REQUEST, code::BAD_PARAMETER, "see `errors`")
                    .at("?limit", detail)
            }
            LogError::Unreadable { .. } => Self::internal(&error),
        }
    }
}
