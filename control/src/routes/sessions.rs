//! Signing in: e-mail and password for an access token.

use std::time::Instant;

use axum::Json;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::problem::{Problem, code};
use crate::request::{Change, Payload};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(create_session))
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[schema(as = CreateSession)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The e-mail, upper and lower case alike.
    #[schema(example = "owner@example.com")]
    email: String,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: SecretString,
}

impl Payload for SignIn {
    const LIMIT: usize = 16 * 1024;
}

/// What to send from now on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    /// To be sent as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// For how many seconds it is accepted.
    expires_in: i64,
}

/// Sign in
///
/// Takes as long for an unknown e-mail as for a wrong password.
#[utoipa::path(
    post, path = "/api/v1/sessions", operation_id = "create_session", tag = "sessions",
    request_body = SignIn,
    responses((status = 201, description = "Signed in", body = Session)),
    security(()),
)]
pub(crate) async fn create_session(
    State(app): State<App>,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let Change { body: SignIn { email, password }, .. } =
        Change::<SignIn>::from_request(request, &app).await?;
    // Failed attempts are counted by e-mail; which e-mails those are is nobody's business here.
    let who: [u8; 32] = Sha256::digest(email.trim().to_lowercase()).into();
    app.kept.sign_ins.take(who, Instant::now())?;
    let Some(user) = app.users.sign_in(&email, password).await? else {
        let detail = "e-mail and password do not belong together: check both";
        let challenge = HeaderValue::from_static("Bearer realm=\"ff\"");
        return Err(Problem::new(StatusCode::UNAUTHORIZED, code::WRONG_PASSWORD, detail)
            .with_header(header::WWW_AUTHENTICATE, challenge));
    };
    app.kept.sign_ins.give_back(&who);
    let now = Timestamp::now();
    let token = app
        .tokens
        .issue(user.id.0, now, &mut rand::rng())
        .map_err(|error| Problem::internal(&error))?;
    let session = Session {
        access_token: token.token.expose_secret().to_owned(),
        token_type: "Bearer",
        expires_in: token.expires_at.as_second() - now.as_second(),
    };
    Ok((StatusCode::CREATED, Json(session)))
}
