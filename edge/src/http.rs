//! From a request to its answer: paths, keys, bodies, and the headers that every answer has.
//!
//! This is hyper without a framework on top. An evaluation takes about a microsecond, so what surrounds it decides
//! how many of them a core can answer.

mod body;
mod read;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ff_evaluator::wire::KeyKind;
use ff_front::{Harden, Origins};
use ff_limits::Left;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, StatusCode};

pub(crate) use body::Body;
use read::{Arrived, read_json};

use crate::connections::Cut;
use crate::keyring::{Access, Keyring, Refused};
use crate::metrics::Route;
use crate::problem::Problem;
use crate::quotas::Quotas;
use crate::store::Store;
use crate::witness::{Caller, Witness};
use crate::{ofrep, sdk};

pub(crate) type Response = hyper::Response<Body>;

/// The position of the config that an answer is of.
pub(crate) const FF_POSITION: HeaderName = HeaderName::from_static("ff-position");
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("ETag, Retry-After, FF-Position, RateLimit, RateLimit-Policy");

const ONE_FLAG: &str = "/ofrep/v1/evaluate/flags/";
const ALL_FLAGS: &str = "/ofrep/v1/evaluate/flags";

/// What a request is answered with.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Arc<Store>,
    pub(crate) heartbeat: Duration,
    pub(crate) cors: Origins,
    pub(crate) harden: Harden,
    pub(crate) witness: Witness,
    /// Absent if nothing is limited.
    pub(crate) quotas: Option<Quotas>,
}

