//! The routes: one folder for each kind of resource, one file for each group of verbs.
//!
//! Whoever adds a route adds it to [`protected`], behind authentication. [`public`] is for signing in; what else
//! is open (health, metrics, the document itself) is listed in [`router`].

pub(crate) mod audit;
mod environments;
mod experiments;
mod filters;
mod flags;
mod health;
mod keys;
mod layers;
mod me;
mod metrics;
mod orgs;
mod past;
mod paths;
mod projects;
mod segments;
mod sessions;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::middleware::{
    authenticate, broken, cors, harden, method_not_allowed, observe, unknown_route, within,
};
use crate::{App, docs};

/// Routes that demand a principal.
pub(crate) fn protected() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(me::router())
        .merge(orgs::router())
        .merge(projects::router())
        .merge(environments::router())
        .merge(flags::router())
        .merge(segments::router())
        .merge(experiments::router())
        .merge(metrics::router())
        .merge(layers::router())
        .merge(keys::router())
        .merge(audit::router())
}

/// Routes that hand one out.
pub(crate) fn public() -> OpenApiRouter<App> {
    OpenApiRouter::default().merge(sessions::router())
}

/// The whole control plane.
pub fn router(app: App) -> Router {
    let (protected, _) = protected().split_for_parts();
    let (public, _) = public().split_for_parts();
    let cors = cors(app.cors_origins.clone());
    let router = protected
        .route_layer(from_fn_with_state(app.clone(), authenticate))
        .merge(public)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .merge(docs::router())
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app);
    // From the inside out: a panic becomes an answer before anything else sees it, what is slow is given up within
    // the span and the metrics of its request, and every answer that leaves gets its headers.
    router
        .layer(CatchPanicLayer::custom(broken))
        .layer(from_fn(within))
        .layer(from_fn(observe))
        .layer(cors)
        .layer(from_fn(harden))
}
