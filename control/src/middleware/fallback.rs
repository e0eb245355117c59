//! Answers where no handler gave one: unknown routes and methods, panics, and what took too long.

use std::any::Any;
use std::time::Duration;

use axum::extract::{OriginalUri, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::problem::{Problem, code};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(30);

/// No route has this path.
pub(crate) async fn unknown_route(OriginalUri(uri): OriginalUri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        code::UNKNOWN_ROUTE,
        format!("there is no route `{}`: see `/api/docs` for those there are", uri.path()),
    )
}

/// The route exists, for other methods. axum adds which ones in `Allow`.
pub(crate) async fn method_not_allowed(method: Method) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        code::METHOD_NOT_ALLOWED,
        format!("{method} is not possible here, see `Allow` for what is"),
    )
}

/// A handler panicked. What it said is in the log, by the panic hook and here.
pub(crate) fn broken(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    tracing::error!(panic = text, "a handler panicked");
    Problem::unexplained().into_response()
}

/// Gives up on an answer that takes too long.
pub(crate) async fn within(request: Request, next: Next) -> Response {
    tokio::time::timeout(LIMIT, next.run(request)).await.unwrap_or_else(|_| {
        let detail = "the answer took too long: ask again, or for less";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code::TIMED_OUT, detail)
            .retry_after(1)
            .into_response()
    })
}
