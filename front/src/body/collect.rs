//! Taking a body in, up to a size and in bounded time.

use std::future::poll_fn;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use hyper::body::Body;
use tokio::time::timeout;

use super::{BodyError, BodyLimits};

/// Takes in all of a body. One that came in a single piece is not copied.
///
/// # Errors
/// [`BodyError::TooLarge`], [`BodyError::TooSlow`] and [`BodyError::Broken`].
pub async fn collect<B>(body: B, limits: &BodyLimits) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
{
    timeout(limits.time, take(body, limits)).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn take<B>(body: B, limits: &BodyLimits) -> Result<Bytes, BodyError>
where
    B: Body<Data = Bytes>,
{
    let mut body = pin!(body);
    let too_large = BodyError::TooLarge(limits.bytes);
    // A claim beyond what is drained is refused unread.
    if body.size_hint().lower() > limits.drained.max(limits.bytes) as u64 {
        return Err(too_large);
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut length = 0_usize;
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > limits.bytes {
            (first, whole) = Default::default();
            if length > limits.drained {
                break;
            }
        } else if first.is_empty() && whole.is_empty() {
            first = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&data);
        }
    }
    match length {
        length if length > limits.bytes => Err(too_large),
        _ if whole.is_empty() => Ok(first),
        _ => Ok(whole.freeze()),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use hyper::body::Frame;

    use super::*;

    /// Comes in these pieces without saying how many there are; after the last one, either ends or stalls.
    struct Pieces {
        pieces: std::vec::IntoIter<Bytes>,
        stalls: bool,
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let this = self.get_mut();
            match this.pieces.next() {
                None if this.stalls => Poll::Pending,
                piece => Poll::Ready(piece.map(|piece| Ok(Frame::data(piece)))),
            }
        }
    }

    fn pieces(text: &str, stalls: bool) -> Pieces {
        let pieces: Vec<Bytes> = text.bytes().map(|byte| vec![byte].into()).collect();
        Pieces { pieces: pieces.into_iter(), stalls }
    }

    #[tokio::test]
    async fn a_body_at_the_limit_is_taken_and_one_beyond_is_not() {
        let limits = BodyLimits { drained: 20, ..BodyLimits::new(5) };
        let long = "x".repeat(99);
        for (text, taken) in [("", true), ("12345", true), ("123456", false), (&long, false)] {
            let expected = taken.then(|| Bytes::from(text.to_owned()));
            let expected = expected.ok_or(BodyError::TooLarge(5));
            let whole = axum::body::Body::from(text.to_owned());
            assert_eq!(collect(whole, &limits).await, expected);
            assert_eq!(collect(pieces(text, false), &limits).await, expected, "in pieces: {text}");
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let time = Duration::from_millis(20);
        let limits = BodyLimits { drained: 20, time, ..BodyLimits::new(5) };
        assert_eq!(collect(pieces("123", true), &limits).await, Err(BodyError::TooSlow));
        // One that is too large anyway is not waited for beyond what is drained.
        let long = "x".repeat(21);
        assert_eq!(collect(pieces(&long, true), &limits).await, Err(BodyError::TooLarge(5)));
    }
}
