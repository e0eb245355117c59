//! What handlers take from a request. Each part is read and checked here, so that a handler sees only what is well
//! formed, and a refusal is the same problem everywhere.

mod at;
mod body;
mod change;
mod may;
mod plain;
mod query;

pub(crate) use at::At;
pub(crate) use body::{Nothing, Payload, given};
pub(crate) use change::{Change, Intent, bad_header};
pub(crate) use may::May;
pub(crate) use plain::Plain;
pub(crate) use query::{FromParameters, Page, PageParameters, Parameters, Query, bad_parameter};

use axum::http::Extensions;
use uuid::Uuid;

/// Names one request, in the log and in the answer; the correlation id of the commands it leads to, and the id of
/// its command if the caller gave no idempotency key. It is always made here: two callers must not share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) Uuid);

impl RequestId {
    /// The id that the outermost layer gave to a request.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or_else(|| Self(Uuid::now_v7()))
    }
}
