//! Errors of queries, as callers see them.

use axum::http::StatusCode;
use ff_projections::QueryError;

use super::Problem;

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let (code, detail) = (error.code(), error.to_string());
        match error {
            QueryError::Behind { .. } | QueryError::NotBuilt { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(1)
            }
            QueryError::Unavailable(_) => {
                tracing::warn!(error = %super::Chain(&error), "a query found no Postgres");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(1)
            }
            QueryError::BadCursor => {
                Self::new(StatusCode::BAD_REQUEST, code, "see `errors`").at("?cursor", detail)
            }
            QueryError::BadLimit { .. } => {
                Self::new(StatusCode::BAD_REQUEST, code, "see `errors`").at("?limit", detail)
            }
            QueryError::Unreadable { .. } | QueryError::Refused { .. } => Self::internal(&error),
        }
    }
}
