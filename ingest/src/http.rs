//! From a request to its answer: the routes, the key, and everything that can be refused before a body is read.

mod body;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, EXPECT, HeaderName, HeaderValue,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use ff_evaluator::wire::KeyKind;
use ff_front::bodies::unpack;
use ff_front::{BodyLimits, ClientAddress, CorsRules, Encoding, Harden, Origins, cors, harden};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

use crate::batch::{Batch, Format, without_nan};
use crate::budget::{Budget, Held};
use crate::commit::{Committer, Publisher};
use crate::config::{Config, Environment};
use crate::metrics::Metrics;
use crate::problem::Problem;
use crate::quota::{Quotas, Sending};
use crate::take::{Taken, take};
use crate::witness::Witness;
use crate::{CommitOptions, Limits};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// A plain body up to this size is read where it arrived; a larger one, and what is compressed, keeps no other request
/// waiting.
const SMALL: usize = 128 * 1024;
/// After this long a key is looked up again: it may have been revoked while the body came.
const SLOW: Duration = Duration::from_secs(1);
/// What an event takes in a message beside its own bytes: ids, times and names of members.
const OVERHEAD: usize = 256;

/// What a request is answered with.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) publisher: Arc<Publisher>,
    pub(crate) committer: Committer,
    pub(crate) budget: Arc<Budget>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) witness: Witness,
    pub(crate) limits: Limits,
    pub(crate) quotas: Quotas,
    pub(crate) commit: CommitOptions,
    pub(crate) body_timeout: Duration,
    /// Large bodies that are read at one time.
    pub(crate) large: Semaphore,
}

/// What pages may send and see.
const CORS: CorsRules<'_> = CorsRules {
    methods: &[Method::POST],
    headers: &["authorization", "x-api-key", "content-type", "content-encoding"],
    exposed: &["retry-after", "ratelimit", "ratelimit-policy"],
    max_age: Duration::from_secs(86_400),
};

/// The service.
pub(crate) fn router(app: Arc<App>, origins: &Origins, careful: Harden) -> Router {
    let router = Router::new()
        .route("/v1/events", post(events).fallback(|| async { Problem::Method("POST, OPTIONS") }))
        .route("/healthz", get(async || OK).fallback(|| async { Problem::Method("GET") }))
        .route("/readyz", get(ready).fallback(|| async { Problem::Method("GET") }))
        .route("/metrics", get(metrics).fallback(|| async { Problem::Method("GET") }))
        .fallback(|| async { Problem::NoSuchPath })
        .with_state(app)
        // Outermost the headers that browsers need, also with what went wrong.
        .layer(CatchPanicLayer::custom(|_| Problem::Internal.into_response()))
        .layer(cors(origins, CORS));
    harden(router, careful)
}

const OK: ([(HeaderName, HeaderValue); 1], &str) =
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], "{\"status\":\"ok\"}");

async fn ready(State(app): State<Arc<App>>) -> Response {
    match app.publisher.check() {
        Err(error) => Problem::from(error).into_response(),
        Ok(()) if !app.config.is_complete() => Problem::NotReady.into_response(),
        Ok(()) => OK.into_response(),
    }
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4");
    ([(CONTENT_TYPE, kind)], app.metrics.render()).into_response()
}

/// `POST /v1/events`.
async fn events(State(app): State<Arc<App>>, client: ClientAddress, request: Request) -> Response {
    let started = Instant::now();
    let (head, mut body) = request.into_parts();
    let (code, mut response) = match app.accept(client, &head.headers, &mut body).await {
        Ok(response) => ("", response),
        Err(problem) => {
            // Who waits to be asked for the body is not asked for it.
            if !head.headers.contains_key(EXPECT) {
                body::drain(body);
            }
            (problem.code(), problem.into_response())
        }
    };
    response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"));
    app.metrics.answered(response.status().as_u16(), code, started.elapsed());
    response
}

