//! Organizations, the tenants.

mod found;
mod read;
mod rename;

use ff_domain::{Organization, OrganizationId, OrganizationKey, OrganizationState};
use ff_projections::queries::Document;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;
use crate::respond::{Stamp, View};

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(found::create_organization, read::list_organizations))
        .routes(routes!(read::get_organization, rename::rename_organization))
}

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Organization)]
pub(crate) struct OrganizationView {
    /// Its id; it follows from the key.
    id: OrganizationId,
    /// Its key, unique in the installation.
    key: OrganizationKey,
    /// What people call it.
    name: String,
    #[serde(flatten)]
    stamp: Stamp,
}

impl OrganizationView {
    /// Whoever is let in anywhere sees this much. Owners and roles are told to those who may see members.
    fn new(OrganizationState { key, name, .. }: OrganizationState, stamp: Stamp) -> Self {
        Self { id: OrganizationId::of(&key), key, name, stamp }
    }
}

impl View for OrganizationView {
    type Aggregate = Organization;

    fn of(aggregate: Organization, stamp: Stamp) -> Option<Self> {
        match aggregate {
            Organization::Absent => None,
            Organization::Live(state) => Some(Self::new(state, stamp)),
        }
    }
}

impl From<Document<OrganizationState>> for OrganizationView {
    fn from(found: Document<OrganizationState>) -> Self {
        let stamp = Stamp::of(&found);
        Self::new(found.state, stamp)
    }
}

/// Organizations.
#[derive(Serialize, ToSchema)]
pub(crate) struct Organizations {
    /// The page.
    items: Vec<OrganizationView>,
    /// Where the next page begins; null at the end.
    next_cursor: Option<String>,
}
