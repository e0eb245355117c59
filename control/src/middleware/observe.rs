//! One line in the log and one point in the metrics for each request. Never a token, a body or a query.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::request::RequestId;

/// Names the request and notes how it went. The route is its pattern, so that no key of a tenant is a label.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let id = RequestId(Uuid::now_v7());
    request.extensions_mut().insert(id);
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let started = Instant::now();
    let span = tracing::info_span!(
        "request",
        request.id = %id.0,
        http.method = %method,
        http.route = %route,
    );
    let mut response = next.run(request).instrument(span.clone()).await;
    let took = started.elapsed();
    let status = response.status().as_u16();
    let _entered = span.enter();
    tracing::debug!(http.status = status, took_ms = took.as_secs_f64() * 1e3, "answered");
    let labels = [("method", method.to_string()), ("route", route), ("status", status.to_string())];
    metrics::counter!("ff_control_requests_total", &labels).increment(1);
    metrics::histogram!("ff_control_request_seconds", &labels[..2]).record(took.as_secs_f64());
    let value = HeaderValue::try_from(id.0.to_string()).expect("a UUID is ASCII");
    response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    response
}
