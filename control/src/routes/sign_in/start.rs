//! Sending a browser to an identity provider.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use ff_identity::oidc::BeginError;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use url::Url;

use super::connections::refusal;
use super::{ConnectionPath, redirect_uri, unavailable};
use crate::App;
use crate::doorkeeper::Cookies;
use crate::middleware::visit;
use crate::problem::{Chain, Problem, code};
use crate::request::{At, FromParameters, Parameters, Query, bad_parameter};
use crate::routes::sessions::slow_down;

/// For how many seconds somebody may log in at the provider.
const LASTS: i64 = 600;

/// Where to go after signing in.
pub(crate) struct ReturnTo(String);

impl FromParameters for ReturnTo {
    fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        Ok(Self(parameters.one("return_to").unwrap_or_else(|| "/".to_owned())))
    }
}

/// Sign in through an identity provider
///
/// To be opened by a browser, which is sent to the provider and comes back signed in, with cookies. The session is good
/// for this organization alone.
#[utoipa::path(
    get, path = "/api/v1/sign-in/{org}/{connection}/start", operation_id = "start_sign_in", tag = "sessions",
    params(
        ConnectionPath,
        ("return_to" = Option<String>, Query, description = "Path on this site to go to in the end; `/` if absent"),
    ),
    responses((status = 303, description = "To the provider, with a cookie for the way back")),
    security(()),
)]
pub(crate) async fn start_sign_in(
    State(app): State<App>,
    At(path): At<ConnectionPath>,
    Query(ReturnTo(return_to)): Query<ReturnTo>,
    request: Request,
) -> Result<Response, Problem> {
    slow_down(&app, visit(&request)).await?;
    let found = app.providers.connection(path.org().0, path.connection).await;
    let connection = found.map_err(refusal)?;
    let redirect = Url::parse(&redirect_uri(&app, &path.org, connection.id))
        .map_err(|error| Problem::internal(&error))?;
    let now = Timestamp::now();
    let begun = app.providers.begin(connection.id, &redirect, &return_to, now).await;
    let begun = begun.map_err(not_begun)?;
    let to = HeaderValue::try_from(begun.authorize_url.as_str())
        .map_err(|error| Problem::internal(&error))?;
    let cookie = Cookies::SignIn.set(begun.browser_secret.expose_secret(), LASTS);
    let headers = [(header::LOCATION, to), (header::SET_COOKIE, cookie)];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

fn not_begun(error: BeginError) -> Problem {
    match error {
        BeginError::NoConnection => Problem::not_found(),
        BeginError::BadReturnTo => bad_parameter("return_to", error.to_string()),
        BeginError::BadRedirect => Problem::internal(&error),
        BeginError::Provider(_) => {
            tracing::warn!(error = %Chain(&error), "an identity provider cannot be used");
            provider_away()
        }
        BeginError::Unavailable(error) => unavailable(&error),
    }
}

/// The provider does not do its part.
pub(super) fn provider_away() -> Problem {
    let detail = "the identity provider of the organization cannot be used at the moment: try again, and ask who \
                  runs it if that does not help";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code::PROVIDER, detail).retry_after(5)
}
