//! What is answered where something is wrong with a request as a whole: RFC 9457 documents, each kind with its own
//! code. What is wrong with a single event is a [`crate::event::Rejection`].

use axum::http::header::{
    ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use ff_front::BodyError;
use ff_limits::Refused;

use crate::commit::CommitError;

/// Something is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("send a key as `Authorization: Bearer …` or as `X-API-Key`")]
    KeyMissing,
    #[error("this key is unknown here; it may be mistyped, revoked, or no SDK key")]
    KeyUnknown,
    #[error("this key has expired; issue another one")]
    KeyExpired,
    #[error("there is nothing at this path")]
    NoSuchPath,
    #[error("this path takes {0}")]
    Method(&'static str),
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    #[error("the body broke off")]
    BodyBroken,
    /// Where it stops being JSON is in the detail.
    #[error("the body cannot be read as JSON with a list `events`: {0}")]
    Body(BodyDefect),
    #[error("a body has up to {0} bytes, also after decompression; send less at a time")]
    BodyTooLarge(usize),
    #[error("a body has up to {0} events; send the others in another one")]
    TooManyEvents(usize),
    #[error("send the body as application/json, or one event a line as application/x-ndjson")]
    MediaType,
    #[error("compress the body with gzip or zstd, or not at all")]
    Encoding,
    #[error("the body cannot be decompressed with {0}")]
    Compression(&'static str),
    #[error("a compressed body becomes up to {0} times as large; send it in another form")]
    Ratio(usize),
    #[error("too many events: wait {} s, or spread them", .0.wait())]
    Quota(Refused),
    #[error("more requests are under way than fit into memory; try again")]
    Busy,
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("no config has arrived yet, so no key is known; try again")]
    NotReady,
    #[error("something went wrong here; try again")]
    Internal,
}

/// Why a body as a whole cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyDefect {
    #[error("it is no JSON (line {line}, column {column})")]
    NoJson { line: usize, column: usize },
    #[error("it is no object with a list")]
    Shape,
    #[error("`events` is missing")]
    NoEvents,
}

impl Problem {
    /// Names this kind of problem for good.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::KeyMissing => "FF-4001",
            Self::KeyUnknown => "FF-4002",
            Self::KeyExpired => "FF-4003",
            Self::NoSuchPath => "FF-4005",
            Self::Method(_) => "FF-4006",
            Self::BodyTooSlow => "FF-4011",
            Self::BodyBroken => "FF-4012",
            Self::Body(_) => "FF-4100",
            Self::BodyTooLarge(_) => "FF-4101",
            Self::TooManyEvents(_) => "FF-4102",
            Self::MediaType => "FF-4103",
            Self::Encoding => "FF-4104",
            Self::Compression(_) => "FF-4105",
            Self::Quota(_) => "FF-4106",
            Self::Busy => "FF-4107",
            Self::Commit(CommitError::Unreachable) => "FF-4108",
            Self::Commit(CommitError::Unconfirmed) => "FF-4109",
            Self::Commit(CommitError::Full) => "FF-4110",
            Self::Commit(CommitError::StreamUnusable) => "FF-4111",
            Self::NotReady => "FF-4112",
            Self::Internal => "FF-4113",
            Self::Ratio(_) => "FF-4114",
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::KeyMissing | Self::KeyUnknown | Self::KeyExpired => StatusCode::UNAUTHORIZED,
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BodyBroken | Self::Body(_) | Self::Compression(_) => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge(_) | Self::TooManyEvents(_) | Self::Ratio(_) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::MediaType | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Quota(_) | Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Commit(_) | Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::KeyMissing => "key missing",
            Self::KeyUnknown => "key unknown",
            Self::KeyExpired => "key expired",
            Self::NoSuchPath => "no such path",
            Self::Method(_) => "method not allowed",
            Self::BodyTooSlow => "body too slow",
            Self::BodyBroken => "body broken off",
            Self::Body(_) => "unreadable body",
            Self::BodyTooLarge(_) => "body too large",
            Self::TooManyEvents(_) => "too many events",
            Self::MediaType => "wrong media type",
            Self::Encoding => "unknown compression",
            Self::Compression(_) => "broken compression",
            Self::Ratio(_) => "compressed too much",
            Self::Quota(_) => "quota used up",
            Self::Busy => "too much under way",
            Self::Commit(CommitError::Unreachable) => "store unreachable",
            Self::Commit(CommitError::Unconfirmed) => "not confirmed",
            Self::Commit(CommitError::Full) => "store full",
            Self::Commit(CommitError::StreamUnusable) => "store unusable",
            Self::NotReady => "not ready",
            Self::Internal => "internal error",
        }
    }

    /// Seconds after which it may be different.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Quota(refused) => Some(refused.wait()),
            Self::Busy | Self::NotReady => Some(1),
            Self::Commit(CommitError::Unreachable | CommitError::Unconfirmed) => Some(2),
            Self::Commit(CommitError::Full | CommitError::StreamUnusable) => Some(30),
            _ => None,
        }
    }

    fn tell(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        match self {
            Self::KeyMissing | Self::KeyUnknown | Self::KeyExpired => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Method(methods) => {
                headers.insert(ALLOW, HeaderValue::from_static(methods));
            }
            Self::Encoding => {
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"));
            }
            Self::Quota(refused) => {
                for (name, value) in refused.headers() {
                    headers.insert(name, value);
                }
            }
            _ => {}
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge(most) => Self::BodyTooLarge(most),
            BodyError::Ratio(most) => Self::Ratio(most),
            BodyError::TooSlow => Self::BodyTooSlow,
            BodyError::Encoding => Self::Encoding,
            BodyError::Compression(name) => Self::Compression(name),
            BodyError::NoRoom => Self::Busy,
            // How deep an event nests is between it and its sender, see [`crate::event`].
            BodyError::Broken | BodyError::Depth(_) => Self::BodyBroken,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let code = self.code();
        let body = serde_json::json!({
            "type": format!("/docs/errors/{code}"),
            "title": self.title(),
            "status": self.status().as_u16(),
            "detail": self.to_string(),
            "code": code,
        });
        let mut response = (self.status(), body.to_string()).into_response();
        self.tell(response.headers_mut());
        response
    }
}
