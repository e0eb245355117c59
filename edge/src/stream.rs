//! Open streams of events (SSE): heartbeats, and an end for those whose key is revoked or who do not read.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::connections::Cut;
use crate::http::{App, Body, Response, answer};
use crate::keyring::Access;
use crate::metrics::Metrics;
use crate::recent::Patch;

/// How many events may wait for a client that does not read them.
const BUFFER: usize = 64;
/// How often the clock is asked whether a key has expired: it may be set while a stream is open.
const LOOK: Duration = Duration::from_secs(2);
/// How long a client may take to read what it was sent before the end of its stream.
const FAREWELL: Duration = Duration::from_secs(2);

/// A comment: nothing happened, and the connection lives.
pub(crate) const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What a client is sent.
pub(crate) struct Plan {
    /// Sent at once, one after the other.
    pub(crate) opening: Vec<Bytes>,
    /// The version that the opening led to.
    pub(crate) seen: u64,
    /// The changes, also those the opening contains.
    pub(crate) changes: broadcast::Receiver<Arc<Patch>>,
    /// What a change is to this client; empty if nothing.
    pub(crate) event: fn(&Patch) -> Bytes,
}

/// Opens a stream. It ends when the key does, when the edge stops, or when the client does not keep up.
pub(crate) fn open(app: &App, access: &Access, cut: &Cut, plan: Plan) -> Response {
    let (sender, receiver) = mpsc::channel(BUFFER);
    let pump = Pump {
        sender,
        changes: plan.changes,
        seen: plan.seen,
        event: plan.event,
        revoked: access.revoked.clone(),
        cut: cut.clone(),
        metrics: Arc::clone(&app.store.metrics),
    };
    let (revoked, expires_at) = (access.revoked.clone(), access.expires_at);
    let (cut, metrics) = (cut.clone(), Arc::clone(&app.store.metrics));
    let heartbeat = app.heartbeat;
    // Gone with the body, which is gone when its last byte is on its way.
    let (unread, sent) = oneshot::channel::<Infallible>();
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = revoked.cancelled() => {}
            () = over(expires_at) => {}
            () = pump.run(heartbeat) => {}
        }
        // What was sent before may be read, but whose key has ended keeps no connection by not reading it.
        if timeout(FAREWELL, sent).await.is_err() {
            metrics.cut_off.increment(1);
            cut.cut();
        }
    });
    let rest = stream::unfold((receiver, unread), |(mut receiver, unread)| async move {
        receiver.recv().await.map(|bytes| (bytes, (receiver, unread)))
    });
    let opening = plan.opening;
    let mut response = answer(StatusCode::OK, Bytes::new());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // A proxy that gathers answers would hold back what must arrive at once.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    *response.body_mut() = Body::Stream(stream::iter(opening).chain(rest).boxed());
    response
}

/// Waits until a key has expired.
async fn over(expires_at: Option<Timestamp>) {
    let Some(at) = expires_at else { return std::future::pending().await };
    loop {
        match Duration::try_from(at.duration_since(Timestamp::now())) {
            Ok(left) if !left.is_zero() => sleep(left.min(LOOK)).await,
            _ => return,
        }
    }
}

struct Pump {
    sender: mpsc::Sender<Bytes>,
    changes: broadcast::Receiver<Arc<Patch>>,
    seen: u64,
    event: fn(&Patch) -> Bytes,
    revoked: CancellationToken,
    cut: Cut,
    metrics: Arc<Metrics>,
}

impl Pump {
    async fn run(mut self, heartbeat: Duration) {
        let mut heartbeat = interval(heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.tick().await;
        loop {
            let bytes = tokio::select! {
                () = self.sender.closed() => return,
                change = self.changes.recv() => match change {
                    // A change that comes with the end of the key is not for whoever had it.
                    Ok(_) if self.revoked.is_cancelled() => return,
                    Ok(change) if change.version <= self.seen => continue,
                    Ok(change) => (self.event)(&change),
                    Err(RecvError::Lagged(_)) => return self.cut_off(),
                    Err(RecvError::Closed) => return,
                },
                _ = heartbeat.tick() => HEARTBEAT,
            };
            if bytes.is_empty() {
                continue;
            }
            heartbeat.reset();
            match self.sender.try_send(bytes) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => return self.cut_off(),
                Err(mpsc::error::TrySendError::Closed(_)) => return,
            }
        }
    }

    /// A client that does not read must come back and start from where it was.
    fn cut_off(&self) {
        self.metrics.cut_off.increment(1);
        self.cut.cut();
    }
}

/// One event. JSON may stand on several lines; each becomes one of the event's.
pub(crate) fn event(id: &str, name: Option<&str>, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + 64);
    out.extend_from_slice(b"id: ");
    out.extend_from_slice(id.as_bytes());
    if let Some(name) = name {
        out.extend_from_slice(b"\nevent: ");
        out.extend_from_slice(name.as_bytes());
    }
    for line in data.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend_from_slice(b"\ndata: ");
        out.extend_from_slice(line);
    }
    out.extend_from_slice(b"\n\n");
    out
}

/// The same in parts, so that data that many clients get is not copied for each.
pub(crate) fn shared_event(id: &str, name: &str, data: &Bytes) -> Vec<Bytes> {
    if data.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return vec![event(id, Some(name), data).into()];
    }
    let start = format!("id: {id}\nevent: {name}\ndata: ");
    vec![start.into(), data.clone(), Bytes::from_static(b"\n\n")]
}

/// The event that a client saw last, by its own word.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(LAST_EVENT_ID)?.to_str().ok().map(str::trim).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_keeps_its_lines_apart() {
        let text = String::from_utf8(event("7", Some("put"), b"{\n}")).unwrap();
        assert_eq!(text, "id: 7\nevent: put\ndata: {\ndata: }\n\n");
    }

    #[test]
    fn an_event_in_parts_is_the_same() {
        for data in ["{}", "{\n}", ""] {
            let parts = shared_event("7", "put", &data.into()).concat();
            assert_eq!(parts, event("7", Some("put"), data.as_bytes()), "{data}");
        }
    }
}
