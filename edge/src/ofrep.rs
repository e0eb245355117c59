//! OFREP, the remote evaluation protocol of OpenFeature: one flag, all flags, and the stream that says when to ask
//! again.

mod request;
mod write;

use std::sync::Arc;

use bytes::Bytes;
use ff_evaluator::wire::KeyKind;
use ff_evaluator::{ErrorCode, FlagHandle};
use hyper::StatusCode;
use hyper::header::{ETAG, HeaderMap, HeaderValue};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};

use crate::connections::Cut;
use crate::http::{App, FF_POSITION, Response, answer, has_current, not_modified};
use crate::keyring::Access;
use crate::recent::Patch;
use crate::stream::{self, HEARTBEAT, Plan, event, last_event_id};

const REFETCH: &[u8] = br#"{"type":"refetchEvaluation"}"#;

/// `POST /ofrep/v1/evaluate/flags/{key}`.
pub(crate) fn evaluate_one(access: &Access, key: &str, body: &[u8]) -> Response {
    let key = percent_decode_str(key).decode_utf8_lossy();
    let served = access.environment.served();
    let mut out = Vec::with_capacity(256);
    let status = match request::context(body) {
        Err(rejected) => {
            write::failure(&mut out, Some(&key), rejected.code(), &rejected.to_string());
            StatusCode::BAD_REQUEST
        }
        Ok(context) => match served.config.flag(&key).filter(|flag| visible(access, flag)) {
            None => {
                let details = write::details(ErrorCode::FlagNotFound);
                write::failure(&mut out, Some(&key), ErrorCode::FlagNotFound, details);
                StatusCode::NOT_FOUND
            }
            Some(flag) => {
                let evaluation = served.config.evaluate_at(flag, &context, Timestamp::now());
                let fragments = served.fragments(flag.index());
                let written = write::success(&mut out, flag.key(), fragments, &evaluation, true);
                match written {
                    Ok(()) => StatusCode::OK,
                    Err(code) => {
                        write::failure(&mut out, Some(flag.key()), code, write::details(code));
                        status(code)
                    }
                }
            }
        },
    };
    let mut response = answer(status, out.into());
    response.headers_mut().insert(FF_POSITION, served.position.clone());
    response
}

/// `POST /ofrep/v1/evaluate/flags`.
pub(crate) fn evaluate_all(access: &Access, headers: &HeaderMap, body: &[u8]) -> Response {
    let served = access.environment.served();
    let context = match request::context(body) {
        Ok(context) => context,
        Err(rejected) => {
            let mut out = Vec::with_capacity(128);
            write::failure(&mut out, None, rejected.code(), &rejected.to_string());
            return answer(StatusCode::BAD_REQUEST, out.into());
        }
    };
    let now = Timestamp::now();
    let flags = served.config.flags();
    let mut out = Vec::with_capacity(256 + flags.len() * 128);
    out.extend_from_slice(b"{\"flags\":[");
    let start = out.len();
    for flag in flags.filter(|flag| visible(access, flag)) {
        if out.len() > start {
            out.push(b',');
        }
        let evaluation = served.config.evaluate_at(flag, &context, now);
        let fragments = served.fragments(flag.index());
        if let Err(code) = write::success(&mut out, flag.key(), fragments, &evaluation, false) {
            write::failure(&mut out, Some(flag.key()), code, write::details(code));
        }
    }
    out.extend_from_slice(b"],\"metadata\":{\"position\":\"");
    out.extend_from_slice(served.head.position.as_bytes());
    out.extend_from_slice(b"\"},\"eventStreams\":");
    out.extend_from_slice(&access.event_streams);
    out.push(b'}');

    let etag = etag(&out);
    let mut response = if has_current(headers, &etag) {
        not_modified(etag)
    } else {
        let mut response = answer(StatusCode::OK, out.into());
        response.headers_mut().insert(ETAG, etag);
        response
    };
    response.headers_mut().insert(FF_POSITION, served.position.clone());
    response
}

/// `GET /ofrep/v1/stream`.
pub(crate) fn stream(app: &App, access: &Access, headers: &HeaderMap, cut: &Cut) -> Response {
    let changes = access.environment.subscribe();
    let served = Arc::clone(&access.environment.served());
    let position = &served.head.position;
    let missed = last_event_id(headers).is_some_and(|id| id != position);
    let opening = if missed { event(position, None, REFETCH).into() } else { HEARTBEAT };
    let plan = Plan { opening: vec![opening], seen: served.version, changes, event: refetch };
    stream::open(app, access, cut, plan)
}

fn refetch(patch: &Patch) -> Bytes {
    // A change of keys alone changes no answer.
    if patch.is_empty() { Bytes::new() } else { event(&patch.position, None, REFETCH).into() }
}

fn visible(access: &Access, flag: &FlagHandle<'_>) -> bool {
    access.kind == KeyKind::Server || flag.client_side()
}

fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::FlagNotFound => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The hash of the body: it depends on all that the answer depends on, and is the same after a restart.
fn etag(body: &[u8]) -> HeaderValue {
    let digest: [u8; 32] = Sha256::digest(body).into();
    let mut text = [b'"'; 34];
    hex::encode_to_slice(&digest[..16], &mut text[1..33]).expect("32 characters hold 16 bytes");
    HeaderValue::from_bytes(&text).expect("hexadecimal digits fit into a header")
}
