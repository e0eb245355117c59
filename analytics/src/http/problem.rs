//! Errors as callers see them: RFC 9457 problem documents.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

/// Codes of errors; each has a page under `docs/errors/`.
pub(crate) mod code {
    /// There is no such route, experiment or metric.
    pub(crate) const NOT_FOUND: &str = "FF-5000";
    /// A query parameter cannot be read.
    pub(crate) const BAD_PARAMETER: &str = "FF-5001";
    /// The body is not what was asked for.
    pub(crate) const BAD_BODY: &str = "FF-5002";
    /// The body is too large.
    pub(crate) const TOO_LARGE: &str = "FF-5003";
    /// ClickHouse or the read models cannot be reached.
    pub(crate) const UNAVAILABLE: &str = "FF-5004";
    /// Too many heavy questions at once.
    pub(crate) const BUSY: &str = "FF-5005";
    /// The position is not known.
    pub(crate) const UNKNOWN_POSITION: &str = "FF-5006";
    /// The experiment has no iteration with this number.
    pub(crate) const UNKNOWN_ITERATION: &str = "FF-5007";
    /// Something broke here.
    pub(crate) const INTERNAL: &str = "FF-5008";
    /// The read models are behind what the caller has seen.
    pub(crate) const BEHIND: &str = "FF-5010";
    /// The answer took too long.
    pub(crate) const TOO_SLOW: &str = "FF-5011";
    /// An address asks too often.
    pub(crate) const RATE_LIMITED: &str = "FF-5012";
    /// The route does not know this method.
    pub(crate) const METHOD: &str = "FF-5009";
}

/// Why a request was not answered with what it asked for.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<u32>,
}

/// One thing that is wrong with a request, and where.
#[derive(Debug, Serialize)]
pub(crate) struct FieldError {
    pub(crate) pointer: String,
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    pub(crate) fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// What must be tried again, after so many seconds.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(crate) fn not_found(what: &str) -> Self {
        let detail = format!(
            "there is no such {what} here: check the keys in the path, and whose login you use"
        );
        Self::new(StatusCode::NOT_FOUND, code::NOT_FOUND, detail)
    }

    /// Something that is needed cannot be reached. The cause is logged, and not told.
    pub(crate) fn unavailable(what: &str, cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::warn!(error = cause, "{what} cannot be reached");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            code::UNAVAILABLE,
            format!("{what} cannot be reached at the moment, try again"),
        )
        .retry_after(1)
    }

    /// Something broke here; the cause is logged, and not told.
    pub(crate) fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = cause, "a request failed");
        Self::unexplained()
    }

    /// Something broke here, and that is all that is told.
    pub(crate) fn unexplained() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            code::INTERNAL,
            "something broke on this side: report it with the time of this request",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut document = json!({
            "type": format!("urn:ff:error:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "code": self.code,
        });
        if !self.errors.is_empty() {
            document["errors"] = json!(self.errors);
        }
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response =
            (self.status, [(header::CONTENT_TYPE, kind)], document.to_string()).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
