//! Reading the body of a request, up to a size.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use bytes::BytesMut;
use http_body_util::BodyExt as _;

use crate::budget::Held;
use crate::problem::Problem;

/// How much of a refused body is read and thrown away: a client that is still sending would not see the answer.
const DRAINED: usize = 16 * 1024 * 1024;
/// For how long.
const DRAIN_TIME: Duration = Duration::from_secs(5);

/// Refuses a body that says to be too large.
pub(crate) fn check_length(body: &Body, limit: usize) -> Result<(), Problem> {
    let claimed = body.size_hint().lower();
    if claimed > limit as u64 { Err(Problem::BodyTooLarge(limit)) } else { Ok(()) }
}

/// Reads a body.
pub(crate) async fn read(body: &mut Body, limit: usize, held: &mut Held) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Problem::BodyBroken)?.into_data() else { continue };
        length += data.len();
        if length > limit {
            return Err(Problem::BodyTooLarge(limit));
        }
        held.grow(data.len()).map_err(|_| Problem::Busy)?;
        if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

/// Reads what is left of a body, beside everything else, and throws it away.
pub(crate) fn drain(mut body: Body) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(tokio::time::timeout(DRAIN_TIME, async move {
        let mut left = DRAINED;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    }));
}
