//! The analytics engine over HTTP: results and plans of experiments, the power calculator, and the statistics
//! themselves.
//!
//! Results belong to a project, so they need a login of it. The calculators know nothing but what they are sent, so
//! they are open; what they may cost is bounded, and how often an address may ask.

mod calculators;
mod planning;
mod problem;
mod results;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use ff_front::{
    BodyError, BodyLimits, ClientAddress, CorsRules, Harden, Origins, cors, harden, limited, within,
};
use ff_limits::{Limit, Limits, Quota, Subject};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

use crate::host::{Host, HostError};
use crate::store::{Store, StoreError};
use problem::{Problem, code};

/// Most bytes of a request.
const BODY_MAX: usize = 5 * 1024 * 1024;
/// How often an address may ask the calculators.
static CALCULATORS: Limit = Limit::new("calculators", Quota::new(120, Duration::from_secs(60)));
/// How often it may ask for results and plans.
static RESULTS: Limit = Limit::new("results", Quota::new(2_000, Duration::from_secs(4)));
/// How long an answer may take. A result of ten million users from raw events takes seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long ClickHouse may take for what it only has to look up.
const LOOK_UP: Duration = Duration::from_secs(5);
/// How many heavy questions are answered at once: each takes a core, here or in ClickHouse.
const HEAVY: usize = 2;

/// What every handler works with.
pub(crate) struct App<H> {
    pub(crate) host: Arc<H>,
    pub(crate) store: Store,
    heavy: Arc<Semaphore>,
    render: Arc<dyn Fn() -> String + Send + Sync>,
    limits: Limits,
}

impl<H> Clone for App<H> {
    fn clone(&self) -> Self {
        Self {
            host: Arc::clone(&self.host),
            store: self.store.clone(),
            heavy: Arc::clone(&self.heavy),
            render: Arc::clone(&self.render),
            limits: self.limits.clone(),
        }
    }
}

impl<H: Host> App<H> {
    pub(crate) fn new(
        host: Arc<H>,
        store: Store,
        render: Arc<dyn Fn() -> String + Send + Sync>,
        limits: Limits,
    ) -> Self {
        Self { host, store, heavy: Arc::new(Semaphore::new(HEAVY)), render, limits }
    }

    /// The right to do something heavy.
    fn turn(&self) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.heavy).try_acquire_owned().map_err(|_| {
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                code::BUSY,
                "too much is being computed at the moment, try again",
            )
            .retry_after(2)
        })
    }
}

/// What pages may send and see.
const CORS: CorsRules<'_> = CorsRules {
    methods: &[Method::GET, Method::POST],
    headers: &["authorization", "content-type", "ff-min-position"],
    exposed: &["ratelimit", "ratelimit-policy", "retry-after"],
    max_age: Duration::from_secs(600),
};

/// All routes.
pub(crate) fn router<H: Host>(app: App<H>, origins: &Origins, careful: Harden) -> Router {
    let calculators = Router::new()
        .route("/v1/power", post(calculators::power::<H>))
        .route("/v1/stats", post(calculators::stats::<H>))
        .route_layer(from_fn_with_state((app.clone(), &CALCULATORS), counted::<H>));
    let results = Router::new()
        .route(
            "/v1/orgs/{org}/projects/{project}/experiments/{experiment}/results",
            get(results::results::<H>),
        )
        .route(
            "/v1/orgs/{org}/projects/{project}/experiments/{experiment}/plan",
            get(planning::of_experiment::<H>),
        )
        .route_layer(from_fn_with_state((app.clone(), &RESULTS), counted::<H>));
    let router = Router::new()
        .merge(results)
        .merge(calculators)
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready::<H>))
        .route("/metrics", get(|State(app): State<App<H>>| async move { (app.render)() }))
        .fallback(|| async { Problem::not_found("route") })
        .method_not_allowed_fallback(|| async {
            let detail = "this route does not know this method: see the README of the API";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, code::METHOD, detail)
        })
        .with_state(app)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(CatchPanicLayer::custom(broken));
    // From the inside out: a body is taken in within its limits, what is slow is given up, and every answer that
    // leaves gets its headers.
    let router =
        limited(router, BodyLimits::new(BODY_MAX), |error| Problem::from(error).into_response());
    let router = within(router, PATIENCE, || {
        let detail = "the answer took too long: ask for less, or again";
        Problem::new(StatusCode::GATEWAY_TIMEOUT, code::TOO_SLOW, detail).into_response()
    });
    harden(router.layer(cors(origins, CORS)), careful)
}

