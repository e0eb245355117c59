//! Who is asking. Runs before every handler but a handful, so that a route cannot forget it.

use std::time::Instant;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method};
use axum::middleware::Next;
use axum::response::Response;
use ff_auth::Principal;
use ff_eventlog::Position;
use ff_projections::ProjectionName;
use uuid::Uuid;

use crate::App;
use crate::doorkeeper::{Credentials, challenge};
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

/// Lets a request through to its handler once it is known who sent it, and what it has seen is there to be read.
pub(crate) async fn authenticate(
    State(app): State<App>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let credentials = app.doorkeeper.credentials(request.headers())?;
    let who = match &credentials {
        Credentials::User(user) => Who::User(*user),
        Credentials::Token(key) => Who::Token(*key.hash.as_bytes()),
    };
    let left = app.kept.callers.take(who, Instant::now())?;
    let parameters = parameters.map_err(|_| Problem::not_found())?;
    let organization = parameters.iter().find(|(name, _)| *name == "org").map(|(_, key)| key);
    let principal = app.doorkeeper.principal(credentials, organization).await?;
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
