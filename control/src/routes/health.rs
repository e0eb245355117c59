//! Whether the process lives, whether it can work, and what it has measured.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use ff_eventlog::EventLog as _;
use serde_json::json;
use tokio::time::timeout;

use crate::App;

/// How long a dependency has to answer.
const LIMIT: Duration = Duration::from_secs(2);

/// The process lives.
pub(crate) async fn healthz() -> impl IntoResponse {
    Json(json!({"status": "ok"}))
}

/// Commands need NATS, queries need Postgres.
pub(crate) async fn readyz(State(app): State<App>) -> impl IntoResponse {
    let (nats, postgres) = tokio::join!(
        timeout(LIMIT, app.log.head()),
        timeout(LIMIT, sqlx::query("SELECT 1").execute(&app.pool)),
    );
    let (nats, postgres) = (matches!(nats, Ok(Ok(_))), matches!(postgres, Ok(Ok(_))));
    let word = |up: bool| if up { "ok" } else { "unavailable" };
    let ready = nats && postgres;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({"status": word(ready), "nats": word(nats), "postgres": word(postgres)});
    (status, Json(body))
}

/// What this process has measured, as Prometheus reads it.
pub(crate) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], app.metrics.render())
}
