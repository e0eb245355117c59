//! Errors as callers see them: RFC 9457 problem documents.
//!
//! A [`Problem`] is what any handler, extractor or layer answers instead of a result. What went wrong inside stays
//! in the log; the document says what to do, names the place in the request, and carries a code that has a page
//! under `docs/errors/`.

mod catalogue;
mod commands;
mod identity;
mod json;
mod queries;
mod refusal;
mod security;

use std::collections::BTreeSet;
use std::fmt;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

pub(crate) use catalogue::code;
pub(crate) use json::from_slice;
pub(crate) use refusal::Refusal;

/// Why a request was not answered with what it asked for.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// One thing that is wrong with a request, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer into the body, the name of a query parameter after `?`, or the name of a header before `:`.
    pub pointer: String,
    /// What is wrong there and how to mend it.
    pub detail: String,
}

/// An error, as `application/problem+json` (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'a> {
    /// Names this kind of problem: `urn:ff:error:` and its code.
    #[serde(rename = "type")]
    kind: String,
    /// What this status means, for people.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What is wrong with this request, and what to do.
    detail: &'a str,
    /// The code of the error; each has a page in the documentation.
    #[schema(example = "FF-1001")]
    code: &'a str,
    /// The places that are wrong, where there are such.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<FieldError>, required = false)]
    errors: &'a [FieldError],
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    /// Names a place that is wrong.
    pub(crate) fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// Names all places that the domain found wrong.
    pub(crate) fn with_errors(mut self, problems: Vec<ff_domain::Problem>) -> Self {
        self.errors.extend(
            problems.into_iter().map(|p| FieldError { pointer: p.pointer, detail: p.detail }),
        );
        self
    }

    /// What is said about the items of a set, which the request gives as a list in an order of its own, is said about
    /// where they stand in that.
    pub(crate) fn at_items<T: Ord>(mut self, list: &str, set: &BTreeSet<T>, items: &[T]) -> Self {
        for error in &mut self.errors {
            let Some(place) = error.pointer.strip_prefix(list) else { continue };
            let mut parts = place.splitn(3, '/').skip(1);
            let index = parts.next().and_then(|index| index.parse().ok());
            let item = index.and_then(|index: usize| set.iter().nth(index));
            if let Some(at) = item.and_then(|item| items.iter().position(|other| other == item)) {
                let rest = parts.next().map(|rest| format!("/{rest}")).unwrap_or_default();
                error.pointer = format!("{list}/{at}{rest}");
            }
        }
        self
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// What must be tried again, after so many seconds.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, seconds)
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The same answer for what does not exist and for what belongs to others.
    pub(crate) fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            code::NOT_FOUND,
            "there is no such thing here: check the keys in the path, and whose login you use",
        )
    }

    /// Something broke here; the cause is logged, and not told.
    pub(crate) fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %Chain(cause), "a request failed");
        Self::unexplained()
    }

    /// Something broke here, and it is in the log already.
    pub(crate) fn unexplained() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            code::INTERNAL,
            "something broke on this side: report it with the `X-Request-Id` of this answer",
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            kind: format!("urn:ff:error:{}", self.code),
            title: title(self.status),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            errors: &self.errors,
        };
        let body = serde_json::to_vec(&document).expect("texts and numbers are always JSON");
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, kind)], body).into_response();
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request cannot be read",
        StatusCode::UNAUTHORIZED => "Not signed in",
        StatusCode::FORBIDDEN => "Not permitted",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::METHOD_NOT_ALLOWED => "Not possible here",
        StatusCode::NOT_ACCEPTABLE => "Not in that form",
        StatusCode::REQUEST_TIMEOUT => "Too slow",
        StatusCode::CONFLICT => "In conflict with what is there",
        StatusCode::PRECONDITION_FAILED => "Changed meanwhile",
        StatusCode::PAYLOAD_TOO_LARGE => "Too large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Not in that form",
        StatusCode::UNPROCESSABLE_ENTITY => "The input is not valid",
        StatusCode::PRECONDITION_REQUIRED => "A version is needed",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "Not available now",
        _ => "Something broke",
    }
}

/// An error with all its causes on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_item_of_a_set_is_told_where_it_stands_in_the_list() {
        let items = ["b", "c", "a"];
        let set = BTreeSet::from(items);
        let problem = Problem::unexplained()
            .at("/roles/0/role", "a")
            .at("/roles/2", "c")
            .at("/roles", "all")
            .at("/other/0", "other");
        let problem = problem.at_items("/roles", &set, &items);
        let pointers: Vec<_> = problem.errors.iter().map(|error| &*error.pointer).collect();
        assert_eq!(pointers, ["/roles/2/role", "/roles/1", "/roles", "/other/0"]);
    }
}
