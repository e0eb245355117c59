//! What is answered where something is wrong with a request: RFC 9457 documents, each kind with its own code.

use std::borrow::Cow;

use hyper::StatusCode;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};

use crate::http::{Response, answer};
use crate::keyring::Refused;

/// Something is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("send a key as `Authorization: Bearer …` or as `X-API-Key`")]
    KeyMissing,
    #[error("this key is unknown here; it may be mistyped, revoked, or of another environment")]
    KeyUnknown,
    #[error("this key has expired; issue another one")]
    KeyExpired,
    #[error("a client's key may not read rules; evaluate at /ofrep/v1/evaluate/flags")]
    ServerKeyNeeded,
    #[error("there is nothing at this path")]
    NoSuchPath,
    #[error("this path takes {0}")]
    Method(&'static str),
    #[error("a body has up to {0} bytes")]
    BodyTooLarge(usize),
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    #[error("the body broke off")]
    BodyBroken,
    #[error("send the body as application/json, not compressed")]
    MediaType,
    #[error("`{0}` is a position: a decimal number")]
    Position(&'static str),
    #[error("no config has arrived yet; try again")]
    NotReady,
    #[error(transparent)]
    TooMany(#[from] Box<ff_limits::Refused>),
}

impl Problem {
    /// Names this kind of problem for good.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::KeyMissing => "FF-4001",
            Self::KeyUnknown => "FF-4002",
            Self::KeyExpired => "FF-4003",
            Self::ServerKeyNeeded => "FF-4004",
            Self::NoSuchPath => "FF-4005",
            Self::Method(_) => "FF-4006",
            Self::BodyTooLarge(_) => "FF-4007",
            Self::MediaType => "FF-4008",
            Self::Position(_) => "FF-4009",
            Self::NotReady => "FF-4010",
            Self::BodyTooSlow => "FF-4011",
            Self::BodyBroken => "FF-4012",
            Self::TooMany(_) => "FF-4013",
        }
    }

    /// Whether it is about the key of the request.
    pub(crate) fn is_of_key(&self) -> bool {
        matches!(self, Self::KeyMissing | Self::KeyUnknown | Self::KeyExpired)
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::KeyMissing | Self::KeyUnknown | Self::KeyExpired => StatusCode::UNAUTHORIZED,
            Self::ServerKeyNeeded => StatusCode::FORBIDDEN,
            Self::NoSuchPath => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Position(_) | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::KeyMissing => "key missing",
            Self::KeyUnknown => "key unknown",
            Self::KeyExpired => "key expired",
            Self::ServerKeyNeeded => "server key needed",
            Self::NoSuchPath => "no such path",
            Self::Method(_) => "method not allowed",
            Self::BodyTooLarge(_) => "body too large",
            Self::BodyTooSlow => "body too slow",
            Self::BodyBroken => "body broken off",
            Self::MediaType => "wrong media type",
            Self::Position(_) => "no position",
            Self::NotReady => "not ready",
            Self::TooMany(_) => "too many requests",
        }
    }

    /// The answer that says it.
    pub(crate) fn response(&self) -> Response {
        let code = self.code();
        let body = serde_json::json!({
            "type": format!("/docs/errors/{code}"),
            "title": self.title(),
            "status": self.status().as_u16(),
            "detail": Cow::from(self.to_string()),
            "code": code,
        });
        let mut response = answer(self.status(), body.to_string().into());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self {
            Self::KeyMissing | Self::KeyUnknown | Self::KeyExpired => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::Method(methods) => {
                headers.insert(ALLOW, HeaderValue::from_static(methods));
            }
            Self::NotReady => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::TooMany(refused) => headers.extend(refused.headers()),
            _ => {}
        }
        response
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Missing => Self::KeyMissing,
            Refused::Unknown => Self::KeyUnknown,
            Refused::Expired => Self::KeyExpired,
        }
    }
}
