//! A limit on the time that a request takes, from its head to the head of its answer.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tokio::time::timeout;

/// Answers with `late` what has not been answered in time. Work that was under way is dropped.
///
/// What answers piece by piece is not cut off: the time ends with the head of the answer.
pub fn within<L>(router: Router, limit: Duration, late: L) -> Router
where
    L: Fn() -> Response + Clone + Send + Sync + 'static,
{
    router.layer(from_fn(move |request: Request, next: Next| {
        let late = late.clone();
        async move { timeout(limit, next.run(request)).await.unwrap_or_else(|_| late()) }
    }))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn what_takes_too_long_is_answered_for() {
        let router = Router::new()
            .route("/soon", get(async || "soon"))
            .route("/never", get(async || std::future::pending::<String>().await));
        let late = || StatusCode::SERVICE_UNAVAILABLE.into_response();
        let router = within(router, Duration::from_millis(20), late);
        for (path, status) in [("/soon", 200), ("/never", 503)] {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{path}");
        }
    }
}
