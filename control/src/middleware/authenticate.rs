//! Who is asking. Runs before every handler but a handful, so that a route cannot forget it.

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method};
use axum::middleware::Next;
use axum::response::Response;
use ff_eventlog::Position;
use ff_front::ClientAddress;
use ff_projections::ProjectionName;

use super::limit::limit_caller;
use crate::App;
use crate::doorkeeper::{Caller, Visit, challenge};
use crate::problem::{Problem, code};
use crate::request::{RequestId, bad_header};

/// The commit that the caller knows of and wants to find in the answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen(pub(crate) Option<Position>);

/// Lets a request through to its handler once it is known who sent it, and what it has seen is there to be read.
pub(crate) async fn authenticate(
    State(app): State<App>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let visit = visit(&request);
    let credentials = app.doorkeeper.credentials(request.method(), request.headers(), visit)?;
    let parameters = parameters.map_err(|_| Problem::not_found())?;
    let organization = parameters.iter().find(|(name, _)| *name == "org").map(|(_, key)| key);
    let caller = app.doorkeeper.recognise(&credentials, organization, visit)?;
    let left = limit_caller(&app, &caller, organization).await?;
    let seen = Seen(minimum(request.headers())?);
    if *request.method() == Method::GET {
        app.wait_for(ProjectionName::Catalog, seen).await?;
    }
    request.extensions_mut().insert(seen);
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    response.headers_mut().extend(left.headers());
    Ok(response)
}

/// Where a request comes from.
pub(crate) fn visit(request: &Request) -> Visit {
    let address = request.extensions().get::<ClientAddress>().map(|address| address.0);
    Visit { address, request: Some(RequestId::of(request.extensions()).0) }
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
