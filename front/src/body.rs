//! Bodies of requests, within limits: bytes, time, what compression may hide, and how deep JSON nests.

mod collect;
mod depth;
mod limited;
mod unpack;
mod words;

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use hyper::body::Body;

pub use collect::collect;
pub use depth::{TooDeep, check as check_depth};
pub use limited::limited;
pub use unpack::{Encoding, unpack};
pub use words::plain_words;

/// What a body may be.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes, as sent and also after decompression.
    pub bytes: usize,
    /// How many times its size a compressed body may become; the first 64 KiB are free.
    pub ratio: usize,
    /// How deep lists and objects nest.
    pub depth: usize,
    /// How long it may take to arrive.
    pub time: Duration,
    /// How much of a body that is too large is still taken in and thrown away: a client that is still sending would
    /// not see the answer.
    pub drained: usize,
}

/// Why a body is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It has too many bytes.
    #[error("a body has up to {0} bytes, also after decompression; send less at a time")]
    TooLarge(usize),
    /// It did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// It ended before it was complete.
    #[error("the body broke off; send it again")]
    Broken,
    /// It is compressed in a way that is not known here.
    #[error("compress the body with gzip or zstd, or not at all")]
    Encoding,
    /// It is not compressed as it says.
    #[error("the body cannot be decompressed with {0}")]
    Compression(&'static str),
    /// It becomes too large for its size.
    #[error("a compressed body becomes up to {0} times as large; send it in another form")]
    Ratio(usize),
    /// It nests too deep.
    #[error(transparent)]
    Depth(#[from] TooDeep),
    /// There is no memory for it at the moment.
    #[error("more requests are under way than fit into memory; try again")]
    NoRoom,
}

impl BodyLimits {
    /// The usual limits for bodies of this size.
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self {
            bytes,
            ratio: 100,
            depth: 64,
            time: Duration::from_secs(30),
            drained: 16 * 1024 * 1024,
        }
    }
}

impl BodyError {
    /// The status that says it.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) | Self::Ratio(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken | Self::Compression(_) | Self::Depth(_) => StatusCode::BAD_REQUEST,
            Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NoRoom => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

/// Reads a body: collects it, unpacks it, and if it says to be JSON sees how deep it nests.
///
/// # Errors
/// [`BodyError`].
pub async fn read<B>(headers: &HeaderMap, body: B, limits: &BodyLimits) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
{
    let encoding = Encoding::of(headers);
    let bytes = collect(body, limits).await?;
    let bytes = unpack(encoding?, bytes, limits, |_| true)?;
    if is_json(headers) {
        check_depth(&bytes, limits.depth)?;
    }
    Ok(bytes)
}

/// Whether a body says to be JSON.
#[must_use]
pub fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let Some((first, second)) = essence.split_once('/') else { return false };
    let suffix = second.len().checked_sub("+json".len()).and_then(|at| second.get(at..));
    first.eq_ignore_ascii_case("application")
        && (second.eq_ignore_ascii_case("json")
            || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json")))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_recognised() {
        let is_json = |kind| {
            let kind = HeaderValue::from_static(kind);
            is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]))
        };
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/x+json"] {
            assert!(is_json(kind), "{kind}");
        }
        for kind in ["", "text/plain", "application/x-www-form-urlencoded", "json", "text/x+json"] {
            assert!(!is_json(kind), "{kind}");
        }
        assert!(!super::is_json(&HeaderMap::new()));
    }
}
