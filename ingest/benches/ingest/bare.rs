//! The reference: axum, one route, the same JSON read into owned events, and 202.

use std::net::SocketAddr;

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

#[derive(Deserialize)]
struct Body {
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(dead_code, reason = "reading them is what is measured")]
enum Event {
    Exposure {
        id: uuid::Uuid,
        at: jiff::Timestamp,
        user_key: String,
        flag: String,
        variation: String,
        rule: String,
        experiment: String,
        position: String,
        attributes: serde_json::Map<String, serde_json::Value>,
    },
    Metric {
        id: uuid::Uuid,
        at: jiff::Timestamp,
        user_key: String,
        metric: String,
        value: f64,
    },
}

async fn take(Json(body): Json<Body>) -> (StatusCode, String) {
    (StatusCode::ACCEPTED, format!("{{\"accepted\":{}}}", body.events.len()))
}

pub(crate) async fn serve() {
    let app = Router::new().route("/v1/events", post(take));
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