impl App {
    async fn accept(
        self: &Arc<Self>,
        client: ClientAddress,
        headers: &HeaderMap,
        body: &mut Body,
    ) -> Result<Response, Problem> {
        let started = Instant::now();
        let shown = key(headers).ok_or(Problem::KeyMissing)?;
        let (key, environment) = self.witness.find(&self.config, shown, client.0)?;
        body::check_length(body, self.limits.body_bytes)?;
        let format = format(headers)?;
        let encoding = Encoding::of(headers)?;
        self.publisher.check()?;
        // Who has used up a quota is refused before the body is read.
        let sending = Sending {
            key: key.hash,
            organization: environment.organization.id,
            address: (key.kind == KeyKind::Client).then_some(client.0),
        };
        self.quotas.glance(sending).map_err(Problem::Quota)?;

        let received = self.receive(body, encoding, format, &environment).await;
        // Every request is one event at least, also one of which nothing could be made.
        let events = received.as_ref().map_or(1, |(taken, _)| taken.events().max(1));
        let left = self.quotas.take(sending, events).await;
        let (Taken { answer, chunks, exposures, metrics, repeats }, held) = received?;
        let left = left.map_err(Problem::Quota)?;

        if started.elapsed() > SLOW {
            self.config.find(shown)?;
        }
        self.committer.commit(chunks, held).await?;
        self.metrics.exposures.increment(exposures);
        self.metrics.metric_events.increment(metrics);
        self.metrics.repeats.increment(repeats);
        self.metrics.unknown_names.increment(answer.unknown_names());
        for rejected in &answer.rejected {
            self.metrics.rejected(rejected.rejection.reason.code());
        }
        let mut response = (StatusCode::ACCEPTED, Json(answer)).into_response();
        response.headers_mut().extend(left.headers());
        Ok(response)
    }

    /// Reads a body, and what is in it.
    async fn receive(
        self: &Arc<Self>,
        body: &mut Body,
        encoding: Encoding,
        format: Format,
        environment: &Arc<Environment>,
    ) -> Result<(Taken, Held), Problem> {
        let mut held = self.budget.hold();
        let reading = body::read(body, self.limits.body_bytes, &mut held);
        let bytes = tokio::time::timeout(self.body_timeout, reading)
            .await
            .map_err(|_| Problem::BodyTooSlow)??;
        self.understand(bytes, encoding, format, environment, held).await
    }

    /// Reads and checks what arrived: here if that is soon done, else beside everything else.
    async fn understand(
        self: &Arc<Self>,
        bytes: Bytes,
        encoding: Encoding,
        format: Format,
        environment: &Arc<Environment>,
        held: Held,
    ) -> Result<(Taken, Held), Problem> {
        if encoding == Encoding::Identity && bytes.len() <= SMALL {
            return self.work(bytes, encoding, format, environment, held);
        }
        let _turn = self.large.acquire().await.expect("the semaphore is never closed");
        let (app, environment) = (Arc::clone(self), Arc::clone(environment));
        let work = move || app.work(bytes, encoding, format, &environment, held);
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(Problem::Internal))
    }

    fn work(
        &self,
        bytes: Bytes,
        encoding: Encoding,
        format: Format,
        environment: &Environment,
        mut held: Held,
    ) -> Result<(Taken, Held), Problem> {
        let limits = BodyLimits::new(self.limits.body_bytes);
        let bytes = unpack(encoding, bytes, &limits, |piece| held.grow(piece).is_ok())?;
        let most = self.limits.events;
        let repaired;
        let batch = match Batch::read(&bytes, format, most) {
            Err(problem @ Problem::Body(_)) => {
                held.grow(bytes.len()).map_err(|_| Problem::Busy)?;
                repaired = without_nan(&bytes).ok_or(problem)?;
                Batch::read(&repaired, format, most)?
            }
            result => result?,
        };
        held.grow(bytes.len() + batch.events.len() * OVERHEAD).map_err(|_| Problem::Busy)?;
        let taken = take(&batch, environment, Timestamp::now(), &self.commit);
        // From here on only what is to be stored is kept.
        held.shrink_to(taken.chunks.iter().map(|chunk| chunk.bytes.len()).sum());
        Ok((taken, held))
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

/// How the body says that it is written; JSON if it says nothing.
fn format(headers: &HeaderMap) -> Result<Format, Problem> {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return Ok(Format::Json) };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    match kind.trim().to_ascii_lowercase().as_str() {
        "application/x-ndjson" | "application/ndjson" => Ok(Format::Lines),
        "application/json" => Ok(Format::Json),
        other if other.starts_with("application/") && other.ends_with("+json") => Ok(Format::Json),
        _ => Err(Problem::MediaType),
    }
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
    fn a_body_says_how_it_is_written() {
        for (kind, expected) in [
            ("application/json; charset=utf-8", Ok(Format::Json)),
            ("Application/X-NDJSON", Ok(Format::Lines)),
            ("application/cloudevents+json", Ok(Format::Json)),
            ("text/plain", Err(Problem::MediaType)),
        ] {
            assert_eq!(format(&headers(CONTENT_TYPE, kind)), expected, "{kind}");
        }
        assert_eq!(format(&HeaderMap::new()), Ok(Format::Json));
    }
}