impl App {
    /// Answers a request. Never fails: what is wrong with it is in the answer.
    pub(crate) async fn respond(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        cut: &Cut,
    ) -> Response {
        let started = Instant::now();
        let origin = self.cors.allow(request.headers());
        let mut left = None;
        let (route, result) = self.dispatch(request, peer, cut, &mut left).await;
        let mut response = match result {
            Ok(mut response) => {
                self.harden.apply_least(response.headers_mut());
                response
            }
            Err(problem) => {
                if problem.is_of_key() {
                    self.store.metrics.refused_keys.increment(1);
                }
                let mut response = problem.response();
                self.harden.apply(response.headers_mut());
                response
            }
        };
        let headers = response.headers_mut();
        if let Some(left) = left {
            headers.extend(left.headers());
        }
        if self.cors != Origins::Any {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        self.store.metrics.answered(route, response.status().as_u16(), started.elapsed());
        response
    }

    async fn dispatch(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        cut: &Cut,
        left: &mut Option<Left>,
    ) -> (Route, Result<Response, Problem>) {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        let caller = Caller { peer, headers: &head.headers };
        if head.method == Method::OPTIONS {
            return (Route::Other, Ok(preflight()));
        }
        if let Some(key) = path.strip_prefix(ONE_FLAG).filter(|key| !key.is_empty()) {
            let asked = self.asked(&head, caller, body, left).await;
            let result = asked.map(|(access, body)| ofrep::evaluate_one(&access, key, &body));
            return (Route::Evaluate, result);
        }
        match path {
            ALL_FLAGS | ONE_FLAG => {
                let asked = self.asked(&head, caller, body, left).await;
                let result =
                    asked.map(|(access, body)| ofrep::evaluate_all(&access, &head.headers, &body));
                (Route::EvaluateAll, result)
            }
            "/v1/config" => {
                let result = match self.let_in_server(&head.method, caller, left) {
                    Ok(access) => sdk::config(&access, head.uri.query(), &head.headers).await,
                    Err(problem) => Err(problem),
                };
                (Route::Config, result)
            }
            "/v1/stream" => {
                let result = self.let_in_server(&head.method, caller, left).and_then(|access| {
                    sdk::stream(self, &access, head.uri.query(), &head.headers, cut)
                });
                (Route::ConfigStream, result)
            }
            "/ofrep/v1/stream" => {
                let result = allow(&head.method, &Method::GET)
                    .and_then(|()| self.stream_access(head.uri.query(), caller, left))
                    .map(|access| ofrep::stream(self, &access, &head.headers, cut));
                (Route::EvaluationStream, result)
            }
            "/healthz" | "/readyz" | "/metrics" => {
                let result = allow(&head.method, &Method::GET).and_then(|()| self.operations(path));
                (Route::Operations, result)
            }
            _ => (Route::Other, Err(Problem::NoSuchPath)),
        }
    }

    fn operations(&self, path: &str) -> Result<Response, Problem> {
        match path {
            "/metrics" => {
                let text = self.store.metrics.render();
                let mut response = answer(StatusCode::OK, text.into());
                let kind = HeaderValue::from_static("text/plain; version=0.0.4");
                response.headers_mut().insert(CONTENT_TYPE, kind);
                Ok(response)
            }
            "/readyz" if !self.store.is_ready() => Err(Problem::NotReady),
            _ => Ok(answer(StatusCode::OK, Bytes::from_static(b"{\"status\":\"ok\"}"))),
        }
    }

    /// Who asks for an evaluation, and with what.
    async fn asked(
        &self,
        head: &Parts,
        caller: Caller<'_>,
        body: Incoming,
        left: &mut Option<Left>,
    ) -> Result<(Arc<Access>, Bytes), Problem> {
        let authorized = || self.authorized(&head.method, &Method::POST, caller);
        let access = self.let_in(authorized(), caller, left)?;
        match read_json(&head.headers, body).await? {
            Arrived::AtOnce(bytes) => Ok((access, bytes)),
            // A key may be revoked while a body comes slowly.
            Arrived::Later(bytes) => Ok((authorized()?, bytes)),
        }
    }

    /// Lets in who was found to have a key, unless they ask too often. Who has none is counted, too.
    fn let_in(
        &self,
        found: Result<Arc<Access>, Problem>,
        caller: Caller<'_>,
        left: &mut Option<Left>,
    ) -> Result<Arc<Access>, Problem> {
        if let Some(quotas) = &self.quotas {
            *left = quotas.take(found.as_deref().ok(), || self.witness.address(caller))?;
        }
        let access = found?;
        self.witness.let_in(&access, caller);
        Ok(access)
    }

    fn authorized(
        &self,
        method: &Method,
        wanted: &Method,
        caller: Caller<'_>,
    ) -> Result<Arc<Access>, Problem> {
        allow(method, wanted)?;
        self.find(key(caller.headers), caller, Keyring::find)
    }

    /// Who asks for rules, which a client's key does not let see.
    fn let_in_server(
        &self,
        method: &Method,
        caller: Caller<'_>,
        left: &mut Option<Left>,
    ) -> Result<Arc<Access>, Problem> {
        let found = self.authorized(method, &Method::GET, caller);
        let access = self.let_in(found, caller, left)?;
        if access.kind != KeyKind::Server {
            self.witness.wrong_kind(&access, caller);
            return Err(Problem::ServerKeyNeeded);
        }
        Ok(access)
    }

    fn find(
        &self,
        shown: Option<&str>,
        caller: Caller<'_>,
        find: fn(&Keyring, &str) -> Result<Arc<Access>, Refused>,
    ) -> Result<Arc<Access>, Problem> {
        let shown = shown.ok_or(Refused::Missing)?;
        let keyring = self.store.keyring();
        let found = find(&keyring, shown);
        found.map_err(|why| {
            self.witness.refused(&keyring, shown, why, caller);
            why.into()
        })
    }

    /// A change stream is opened with a key, or with the ticket that a bulk answer named.
    fn stream_access(
        &self,
        query: Option<&str>,
        caller: Caller<'_>,
        left: &mut Option<Left>,
    ) -> Result<Arc<Access>, Problem> {
        let found = match parameter(query, "ticket") {
            Some(ticket) => self.find(Some(ticket), caller, Keyring::find_by_ticket),
            None => self.find(key(caller.headers), caller, Keyring::find),
        };
        self.let_in(found, caller, left)
    }
}

fn allow(method: &Method, wanted: &Method) -> Result<(), Problem> {
    match () {
        () if method == wanted => Ok(()),
        () if *wanted == Method::POST => Err(Problem::Method("POST, OPTIONS")),
        () => Err(Problem::Method("GET, OPTIONS")),
    }
}

/// The key of a request, whichever header it is in.
fn key(headers: &HeaderMap) -> Option<&str> {
    const SCHEME: &str = "bearer ";
    let bearer = headers.get(AUTHORIZATION).and_then(|value| {
        let text = value.to_str().ok()?;
        let (scheme, key) = text.split_at_checked(SCHEME.len())?;
        scheme.eq_ignore_ascii_case(SCHEME).then(|| key.trim())
    });
    bearer.or_else(|| headers.get(X_API_KEY)?.to_str().ok().map(str::trim))
}

/// A parameter of the query. No value that is asked for here needs decoding.
pub(crate) fn parameter<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    query?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// An answer with JSON in it.
pub(crate) fn answer(status: StatusCode, body: Bytes) -> Response {
    let mut response = hyper::Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().reserve(8);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// An answer that says: what you have is what there is.
pub(crate) fn not_modified(etag: HeaderValue) -> Response {
    let mut response = hyper::Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response.headers_mut().reserve(4);
    response.headers_mut().insert(ETAG, etag);
    response
}

/// Whether the client has what this tag names.
pub(crate) fn has_current(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|value| {
        let list = value.as_bytes();
        list == etag.as_bytes()
            || list.split(|byte| *byte == b',').any(|each| {
                let each = each.trim_ascii();
                each == b"*" || each.strip_prefix(b"W/").unwrap_or(each) == etag.as_bytes()
            })
    })
}

/// Whether the client takes a compressed body.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        list.split(',').any(|each| {
            let mut parts = each.split(';').map(str::trim);
            let coding = parts.next().unwrap_or_default();
            let refused = parts.any(|part| {
                part.strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0_f32))
            });
            (coding.eq_ignore_ascii_case("gzip") || coding == "*") && !refused
        })
    })
}

