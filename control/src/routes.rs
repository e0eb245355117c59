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
mod invitations;
mod keys;
mod layers;
mod me;
mod members;
mod metrics;
mod my_rights;
mod orgs;
mod passwords;
mod past;
pub(crate) mod paths;
mod projects;
mod rights_log;
mod roles;
mod security;
mod segments;
mod service_accounts;
mod sessions;
mod sign_in;

use std::time::Duration;

use axum::Router;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use ff_front::{CorsRules, Harden};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::middleware::{
    authenticate, broken, limit_address, method_not_allowed, observe, unknown_route, within,
};
use crate::{App, docs};

/// Routes that demand a principal.
pub(crate) fn protected() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(me::router())
        .merge(sessions::router())
        .merge(invitations::router())
        .merge(orgs::router())
        .merge(projects::router())
        .merge(environments::router())
        .merge(flags::router())
        .merge(segments::router())
        .merge(experiments::router())
        .merge(metrics::router())
        .merge(layers::router())
        .merge(keys::router())
        .merge(members::router())
        .merge(roles::router())
        .merge(my_rights::router())
        .merge(service_accounts::router())
        .merge(audit::router())
        .merge(sign_in::router())
        .merge(security::router())
}

/// Routes that hand one out.
pub(crate) fn public() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .merge(sessions::public())
        .merge(passwords::public())
        .merge(invitations::public())
        .merge(sign_in::public())
}

/// The whole control plane.
pub fn router(app: App) -> Router {
    let (protected, _) = protected().split_for_parts();
    let (public, _) = public().split_for_parts();
    let cors = ff_front::cors(&app.cors, CORS);
    let harden = Harden::api(app.tls);
    let limited = from_fn_with_state(app.clone(), limit_address);
    let router = protected
        .route_layer(from_fn_with_state(app.clone(), authenticate))
        .merge(public)
        .route_layer(limited)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .merge(docs::router())
        .fallback(unknown_route)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app);
    // From the inside out: a panic becomes an answer before anything else sees it, what is slow is given up within
    // the span and the metrics of its request, and every answer that leaves gets its headers.
    let router = router
        .layer(CatchPanicLayer::custom(broken))
        .layer(from_fn(within))
        .layer(from_fn(observe))
        .layer(cors);
    ff_front::harden(router, harden)
}

/// What pages of other origins may send and see, if they are let in at all. The user interface has the same origin.
const CORS: CorsRules<'_> = CorsRules {
    methods: &[Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE],
    headers: &[
        "authorization",
        "content-type",
        "ff-comment",
        "ff-min-position",
        "ff-via",
        "idempotency-key",
        "if-match",
    ],
    exposed: &[
        "etag",
        "ff-position",
        "idempotency-replayed",
        "link",
        "location",
        "ratelimit",
        "ratelimit-policy",
        "retry-after",
        "x-request-id",
    ],
    max_age: Duration::from_secs(600),
};
