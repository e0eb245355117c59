//! Config for SDKs that evaluate by themselves: the whole of an environment, or what changed, at once or as it
//! happens. For servers' keys only, which is checked before anything here is called: rules are in it.

use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue, VARY};
use tokio::task::spawn_blocking;

use crate::connections::Cut;
use crate::http::{
    App, FF_POSITION, Response, answer, has_current, not_modified, parameter, takes_gzip,
};
use crate::keyring::Access;
use crate::problem::Problem;
use crate::recent::{Patch, merged};
use crate::served::Served;
use crate::stream::{self, HEARTBEAT, Plan, event, last_event_id, shared_event};

const SINCE: &str = "since";

/// `GET /v1/config`.
pub(crate) async fn config(
    access: &Access,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let since = since(query)?;
    let served = match since {
        None => Arc::clone(&access.environment.served()),
        Some(position) => {
            let (served, patches) = access.environment.since(position);
            if let Some(patches) = patches.filter(|_| !has_current(headers, &served.etag)) {
                let body = merged(&served.head.position, &patches);
                return Ok(tagged(answer(StatusCode::OK, body.into()), &served));
            }
            served
        }
    };
    if has_current(headers, &served.etag) {
        let mut response = not_modified(served.etag.clone());
        response.headers_mut().insert(FF_POSITION, served.position.clone());
        return Ok(response);
    }
    if !takes_gzip(headers) {
        let body = served.full().plain.clone();
        return Ok(varying(tagged(answer(StatusCode::OK, body), &served)));
    }
    let body = compressed(&served).await;
    let mut response = varying(tagged(answer(StatusCode::OK, body), &served));
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Ok(response)
}

/// `GET /v1/stream`.
pub(crate) fn stream(
    app: &App,
    access: &Access,
    query: Option<&str>,
    headers: &HeaderMap,
    cut: &Cut,
) -> Result<Response, Problem> {
    let since = since(query)?;
    let position = match last_event_id(headers) {
        Some(id) if !is_position(id) => return Err(Problem::Position("Last-Event-ID")),
        Some(id) => Some(id),
        None => since,
    };
    // First this, so that no change falls between what is sent now and what is sent later.
    let changes = access.environment.subscribe();
    let (served, patches) = match position {
        Some(position) => access.environment.since(position),
        None => (Arc::clone(&access.environment.served()), None),
    };
    let opening = match patches {
        Some(patches) if patches.is_empty() => vec![HEARTBEAT],
        Some(patches) => patches.iter().map(|patch| patch_event(patch)).collect(),
        None => shared_event(&served.head.position, "put", &served.full().plain),
    };
    let plan = Plan { opening, seen: served.version, changes, event: patch_event };
    Ok(stream::open(app, access, cut, plan))
}

fn patch_event(patch: &Patch) -> Bytes {
    event(&patch.position, Some("patch"), &patch.json).into()
}

/// Where the client is.
fn since(query: Option<&str>) -> Result<Option<&str>, Problem> {
    match parameter(query, SINCE) {
        Some(text) if !is_position(text) => Err(Problem::Position(SINCE)),
        other => Ok(other),
    }
}

fn is_position(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok()
}

/// Compressing is done once for each version, and away from the tasks that answer others.
async fn compressed(served: &Arc<Served>) -> Bytes {
    if let Some(ready) = served.full().gzip_if_ready() {
        return ready;
    }
    let in_background = Arc::clone(served);
    match spawn_blocking(move || in_background.full().gzip()).await {
        Ok(bytes) => bytes,
        // The runtime is shutting down; do it here.
        Err(_) => served.full().gzip(),
    }
}

fn tagged(mut response: Response, served: &Served) -> Response {
    let headers = response.headers_mut();
    headers.insert(ETAG, served.etag.clone());
    headers.insert(FF_POSITION, served.position.clone());
    response
}

fn varying(mut response: Response) -> Response {
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}
