//! The body of a request: JSON, of a bounded size, exactly as the type says.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
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

/// A field of a change that may be left out, and is not null where it is given.
pub(crate) fn given<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// How much of a body that is too large is still taken in, so that its sender gets to read the answer.
const DRAINED: usize = 64 * 1024 * 1024;

/// All of the body, or the problem that it is too large.
pub(super) async fn collect(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    let mut received = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            let detail = "the body ended before it was complete: send it again";
            Problem::new(StatusCode::BAD_REQUEST, code::BODY_CUT, detail)
        })?;
        let Ok(data) = frame.into_data() else { continue };
        received = received.saturating_add(data.len());
        if received <= limit {
            bytes.extend_from_slice(&data);
        } else {
            bytes = BytesMut::new();
        }
        if received > DRAINED {
            break;
        }
    }
    if received > limit {
        let detail = format!("the body may have {limit} bytes: split the change");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, code::BODY_TOO_LARGE, detail));
    }
    Ok(bytes.freeze())
}

/// Reads a collected body.
pub(super) fn read<T: Payload>(headers: &HeaderMap, body: &Bytes) -> Result<T, Problem> {
    if body.is_empty()
        && let Some(absent) = T::absent()
    {
        return Ok(absent);
    }
    if !is_json(headers) {
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

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_at_the_limit_is_taken_and_one_beyond_is_not() {
        assert_eq!(collect(Body::from("12345"), 5).await.unwrap(), "12345");
        let problem = collect(Body::from("123456"), 5).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
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
