//! The connections of an organization to its identity providers.
//!
//! Whoever says which provider is believed could come in as anybody whose e-mail it vouches for. So this is for owners,
//! whatever else a role allows: nobody gets more by it than they have.

mod draft;
mod end;
pub(super) mod read;
pub(super) mod write;

use std::error::Error as _;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ff_domain::{OrganizationKey, RoleAssignment};
use ff_identity::oidc::{BadConnection, Connection, ConnectionError};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{redirect_uri, unavailable};
use crate::App;
use crate::problem::{Problem, code};

/// A connection to an identity provider. The client secret can be written and never read.
#[derive(Serialize, ToSchema)]
#[schema(as = SignInConnection)]
pub(crate) struct ConnectionView {
    /// Its id.
    id: Uuid,
    /// What people see on the button.
    name: String,
    /// The provider, exactly as it writes itself in its tokens.
    issuer: String,
    /// Who the platform is to the provider.
    client_id: String,
    /// The claim with somebody's groups.
    groups_claim: Option<String>,
    /// What members of a group get.
    group_roles: Vec<GroupRolesView>,
    /// What those get none of whose groups is listed.
    default_roles: Vec<RoleAssignment>,
    /// Domains whose e-mails the provider may vouch for. Empty for all.
    email_domains: Vec<String>,
    /// Whether nobody comes in without an e-mail that the provider has verified.
    require_email: bool,
    /// Whether anybody can come in this way.
    enabled: bool,
    /// What to register at the provider: where it sends people back to.
    redirect_uri: String,
    /// How often it was changed; the `ETag` is this number.
    version: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// What members of a group get.
#[derive(Serialize, ToSchema)]
#[schema(as = GroupRoles)]
pub(crate) struct GroupRolesView {
    /// The group, as the provider writes it.
    group: String,
    /// The roles.
    roles: Vec<RoleAssignment>,
}

/// All connections of an organization.
#[derive(Serialize, ToSchema)]
#[schema(as = SignInConnections)]
pub(crate) struct ConnectionsView {
    /// The oldest first.
    items: Vec<ConnectionView>,
}

impl ConnectionView {
    fn of(app: &App, key: &OrganizationKey, connection: Connection) -> Result<Self, Problem> {
        let group_roles = connection
            .group_roles
            .into_iter()
            .map(|entry| Ok(GroupRolesView { group: entry.group, roles: roles(entry.roles)? }));
        Ok(Self {
            redirect_uri: redirect_uri(app, key, connection.id),
            id: connection.id,
            name: connection.name,
            issuer: connection.issuer,
            client_id: connection.client_id,
            groups_claim: connection.groups_claim,
            group_roles: group_roles.collect::<Result<_, Problem>>()?,
            default_roles: roles(connection.default_roles)?,
            email_domains: connection.email_domains,
            require_email: connection.require_email,
            enabled: connection.enabled,
            version: connection.version,
            created_at: connection.created_at,
            updated_at: connection.updated_at,
        })
    }
}

/// The roles, as they were written down when the connection was made.
fn roles(stored: serde_json::Value) -> Result<Vec<RoleAssignment>, Problem> {
    serde_json::from_value(stored).map_err(|error| Problem::internal(&error))
}

/// A connection with its version.
impl IntoResponse for ConnectionView {
    fn into_response(self) -> Response {
        let tag = HeaderValue::try_from(format!("\"{}\"", self.version)).expect("ASCII digits");
        ([(header::ETAG, tag)], Json(self)).into_response()
    }
}

/// Why a connection cannot be had, or not like this.
pub(super) fn refusal(error: ConnectionError) -> Problem {
    let wrong = |code, pointer: &str, detail: String| {
        let summary = "the input is not valid, see `errors`";
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, summary).at(pointer, detail)
    };
    match error {
        ConnectionError::Bad(bad) => {
            let field = match &bad {
                BadConnection::Text { field }
                | BadConnection::NotAList { field }
                | BadConnection::Nul { field }
                | BadConnection::TooMany { field } => field,
                BadConnection::Domain => "email_domains",
            };
            wrong(code::BAD_CONNECTION, &format!("/{field}"), bad.to_string())
        }
        ConnectionError::Provider(error) => {
            // What is behind that says more about a network than whoever configures needs to know.
            let mut detail = error.to_string();
            if let Some(cause) = error.source() {
                detail = format!("{detail}: {cause}");
            }
            wrong(code::PROVIDER, "/issuer", detail)
        }
        ConnectionError::SecretNeeded => {
            wrong(code::BAD_CONNECTION, "/client_secret", error.to_string())
        }
        ConnectionError::NotFound => Problem::not_found(),
        ConnectionError::Changed { current } => {
            let tag = HeaderValue::try_from(format!("\"{current}\"")).expect("ASCII digits");
            Problem::new(StatusCode::PRECONDITION_FAILED, code::CHANGED, error.to_string())
                .with_header(header::ETAG, tag)
        }
        ConnectionError::Unavailable(error) => unavailable(&error),
    }
}
