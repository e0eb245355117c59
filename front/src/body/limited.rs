//! Limits on the bodies of all routes of a router at once; handlers get what was collected and unpacked.

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::middleware::{Next, from_fn};
use axum::response::Response;

use super::{BodyError, BodyLimits, read};

/// Takes in the body of every request within these limits before its handler runs, and answers `refuse` otherwise.
pub fn limited<R>(router: Router, limits: BodyLimits, refuse: R) -> Router
where
    R: Fn(BodyError) -> Response + Clone + Send + Sync + 'static,
{
    router.layer(from_fn(move |request: Request, next: Next| {
        let refuse = refuse.clone();
        async move {
            let (mut head, body) = request.into_parts();
            if body.is_end_stream() {
                return next.run(Request::from_parts(head, body)).await;
            }
            match read(&head.headers, body, &limits).await {
                Err(error) => refuse(error),
                Ok(bytes) => {
                    // They are about the body as it was sent.
                    for name in [CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING] {
                        head.headers.remove(name);
                    }
                    next.run(Request::from_parts(head, Body::from(bytes))).await
                }
            }
        }
    }))
}
