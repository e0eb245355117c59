//! The OpenAPI document, and a page that shows it. The page brings all it needs: it works without the internet.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use bytes::Bytes;

use crate::{App, openapi};

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let json = openapi().to_json().expect("an OpenAPI document is texts and lists");
    Bytes::from(json)
});

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/api/openapi.json", get(async || file("application/json", DOCUMENT.clone())))
        .route("/api/docs", get(page))
        .route("/api/docs/", get(async || Redirect::permanent("/api/docs")))
        .route("/api/docs/page.js", get(async || file("text/javascript", SCRIPT)))
        .route("/api/docs/page.css", get(async || file("text/css", STYLE)))
}

const PAGE: &str = include_str!("docs/page.html");
const SCRIPT: &str = include_str!("docs/page.js");
const STYLE: &str = include_str!("docs/page.css");

async fn page() -> impl IntoResponse {
    let policy = HeaderValue::from_static(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src data:; frame-ancestors 'none'",
    );
    ([(header::CONTENT_SECURITY_POLICY, policy)], file("text/html; charset=utf-8", PAGE))
}

fn file(kind: &'static str, body: impl IntoResponse) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body)
}
