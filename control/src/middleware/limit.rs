//! How often requests may come: from an address, whoever it is; and once that is known, from a person or a program, and
//! from all of an organization.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use ff_auth::PrincipalKind;
use ff_domain::{OrganizationId, OrganizationKey, UserId};
use ff_front::ClientAddress;
use ff_limits::{Left, Limit, Quota, Refused, Subject};
use ff_security::{Kind, Outcome};

use crate::App;
use crate::doorkeeper::Caller;
use crate::problem::{Problem, code};

/// Before anything else is done for a request.
pub(crate) async fn limit_address(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    // Without an address there is no connection, as in a test that calls the router.
    let Some(ClientAddress(address)) = request.extensions().get().copied() else {
        return Ok(next.run(request).await);
    };
    let limit = Limit::new("address", app.quotas.address);
    let left = app.limits.take(&[(&limit, Subject::Address(address))], 1).await;
    let left = left.map_err(|denied| refused(&denied))?;
    let mut response = next.run(request).await;
    // Of whoever is known, or is signing in, the narrower limits matter and were said.
    if !response.headers().contains_key("ratelimit") {
        response.headers_mut().extend(left.headers());
    }
    Ok(response)
}

/// Once it is known who sent it. Only who belongs to an organization counts against its quota, or strangers could use
/// it up.
pub(crate) async fn limit_caller(
    app: &App,
    caller: &Caller,
    organization: Option<&str>,
) -> Result<Left, Problem> {
    let (user, key) = (Limit::new("user", app.quotas.user), Limit::new("key", app.quotas.key));
    let all = Limit::new("organization", app.quotas.organization);
    let mut asks = Vec::with_capacity(2);
    match caller.principal.kind {
        PrincipalKind::User { user_id } => asks.push((&user, Subject::User(user_id))),
        PrincipalKind::ApiKey { key_id } => asks.push((&key, Subject::User(key_id))),
        PrincipalKind::System => {}
    }
    let organization = organization.and_then(|key| OrganizationKey::parse(key).ok());
    if let Some(id) = organization.map(|key| OrganizationId::of(&key))
        && belongs(app, caller, id)
    {
        asks.push((&all, Subject::Organization(id.0)));
    }
    app.limits.take(&asks, 1).await.map_err(|denied| {
        let mut record = app.doorkeeper.record(Kind::LimitExceeded, Outcome::Refused, caller);
        record.organization = caller.principal.org;
        record.detail.set("limit", denied.limit());
        app.doorkeeper.recorder().record(record);
        refused(&denied)
    })
}

fn belongs(app: &App, caller: &Caller, organization: OrganizationId) -> bool {
    match caller.principal.kind {
        PrincipalKind::User { user_id } => {
            app.doorkeeper.rights().is_member(organization, UserId(user_id))
        }
        PrincipalKind::ApiKey { .. } => caller.principal.org == Some(organization.0),
        PrincipalKind::System => false,
    }
}

/// Counts something that may be done so often.
pub(crate) async fn limit(
    app: &App,
    name: &'static str,
    quota: Quota,
    subject: Subject,
) -> Result<(), Problem> {
    let taken = app.limits.take(&[(&Limit::new(name, quota), subject)], 1).await;
    taken.map(drop).map_err(|denied| refused(&denied))
}

/// Counts something that one person or program may do so often.
pub(crate) async fn limit_deed(
    app: &App,
    caller: &Caller,
    name: &'static str,
    quota: Quota,
) -> Result<(), Problem> {
    let (PrincipalKind::User { user_id: id } | PrincipalKind::ApiKey { key_id: id }) =
        caller.principal.kind
    else {
        return Ok(());
    };
    limit(app, name, quota, Subject::User(id)).await
}

/// The answer to a request too many.
fn refused(refused: &Refused) -> Problem {
    let (limit, wait) = (refused.limit(), refused.wait());
    let detail = format!("too many requests (the limit `{limit}`): wait {wait} s, or spread them");
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, code::RATE_LIMITED, detail);
    refused.headers().fold(problem, |problem, (name, value)| problem.with_header(name, value))
}
