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
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over like this")]
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::{Router, routing::get};
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;

    async fn explode() -> &'static str {
        panic!("a secret that is for the log alone")
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_that_tells_nothing() {
        let router = Router::new().route("/", get(explode)).layer(CatchPanicLayer::custom(broken));
        let request = Request::builder().uri("/").body(Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains(code::INTERNAL) && !text.contains("secret"), "{text}");
    }
}
