//! The reference: axum, one route, a fixed answer.

use std::net::SocketAddr;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

/// 100 bytes.
const ANSWER: &str = r#"{"key":"flag-500","value":true,"variant":"on","reason":"STATIC","filler":"0123456789abcdef01234567"}"#;

pub(crate) async fn serve() {
    assert_eq!(ANSWER.len(), 100);
    let app =
        Router::new().route("/", get(async || ([(CONTENT_TYPE, "application/json")], ANSWER)));
    let listener =
        tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    axum::serve(
        axum::serve::ListenerExt::tap_io(listener, |stream| {
            let _ = stream.set_nodelay(true);
        }),
        app,
    )
    .await
    .unwrap();
}
