//! Errors of commands, as callers see them.

use axum::http::{HeaderValue, StatusCode, header};
use ff_commands::{CommandError, Executable};
use ff_eventlog::LogError;

use super::{Chain, Problem, Refusal};

impl<A: Executable<Error: Refusal>> From<CommandError<A>> for Problem {
    fn from(error: CommandError<A>) -> Self {
        let (code, detail) = (error.code(), error.to_string());
        let problem = |status| Self::new(status, code, detail);
        match error {
            CommandError::Rejected(error) => error.into_problem(),
            CommandError::ProjectRejected(error) => error.into_problem(),
            CommandError::ApiKeyRejected(error) => error.into_problem(),
            CommandError::OrganizationRejected(error) => error.into_problem(),
            CommandError::GivesOther => problem(StatusCode::CONFLICT),
            // Both are about something that the caller did not name, so there is no place in the request to point at.
            CommandError::FlagRejected(_) | CommandError::LayerRejected(_) => {
                problem(StatusCode::CONFLICT)
            }
            CommandError::ParentNotFound { .. } => problem(StatusCode::NOT_FOUND),
            CommandError::VersionMismatch { actual, .. } => {
                let tag = HeaderValue::try_from(format!("\"{actual}\"")).expect("ASCII digits");
                problem(StatusCode::PRECONDITION_FAILED).with_header(header::ETAG, tag)
            }
            CommandError::IdempotencyMismatch => {
                let detail = "it was used for another request, use a new one";
                problem(StatusCode::UNPROCESSABLE_ENTITY).at("Idempotency-Key:", detail)
            }
            CommandError::Busy => problem(StatusCode::SERVICE_UNAVAILABLE).retry_after(1),
            CommandError::Unavailable { .. } => {
                tracing::warn!(error = %Chain(&error), "a command found no event log");
                problem(StatusCode::SERVICE_UNAVAILABLE).retry_after(1)
            }
            CommandError::TooLarge { .. } => problem(StatusCode::PAYLOAD_TOO_LARGE),
            CommandError::NotGranted
            | CommandError::Misaddressed
            | CommandError::Log(_)
            | CommandError::Append(_)
            | CommandError::Encode(_) => Self::internal(&error),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Unavailable { .. } => {
                tracing::warn!(error = %Chain(&error), "a request found no event log");
                let detail = "the event log cannot be reached, try again later";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, super::code::LOG_UNAVAILABLE, detail)
                    .retry_after(1)
            }
            other => Self::internal(&other),
        }
    }
}
