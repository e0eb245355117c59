//! Reading the body of a request, up to a size and in bounded time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use hyper::HeaderMap;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE};
use tokio::time::timeout;

use crate::problem::Problem;

/// The largest body.
const LIMIT: usize = 1024 * 1024;
/// How much of a larger body is read and thrown away: a client that is still sending would not see the answer.
const DRAINED: usize = 16 * LIMIT;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// A body, and whether it was waited for.
#[derive(Debug)]
pub(super) enum Arrived {
    /// It was there with its head.
    AtOnce(Bytes),
    /// It was not.
    Later(Bytes),
}

/// Reads a body that says to be JSON, or says nothing.
pub(super) async fn read_json(headers: &HeaderMap, body: Incoming) -> Result<Arrived, Problem> {
    let plain = headers.get(CONTENT_ENCODING).is_none_or(|coding| coding == "identity");
    let accepted = plain && headers.get(CONTENT_TYPE).is_none_or(|kind| is_json(kind.as_bytes()));
    let mut reading = Box::pin(collect(body));
    // Nearly always it is there already, and no timer is needed.
    let arrived = match (&mut reading).now_or_never() {
        Some(result) => Arrived::AtOnce(result?),
        None => {
            let late = timeout(PATIENCE, reading).await.map_err(|_| Problem::BodyTooSlow)?;
            Arrived::Later(late?)
        }
    };
    if accepted { Ok(arrived) } else { Err(Problem::MediaType) }
}

fn is_json(kind: &[u8]) -> bool {
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/json")
        || (essence.len() > 5 && essence[essence.len() - 5..].eq_ignore_ascii_case(b"+json"))
}

async fn collect(mut body: Incoming) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.map_err(|_| Problem::BodyBroken)?.into_data() else { continue };
        length += data.len();
        if length > DRAINED {
            break;
        }
        if length > LIMIT {
            (first, whole) = Default::default();
        } else if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    match length {
        length if length > LIMIT => Err(Problem::BodyTooLarge(LIMIT)),
        _ if whole.is_empty() => Ok(first),
        _ => Ok(whole.freeze()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_recognised() {
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/x+json"] {
            assert!(is_json(kind.as_bytes()), "{kind}");
        }
        for kind in ["", "text/plain", "application/x-www-form-urlencoded", "json", "+json"] {
            assert!(!is_json(kind.as_bytes()), "{kind}");
        }
    }
}