fn preflight() -> Response {
    let mut response = hyper::Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, X-API-Key, Content-Type, If-None-Match, Last-Event-ID, Cache-Control",
        ),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_key_is_found_in_either_header() {
        for value in ["Bearer k", "bearer k", "BEARER  k "] {
            assert_eq!(key(&headers(AUTHORIZATION, value)), Some("k"), "{value}");
        }
        assert_eq!(key(&headers(X_API_KEY, "k")), Some("k"));
        for value in ["Basic k", "Bear", ""] {
            assert_eq!(key(&headers(AUTHORIZATION, value)), None, "{value}");
        }
    }

    #[test]
    fn tags_match_as_lists_and_weakly() {
        let etag = HeaderValue::from_static("\"7\"");
        for (value, current) in
            [("\"7\"", true), ("\"6\", W/\"7\"", true), ("*", true), ("\"6\"", false), ("7", false)]
        {
            assert_eq!(has_current(&headers(IF_NONE_MATCH, value), &etag), current, "{value}");
        }
    }

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        for (value, takes) in [
            ("gzip, deflate", true),
            ("br;q=1.0, gzip;q=0.8", true),
            ("*", true),
            ("gzip;q=0", false),
            ("identity", false),
        ] {
            assert_eq!(takes_gzip(&headers(ACCEPT_ENCODING, value)), takes, "{value}");
        }
    }

    #[test]
    fn a_parameter_is_found_by_its_whole_name() {
        assert_eq!(parameter(Some("a=1&since=2"), "since"), Some("2"));
        assert_eq!(parameter(Some("since2=1"), "since"), None);
        assert_eq!(parameter(None, "since"), None);
    }
}
