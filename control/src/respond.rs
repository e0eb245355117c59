//! Answers: a thing with its version and position, or a page of a list.

use axum::Json;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use ff_commands::Done;
use ff_eventlog::Position;
use ff_projections::queries::{Document, Slice};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;

/// Which state of a thing an answer shows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Stamp {
    /// How often it was changed; the `ETag` is this number.
    pub(crate) version: u64,
    /// The commit that changed it last.
    #[schema(value_type = String, example = "281474976710699")]
    pub(crate) position: Position,
    /// When it was made. Absent in answers to changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) created_at: Option<Timestamp>,
    /// When it was changed last. Absent in answers to changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) updated_at: Option<Timestamp>,
}

/// How an aggregate looks to callers.
pub(crate) trait View: Serialize + Sized {
    /// The aggregate it shows.
    type Aggregate;

    /// The view of what exists; none of what does not.
    fn of(aggregate: Self::Aggregate, stamp: Stamp) -> Option<Self>;
}

/// One thing.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    status: StatusCode,
    body: T,
    version: Option<u64>,
    headers: HeaderMap,
}

impl<T> Answer<T> {
    /// A thing as a query found it. The position is how far the read model is.
    pub(crate) fn found(body: T, version: Option<u64>, position: Position) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(POSITION, position_value(position));
        Self { status: StatusCode::OK, body, version, headers }
    }

    /// A thing after a command.
    pub(crate) fn changed<A>(done: Done<A>) -> Result<Self, Problem>
    where
        T: View<Aggregate = A>,
    {
        let (position, replayed) = (done.position, done.repeated);
        let stamp = Stamp { version: done.version, position, created_at: None, updated_at: None };
        let body = T::of(done.aggregate, stamp).ok_or_else(|| {
            tracing::error!("a command was done on something that does not exist");
            Problem::unexplained()
        })?;
        let mut answer = Self::found(body, Some(done.version), position);
        if replayed {
            answer.headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(answer)
    }

    /// Says that the thing is new, and where it is.
    pub(crate) fn created(mut self, location: &str) -> Self {
        self.status = StatusCode::CREATED;
        if let Ok(location) = HeaderValue::try_from(location) {
            self.headers.insert(header::LOCATION, location);
        }
        self
    }

    /// The same answer with another body.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        let Self { status, body, version, headers } = self;
        Answer { status, body: change(body), version, headers }
    }
}

const POSITION: HeaderName = HeaderName::from_static("ff-position");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

fn position_value(position: Position) -> HeaderValue {
    HeaderValue::from(position.get())
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.headers, Json(self.body)).into_response();
        if let Some(version) = self.version {
            let tag = HeaderValue::try_from(format!("\"{version}\"")).expect("digits are ASCII");
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}

impl Stamp {
    /// The stamp of a row of a read model.
    pub(crate) fn at(
        version: u64,
        position: Position,
        created_at: Timestamp,
        updated_at: Timestamp,
    ) -> Self {
        let (created_at, updated_at) = (Some(created_at), Some(updated_at));
        Self { version, position, created_at, updated_at }
    }

    /// The stamp of a document.
    pub(crate) fn of<S>(document: &Document<S>) -> Self {
        let Document { version, position, created_at, updated_at, .. } = document;
        Self::at(*version, *position, *created_at, *updated_at)
    }
}

/// A page of a list.
#[derive(Debug)]
pub(crate) struct Listed<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
    next: Option<String>,
    position: Option<Position>,
}

#[derive(Serialize)]
struct Items<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

impl<T> Listed<T> {
    /// The page of a list that was asked for under `uri`.
    pub(crate) fn of<R>(
        slice: Slice<R>,
        position: Position,
        uri: &Uri,
        view: impl FnMut(R) -> T,
    ) -> Self {
        let next = slice.next_cursor.as_deref().map(|cursor| next(uri, cursor));
        let items = slice.items.into_iter().map(view).collect();
        Self { items, next_cursor: slice.next_cursor, next, position: Some(position) }
    }

    /// The page of a list that is in no read model.
    pub(crate) fn unpositioned(items: Vec<T>, next_cursor: Option<String>, uri: &Uri) -> Self {
        let next = next_cursor.as_deref().map(|cursor| next(uri, cursor));
        Self { items, next_cursor, next, position: None }
    }
}

/// The same address, from a cursor on.
fn next(uri: &Uri, cursor: &str) -> String {
    let kept = uri.query().unwrap_or_default().split('&').filter(|pair| {
        !pair.is_empty() && pair.split('=').next().is_none_or(|name| name != "cursor")
    });
    let cursor = format!("cursor={}", utf8_percent_encode(cursor, NON_ALPHANUMERIC));
    let query = kept.chain([&*cursor]).collect::<Vec<_>>().join("&");
    format!("{}?{query}", uri.path())
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        let Self { items, next_cursor, next, position } = self;
        let mut response = Json(Items { items, next_cursor }).into_response();
        if let Some(position) = position {
            response.headers_mut().insert(POSITION, position_value(position));
        }
        let link =
            next.and_then(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).ok());
        if let Some(link) = link {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_every_other_parameter() {
        let uri: Uri = "/a?tag=x&cursor=old&tag=y&limit=2".parse().unwrap();
        assert_eq!(next(&uri, "n/w="), "/a?tag=x&tag=y&limit=2&cursor=n%2Fw%3D");
        assert_eq!(next(&"/a".parse().unwrap(), "c"), "/a?cursor=c");
    }
}
