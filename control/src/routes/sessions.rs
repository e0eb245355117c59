//! Signing in and out: what a person proves for an access token, and the refresh token that gets the next one.
//!
//! A program is given both tokens. A browser asks for cookies instead, which scripts cannot read, and is given a CSRF
//! token, which other pages cannot.

mod close;
mod open;
mod refresh;

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ff_auth::SessionOf;
use ff_auth::tokens::TokenService;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::doorkeeper::Cookies;
use crate::problem::Problem;
pub(super) use close::{all_closed, person};
pub(super) use open::{open, origin, slow_down};

/// Routes that hand out a session.
pub(super) fn public() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(open::create_session))
        .routes(routes!(refresh::refresh_session))
}

/// Routes of those who have one.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(close::list_sessions, close::close_sessions))
        .routes(routes!(close::close_session))
}

/// What to send from now on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    /// To be sent as `Authorization: Bearer …`. Absent with cookies.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    /// Gets the next access token, once. Absent with cookies.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Always `Bearer`.
    token_type: &'static str,
    /// For how many seconds the access token is accepted.
    expires_in: i64,
    /// Until when the refresh token can be used.
    #[schema(value_type = String, format = DateTime)]
    refresh_expires_at: Timestamp,
    /// With cookies: to be sent as `X-CSRF-Token` with every request that changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
}

/// How a session's tokens travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    /// In bodies and headers, by the program itself.
    ByHand,
    /// In cookies, by a browser.
    InCookies,
}

/// Hands out the tokens of a session that was opened or goes on.
pub(super) fn hand_out(
    app: &App,
    of: SessionOf,
    refresh: &SecretString,
    refresh_expires_at: Timestamp,
    carried: Carried,
    now: Timestamp,
) -> Result<Response, Problem> {
    let issued =
        app.tokens.issue(of, now, &mut rand::rng()).map_err(|error| Problem::internal(&error))?;
    let (access, refresh) = (issued.token.expose_secret(), refresh.expose_secret());
    let expires_in = issued.expires_at.as_second() - now.as_second();
    let by_hand = carried == Carried::ByHand;
    let session = Session {
        access_token: by_hand.then(|| access.to_owned()),
        refresh_token: by_hand.then(|| refresh.to_owned()),
        token_type: "Bearer",
        expires_in,
        refresh_expires_at,
        csrf_token: if by_hand { None } else { app.doorkeeper.csrf_token(of.session) },
    };
    let mut response = (StatusCode::CREATED, Json(session)).into_response();
    if carried == Carried::InCookies {
        let lasts = refresh_expires_at.as_second() - now.as_second();
        let headers = response.headers_mut();
        let access_lasts = TokenService::LIFETIME.as_secs();
        headers.append(header::SET_COOKIE, Cookies::Access.set(access, access_lasts));
        headers.append(header::SET_COOKIE, Cookies::Refresh.set(refresh, lasts));
    }
    Ok(response)
}

/// Takes the cookies of a session away.
pub(super) fn take_cookies(headers: &mut HeaderMap) {
    for cookie in [Cookies::Access, Cookies::Refresh] {
        headers.append(header::SET_COOKIE, cookie.set("", 0));
    }
}
