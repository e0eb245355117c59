//! The body of a request: JSON, of a bounded size, exactly as the type says.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use ff_front::{BodyError, BodyLimits};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::problem::{Problem, code, from_slice};

/// What a body can be read as.
pub(crate) trait Payload: DeserializeOwned + Send {
    /// The largest body in bytes.
    const LIMIT: usize = 1024 * 1024;

    /// What an empty body means, where there may be none.
    fn absent() -> Option<Self> {
        None
    }
}

/// The body of a request that says everything in its path: none, or `{}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl Payload for Nothing {
    fn absent() -> Option<Self> {
        Some(Self {})
    }
}

/// A field of a change that may be left out, which is another thing than null.
pub(crate) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// All of the body, unpacked, or the problem that it is too large, too deep, too slow or broken.
pub(super) async fn collect(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Bytes, Problem> {
    ff_front::bodies::read(headers, body, &BodyLimits::new(limit)).await.map_err(|error| {
        let code = match error {
            BodyError::TooLarge(_) | BodyError::Ratio(_) | BodyError::NoRoom => {
                code::BODY_TOO_LARGE
            }
            BodyError::TooSlow | BodyError::Broken => code::BODY_CUT,
            BodyError::Encoding | BodyError::Compression(_) => code::BODY_ENCODING,
            BodyError::Depth(_) => code::TOO_DEEP,
        };
        Problem::new(error.status(), code, error.to_string())
    })
}

/// Reads a collected body.
pub(super) fn read<T: Payload>(headers: &HeaderMap, body: &Bytes) -> Result<T, Problem> {
    if body.is_empty()
        && let Some(absent) = T::absent()
    {
        return Ok(absent);
    }
    if !ff_front::is_json(headers) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code::CONTENT_TYPE,
            "send JSON, and the header `Content-Type: application/json`",
        ));
    }
    // serde would take a list for an object, its items for the fields in their order.
    if body.trim_ascii_start().starts_with(b"[") {
        let detail = "the body is not what this request takes, see `errors`";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::UNEXPECTED_BODY, detail)
            .at("", "give an object, this is a list"));
    }
    from_slice(body)
}

#[cfg(test)]
mod tests {
    use axum::http::header;

    use super::*;

    #[tokio::test]
    async fn a_body_at_the_limit_is_taken_and_one_beyond_is_not() {
        let none = HeaderMap::new();
        assert_eq!(collect(&none, Body::from("12345"), 5).await.unwrap(), "12345");
        let problem = collect(&none, Body::from("123456"), 5).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn a_body_that_nests_too_deep_is_not_read() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        let deep = "[".repeat(65);
        let problem = collect(&headers, Body::from(deep), 1000).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn only_json_is_json() {
        let read = |kind: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(kind) = kind {
                headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            }
            read::<Nothing>(&headers, &Bytes::from_static(b"{}")).map_err(|p| p.status())
        };
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/a+json"] {
            assert!(read(Some(kind)).is_ok(), "{kind}");
        }
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
            let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            assert_eq!(read(kind).unwrap_err(), status, "{kind:?}");
        }
    }
}
