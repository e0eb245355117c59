//! Making, changing and deleting connections.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use ff_auth::{Permission, Scope};
use ff_domain::OrganizationId;
use ff_identity::oidc::{Connection, ConnectionDraft, ConnectionError};
use ff_security::{Kind, Outcome, Subject, SubjectKind};
use jiff::Timestamp;
use std::collections::BTreeSet;
use uuid::Uuid;

use super::draft::{Draft, permit};
use super::end::{Ended, end};
use super::{ConnectionView, refusal};
use crate::App;
use crate::middleware::Caller;
use crate::problem::Problem;
use crate::request::{At, Change, Nothing};
use crate::routes::paths::OrgPath;
use crate::routes::sign_in::ConnectionPath;

/// Connect an identity provider
///
/// Asks the provider for its discovery document. Register the `redirect_uri` of the answer there. Needs the role `owner`,
/// since a provider can vouch for an owner.
#[utoipa::path(
    post, path = "/api/v1/orgs/{org}/sign-in-connections", operation_id = "create_sign_in_connection",
    tag = "sign-in", params(OrgPath), request_body = Draft,
    responses((status = 201, description = "Connected", body = ConnectionView)),
)]
pub(crate) async fn create_sign_in_connection(
    State(app): State<App>,
    caller: Caller,
    At(path): At<OrgPath>,
    Change { body, .. }: Change<Draft>,
) -> Result<Response, Problem> {
    // Whether roles exist is told to who may connect at all.
    let _ = app.allow(&caller, Permission::SignInConfigure, path.scope())?;
    let (organization, now) = (path.org(), Timestamp::now());
    let checked = body.checked(&app, organization, now).await?;
    checked.permit(&app, &caller, organization, None)?;
    let made = app.providers.create_connection(organization.0, checked.draft, now).await;
    let made = made.map_err(refusal)?;
    note(&app, &caller, &made, "created", None);
    let location = format!("/api/v1/orgs/{}/sign-in-connections/{}", path.org, made.id);
    let location = HeaderValue::try_from(location).map_err(|error| Problem::internal(&error))?;
    let view = ConnectionView::of(&app, &path.org, made)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], view).into_response())
}

/// Change a connection to an identity provider
///
/// Replaces all of it but the secret, which stays unless another is given. If it is disabled, the sessions of those who
/// came through it end, and they lose what its groups gave them. Another mapping counts from each one's next sign-in on.
#[utoipa::path(
    put, path = "/api/v1/orgs/{org}/sign-in-connections/{connection}", operation_id = "replace_sign_in_connection",
    tag = "sign-in", params(ConnectionPath), request_body = Draft,
    responses((status = 200, description = "The connection as it is now", body = ConnectionView)),
)]
pub(crate) async fn replace_sign_in_connection(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ConnectionPath>,
    Change { body, intent }: Change<Draft>,
) -> Result<ConnectionView, Problem> {
    let (organization, now) = (path.org(), Timestamp::now());
    let before = open(&app, &caller, organization, path.connection, intent.expected).await?;
    let checked = body.checked(&app, organization, now).await?;
    checked.permit(&app, &caller, organization, Some(&before))?;
    let changed = app
        .providers
        .update_connection(organization.0, before.id, before.version, checked.draft, now)
        .await
        .map_err(refusal)?;
    let ended = match changed.enabled {
        true => None,
        false => Some(end(&app, &caller, organization, changed.id).await?),
    };
    note(&app, &caller, &changed, if changed.enabled { "changed" } else { "disabled" }, ended);
    ConnectionView::of(&app, &path.org, changed)
}

/// Disconnect an identity provider
///
/// The sessions of those who came through it end, and they lose what its groups gave them. The people stay.
#[utoipa::path(
    delete, path = "/api/v1/orgs/{org}/sign-in-connections/{connection}", operation_id = "delete_sign_in_connection",
    tag = "sign-in", params(ConnectionPath),
    responses((status = 204, description = "It is gone")),
)]
pub(crate) async fn delete_sign_in_connection(
    State(app): State<App>,
    caller: Caller,
    At(path): At<ConnectionPath>,
    Change { intent, .. }: Change<Nothing>,
) -> Result<StatusCode, Problem> {
    let organization = path.org();
    let mut connection =
        open(&app, &caller, organization, path.connection, intent.expected).await?;
    permit(&app, &caller, organization, &BTreeSet::new(), Some(&connection))?;
    if connection.enabled {
        let (id, version) = (connection.id, connection.version);
        let disabled = app
            .providers
            .update_connection(organization.0, id, version, disabled(&connection), Timestamp::now())
            .await;
        connection = disabled.map_err(refusal)?;
    }
    // It goes last: until then this can be asked for again.
    let ended = end(&app, &caller, organization, connection.id).await?;
    app.providers
        .delete_connection(organization.0, connection.id, connection.version)
        .await
        .map_err(refusal)?;
    note(&app, &caller, &connection, "deleted", Some(ended));
    Ok(StatusCode::NO_CONTENT)
}

/// The connection, if it has the version that the caller has seen.
async fn open(
    app: &App,
    caller: &Caller,
    organization: OrganizationId,
    connection: Uuid,
    expected: Option<u64>,
) -> Result<Connection, Problem> {
    let scope = Scope::organization(organization.0);
    let _ = app.allow(caller, Permission::SignInConfigure, scope)?;
    let found = app.providers.connection(organization.0, connection).await.map_err(refusal)?;
    let current = found.version;
    if expected.is_some_and(|expected| i64::try_from(expected) != Ok(current)) {
        return Err(refusal(ConnectionError::Changed { current }));
    }
    Ok(found)
}

fn disabled(connection: &Connection) -> ConnectionDraft {
    let Connection { name, issuer, client_id, groups_claim, .. } = connection.clone();
    ConnectionDraft {
        name,
        issuer,
        client_id,
        client_secret: None,
        groups_claim,
        group_roles: connection.group_roles.clone(),
        default_roles: connection.default_roles.clone(),
        email_domains: connection.email_domains.clone(),
        require_email: connection.require_email,
        enabled: false,
    }
}

fn note(
    app: &App,
    caller: &Caller,
    connection: &Connection,
    change: &'static str,
    ended: Option<Ended>,
) {
    let mut record = app.doorkeeper.record(Kind::SsoConfigured, Outcome::Ok, caller);
    record.organization = Some(connection.organization);
    record.subject = Some(Subject::new(SubjectKind::Connection, connection.id));
    record.detail.set("change", change);
    if let Some(Ended { sessions, members, kept }) = ended {
        record.detail.set("sessions", &sessions.to_string());
        record.detail.set("members", &members.to_string());
        record.detail.set("owners_kept", &kept.to_string());
    }
    app.doorkeeper.recorder().record(record);
}
