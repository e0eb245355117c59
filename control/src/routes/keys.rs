//! Keys of SDKs, and tokens of programs that use this API.

mod issue;
mod purpose;
mod read;
mod revoke;
mod rotate;
mod used;

use ff_domain::{ApiKey, ApiKeyId, ApiKeyState, api_key::KeyPurpose};
use ff_projections::queries::ApiKeyRow;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::respond::{Stamp, View};
pub(super) use read::list;
use used::KeyUse;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(issue::create_key, read::list_keys))
        .routes(routes!(read::get_key, revoke::revoke_key))
        .routes(routes!(rotate::rotate_key))
}

/// A key, without what it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct KeyView {
    /// Its id; what the audit log calls it.
    id: ApiKeyId,
    /// What people call it.
    name: String,
    /// What it lets in to.
    purpose: KeyPurpose,
    /// Its first characters, to tell it from others.
    prefix: String,
    /// When it stops letting in; null means never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Whether it lets nobody in any more.
    revoked: bool,
    /// The key that it was issued in place of.
    replaces: Option<ApiKeyId>,
    /// The key that was issued in place of it, last.
    replaced_by: Option<ApiKeyId>,
    /// Its last use, known within a minute or so. Null if it was never used or that is not known at the moment, and in
    /// answers to changes.
    last_used: Option<KeyUse>,
    #[serde(flatten)]
    stamp: Stamp,
}

impl KeyView {
    fn new(id: ApiKeyId, state: ApiKeyState, revoked: bool, stamp: Stamp) -> Self {
        let ApiKeyState { name, purpose, prefix, expires_at, replaces, replaced_by, .. } = state;
        let replaces = replaces.map(|old| old.key);
        let last_used = None;
        Self {
            id,
            name,
            purpose,
            prefix,
            expires_at,
            revoked,
            replaces,
            replaced_by,
            last_used,
            stamp,
        }
    }
}

impl View for KeyView {
    type Aggregate = ApiKey;

    fn of(aggregate: ApiKey, stamp: Stamp) -> Option<Self> {
        let (state, revoked) = match aggregate {
            ApiKey::Absent => return None,
            ApiKey::Live(state) => (state, false),
            ApiKey::Revoked(state) => (state, true),
        };
        Some(Self::new(state.id()?, state, revoked, stamp))
    }
}

impl From<ApiKeyRow> for KeyView {
    fn from(row: ApiKeyRow) -> Self {
        Self {
            stamp: Stamp::at(row.version, row.position, row.created_at, row.updated_at),
            id: row.id,
            name: row.name,
            purpose: row.purpose,
            prefix: row.prefix,
            expires_at: row.expires_at,
            revoked: row.revoked,
            replaces: row.replaces,
            replaced_by: row.replaced_by,
            last_used: None,
        }
    }
}

/// A page of keys.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeys)]
pub(crate) struct Keys {
    /// The page.
    items: Vec<KeyView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}
