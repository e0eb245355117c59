//! Who is asking. Runs before every handler but a handful, so that a route cannot forget it.
//!
//! Nothing here needs Postgres: an access token is checked by its signature, an API token and a membership by
//! their aggregates, whose ids follow from the organization in the path and the key, or the user.

use std::time::Instant;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use ff_auth::{KeyKind, ParsedKey, Principal, TokenRole};
use ff_domain::{
    ApiKey, ApiKeyId, OrganizationId, OrganizationKey,
    api_key::{KeyPurpose, TokenRole as GivenRole},
};
use ff_eventlog::Position;
use ff_projections::ProjectionName;
use jiff::Timestamp;
use uuid::Uuid;

use crate::App;
use crate::problem::{Problem, code};
use crate::request::bad_header;

/// Whoever sent the request, known for certain.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Principal);

/// The commit that the caller knows of and wants to find in the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen(pub(crate) Option<Position>);

/// Whose bucket a request is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// A person.
    User(Uuid),
    /// A program, by the hash of its token.
    Token([u8; 32]),
}

enum Credentials {
    User(Principal, Uuid),
    Token(ParsedKey),
}

/// Lets a request through to its handler once it is known who sent it, and what it has seen is there to be read.
pub(crate) async fn authenticate(
    State(app): State<App>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let parameters = parameters.map_err(|_| Problem::not_found());
    let credentials = credentials(&app, request.headers())?;
    let who = match &credentials {
        Credentials::User(_, user) => Who::User(*user),
        Credentials::Token(key) => Who::Token(*key.hash.as_bytes()),
    };
    let left = app.kept.callers.take(who, Instant::now())?;
    let principal = match credentials {
        Credentials::User(principal, _) => principal,
        Credentials::Token(key) => token_holder(&app, &parameters?, key).await?,
    };
    let seen = Seen(minimum(request.headers())?);
    if *request.method() == Method::GET {
        app.wait_for(ProjectionName::Catalog, seen).await?;
    }
    request.extensions_mut().insert(seen);
    request.extensions_mut().insert(Caller(principal));
    let mut response = next.run(request).await;
    left.tell(response.headers_mut());
    Ok(response)
}

fn credentials(app: &App, headers: &HeaderMap) -> Result<Credentials, Problem> {
    let bearer = bearer(headers)?;
    match ff_auth::keys::parse(bearer) {
        Ok(key) if key.kind == KeyKind::ApiToken => Ok(Credentials::Token(key)),
        Ok(_) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            code::SDK_KEY,
            "this is an SDK key, which the edge takes: sign in here, or use an API token",
        )),
        Err(_) => {
            let claims = app.tokens.verify(bearer, Timestamp::now()).map_err(|error| {
                tracing::debug!(error = %error, "an access token was refused");
                invalid("the access token is not valid, or no longer: sign in again")
            })?;
            Ok(Credentials::User(Principal::user(claims.user_id), claims.user_id))
        }
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let detail = "sign in with `POST /api/v1/sessions`, then send `Authorization: Bearer …`";
        return Err(challenge(code::NO_CREDENTIALS, detail, "Bearer realm=\"ff\""));
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(|| invalid("the header must be `Authorization: Bearer …`"))
}

async fn token_holder(
    app: &App,
    parameters: &RawPathParams,
    key: ParsedKey,
) -> Result<Principal, Problem> {
    let Some((_, organization)) = parameters.iter().find(|(name, _)| *name == "org") else {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            code::TOKEN_OUTSIDE,
            "an API token belongs to one organization: use it below `/api/v1/orgs/{org}`",
        ));
    };
    let organization = OrganizationKey::parse(organization).map_err(|_| Problem::not_found())?;
    let organization = OrganizationId::of(&organization);
    let id = ApiKeyId::of(organization, key.hash.as_bytes());
    match app.load::<ApiKey>(organization, id).await? {
        ApiKey::Live(state) if state.expires_at.is_none_or(|end| Timestamp::now() < end) => {
            match state.purpose {
                KeyPurpose::ApiToken { role } => {
                    Ok(Principal::api_token(id.0, organization.0, granted(role)))
                }
                KeyPurpose::SdkServer(_) | KeyPurpose::SdkClient(_) => {
                    Err(invalid("the API token is not valid: use one that was issued as such"))
                }
            }
        }
        ApiKey::Live(_) => Err(invalid("the API token has expired: issue another")),
        ApiKey::Revoked(_) => Err(invalid("the API token was revoked: issue another")),
        // It may well be a token of another organization, for which this one does not exist.
        ApiKey::Absent => Err(Problem::not_found()),
    }
}

fn granted(role: GivenRole) -> TokenRole {
    match role {
        GivenRole::Admin => TokenRole::Admin,
        GivenRole::Editor => TokenRole::Editor,
        GivenRole::Viewer => TokenRole::Viewer,
    }
}

fn invalid(detail: &str) -> Problem {
    challenge(code::BAD_CREDENTIALS, detail, "Bearer realm=\"ff\", error=\"invalid_token\"")
}

fn challenge(code: &'static str, detail: &str, challenge: &'static str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, code, detail)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
}

/// `FF-Min-Position`: what the caller has seen, and wants to find in the answer.
fn minimum(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let name = HeaderName::from_static("ff-min-position");
    let Some(value) = headers.get(&name) else { return Ok(None) };
    value.to_str().ok().and_then(|text| text.parse().ok()).map(Some).ok_or_else(|| {
        bad_header("FF-Min-Position", "give the `FF-Position` of an answer to a command")
    })
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| challenge(code::NO_CREDENTIALS, "sign in first", "Bearer realm=\"ff\""))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Seen {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &S,
    ) -> Result<Self, std::convert::Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self(None)))
    }
}