/// Answers an address that has not asked too often.
async fn counted<H: Host>(
    State((app, limit)): State<(App<H>, &'static Limit)>,
    ClientAddress(address): ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    let (mut response, headers) =
        match app.limits.take(&[(limit, Subject::Address(address))], 1).await {
            Ok(left) => (next.run(request).await, left.headers().collect::<Vec<_>>()),
            Err(refused) => {
                let (status, detail) = (StatusCode::TOO_MANY_REQUESTS, refused.to_string());
                let problem = Problem::new(status, code::RATE_LIMITED, detail);
                (problem.into_response(), refused.headers().collect())
            }
        };
    response.headers_mut().extend(headers);
    response
}

/// A handler panicked. What it said is in the log, by the panic hook and here.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over like this")]
fn broken(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    tracing::error!(panic = text, "a handler panicked");
    Problem::unexplained().into_response()
}

/// Whether results can be read.
async fn ready<H: Host>(State(app): State<App<H>>) -> Result<&'static str, (StatusCode, String)> {
    match tokio::time::timeout(LOOK_UP, app.store.written()).await {
        Ok(Ok(_)) => Ok("ok"),
        Ok(Err(error)) => Err((StatusCode::SERVICE_UNAVAILABLE, format!("ClickHouse: {error}"))),
        Err(_) => Err((StatusCode::SERVICE_UNAVAILABLE, "ClickHouse does not answer".to_owned())),
    }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        match error {
            HostError::UnknownPosition(position) => {
                let detail = HostError::UnknownPosition(position).to_string();
                Self::new(StatusCode::NOT_FOUND, code::UNKNOWN_POSITION, &detail)
                    .at("?position", detail)
            }
            HostError::Behind(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code::BEHIND, error.to_string())
                    .retry_after(1)
            }
            HostError::Unavailable(_) => Self::unavailable("what is known of experiments", &error),
        }
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooLarge(_) | BodyError::Ratio(_) => code::TOO_LARGE,
            _ => code::BAD_BODY,
        };
        Self::new(error.status(), code, error.to_string())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_unreachable() {
            Self::unavailable("the telemetry", &error)
        } else {
            Self::internal(&error)
        }
    }
}

/// An answer that ClickHouse only has to look up. One that does not come soon does not come.
async fn soon<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, Problem> {
    match tokio::time::timeout(LOOK_UP, answer).await {
        Ok(answer) => Ok(answer?),
        Err(late) => Err(Problem::unavailable("the telemetry", &late)),
    }
}

/// What a route of a project starts with: who asks, and what they have seen already.
async fn admit<H: Host>(
    app: &App<H>,
    headers: &HeaderMap,
    org: &str,
    project: &str,
) -> Result<(), Response> {
    app.host.admit(headers, org, project).await?;
    let Some(position) = headers.get("ff-min-position") else { return Ok(()) };
    let position = position.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(|| {
        let detail = "give the `FF-Position` of an answer to a command";
        Problem::new(StatusCode::BAD_REQUEST, code::BAD_PARAMETER, detail)
            .at("FF-Min-Position:", detail)
            .into_response()
    })?;
    let waited = app.host.wait_for(position).await;
    waited.map_err(|error| Problem::from(error).into_response())
}

/// A whole number in a query.
fn number(name: &str, text: Option<&str>) -> Result<Option<u64>, Problem> {
    let Some(text) = text else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let detail = format!("`{name}` is a whole number");
        Problem::new(StatusCode::BAD_REQUEST, code::BAD_PARAMETER, &detail)
            .at(format!("?{name}"), detail)
    })
}
