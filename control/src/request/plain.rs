//! The body of a request that is no command: nothing of it is in the log, so there is no version to build on, nothing
//! to be done twice, and no reason to be kept.

use axum::extract::{FromRequest, Request};

use super::{Payload, body};
use crate::problem::Problem;

/// What a request says.
#[derive(Debug)]
pub(crate) struct Plain<T>(pub(crate) T);

impl<T: Payload, S: Send + Sync> FromRequest<S> for Plain<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, incoming) = request.into_parts();
        let bytes = body::collect(&parts.headers, incoming, T::LIMIT).await?;
        body::read(&parts.headers, &bytes).map(Self)
    }
}
