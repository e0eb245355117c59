//! ClickHouse's HTTP interface.

use std::{future::Future, io, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, RawQuery, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode},
    routing::get,
};
use tokio::net::TcpListener;

use super::{
    engine::{Answer, Engine},
    request::Request,
};

/// The largest body, in bytes. It is held in memory: this serves one developer.
const MAX_BODY: usize = 256 * 1024 * 1024;

/// Answers requests until the signal comes, then finishes those it has begun.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    engine: Engine,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let routes = Router::new()
        .route("/ping", get(ping))
        .route("/", get(query).post(query))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(engine));
    axum::serve(listener, routes).with_graceful_shutdown(stop).await
}

async fn ping() -> &'static str {
    "Ok.\n"
}

async fn query(
    State(engine): State<Arc<Engine>>,
    method: Method,
    RawQuery(query_string): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let query_string = query_string.unwrap_or_default();
    if method == Method::GET && query_string.is_empty() {
        return text(StatusCode::OK, "Ok.\n");
    }
    let mut request = match Request::read(&method, &query_string, &headers, &body) {
        Ok(request) => request,
        Err(error) => return text(error.status(), &format!("{error}\n")),
    };
    let upload = match store_rows(&engine, &mut request).await {
        Ok(upload) => upload,
        Err(error) => {
            return text(
                StatusCode::INTERNAL_SERVER_ERROR,
                &format!("could not store rows: {error}\n"),
            );
        }
    };
    let format = request.script.format.clone();
    let result = engine.run(request.script).await;
    drop(upload);
    let mut response = match result {
        Ok(answer) => success(answer, &format),
        Err(message) => failure(&message),
    };
    if let Some(id) = request.query_id.and_then(|id| HeaderValue::from_str(&id).ok()) {
        response.headers_mut().insert("x-clickhouse-query-id", id);
    }
    response
}

/// Rows on disk, for as long as the engine reads them.
struct Upload(std::path::PathBuf);

impl Drop for Upload {
    fn drop(&mut self) {
        // One that stays is removed at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn store_rows(engine: &Engine, request: &mut Request) -> io::Result<Option<Upload>> {
    let Some(rows) = request.rows.take() else { return Ok(None) };
    let upload = Upload(engine.upload_path());
    tokio::fs::write(&upload.0, rows).await?;
    let path = upload.0.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    request.rows_are_in(path);
    Ok(Some(upload))
}

fn success(answer: Answer, format: &str) -> Response<Body> {
    let Answer { body, rows_read, bytes_read } = answer;
    let summary = format!(r#"{{"read_rows":"{rows_read}","read_bytes":"{bytes_read}"}}"#);
    let mut response = Response::new(Body::from(body));
    for (name, value) in [
        ("content-type", "application/octet-stream"),
        ("x-clickhouse-format", format),
        ("x-clickhouse-summary", &summary),
        ("x-clickhouse-timezone", "UTC"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// An error as ClickHouse sends it: the message as text, and its code in a header.
fn failure(message: &str) -> Response<Body> {
    let code = error_code(message);
    let mut response = text(status_of(code), &format!("{}\n", message.trim_end()));
    response.headers_mut().insert("x-clickhouse-exception-code", HeaderValue::from(code));
    response
}

/// The number after `Code: `, or ClickHouse's code for an error of unknown kind.
fn error_code(message: &str) -> u16 {
    const UNKNOWN_EXCEPTION: u16 = 1002;
    let number = message.strip_prefix("Code: ").and_then(|rest| rest.split_once('.'));
    number.and_then(|(number, _)| number.parse().ok()).unwrap_or(UNKNOWN_EXCEPTION)
}

/// The status ClickHouse gives to an error of this code.
fn status_of(code: u16) -> StatusCode {
    match code {
        // Not there: a function, an identifier, a table, a database.
        46 | 47 | 60 | 81 => StatusCode::NOT_FOUND,
        // A value or a statement that cannot be read.
        6 | 26 | 27 | 38 | 41 | 43 | 53 | 62 | 69 | 70 | 72 | 115 | 456 | 457 => {
            StatusCode::BAD_REQUEST
        }
        48 => StatusCode::NOT_IMPLEMENTED,
        // Out of time.
        159 => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn text(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(message.to_owned()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=UTF-8");
    response.headers_mut().insert("content-type", plain);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_s_code_decides_the_status() {
        let message = "Code: 60. DB::Exception: Unknown table expression identifier 'nope'";
        assert_eq!(error_code(message), 60);
        assert_eq!(failure(message).status(), StatusCode::NOT_FOUND);
        assert_eq!(failure("something broke").status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
