//! Service accounts: what programs share that belong to nobody in particular. They act through their keys alone.

mod create;
mod edit;
mod lifecycle;
mod read;
mod roles;

use std::collections::BTreeSet;

use ff_domain::{
    RoleAssignment, ServiceAccount, ServiceAccountId, ServiceAccountKey, ServiceAccountState,
};
use ff_projections::queries::Document;
use ff_security::{Subject, SubjectKind};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::respond::{Stamp, View};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(read::list_service_accounts, create::create_service_account))
        .routes(routes!(read::get_service_account, edit::update_service_account))
        .routes(routes!(read::list_service_account_keys))
        .routes(routes!(roles::give_service_account_role))
        .routes(routes!(roles::take_service_account_role))
        .routes(routes!(lifecycle::archive_service_account))
        .routes(routes!(lifecycle::restore_service_account))
}

/// A service account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceAccount)]
pub(crate) struct AccountView {
    /// Its id; it follows from the key.
    id: ServiceAccountId,
    /// Its key.
    key: ServiceAccountKey,
    /// What people call it.
    name: String,
    /// What it is for.
    description: String,
    /// What it may do.
    roles: BTreeSet<RoleAssignment>,
    /// Whether it was put away: its keys let nobody in.
    archived: bool,
    #[serde(flatten)]
    stamp: Stamp,
}

impl AccountView {
    fn new(state: ServiceAccountState, archived: bool, stamp: Stamp) -> Self {
        let id = state.id();
        let ServiceAccountState { key, name, description, roles, .. } = state;
        Self { id, key, name, description, roles, archived, stamp }
    }
}

impl View for AccountView {
    type Aggregate = ServiceAccount;

    fn of(aggregate: ServiceAccount, stamp: Stamp) -> Option<Self> {
        match aggregate {
            ServiceAccount::Absent => None,
            ServiceAccount::Live(state) => Some(Self::new(state, false, stamp)),
            ServiceAccount::Archived(state) => Some(Self::new(state, true, stamp)),
        }
    }
}

impl From<Document<ServiceAccountState>> for AccountView {
    fn from(found: Document<ServiceAccountState>) -> Self {
        let stamp = Stamp::of(&found);
        Self::new(found.state, found.archived, stamp)
    }
}

/// Service accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceAccounts {
    /// The page.
    items: Vec<AccountView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}

fn subject(account: ServiceAccountId) -> Subject {
    Subject::new(SubjectKind::ServiceAccount, account.0)
}
