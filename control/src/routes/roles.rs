//! Roles: those that every organization has, and those it makes itself out of permissions.
//!
//! An organization's roles are part of it, so their version is the organization's.

mod define;
mod permissions;
mod read;
mod remove;

use std::collections::BTreeSet;

use ff_auth::BuiltInRole;
use ff_domain::{OrganizationId, OrganizationState, RoleDefinition, RoleKey};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(permissions::list_permissions))
        .routes(routes!(read::list_roles, define::create_role))
        .routes(routes!(read::get_role, define::replace_role, remove::remove_role))
}

/// A role.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Role)]
pub(crate) struct RoleView {
    /// Its key.
    key: RoleKey,
    /// What people call it.
    name: String,
    /// What it is for.
    description: String,
    /// The names of the permissions it holds.
    permissions: BTreeSet<String>,
    /// Whether every organization has it. It cannot be changed then.
    built_in: bool,
    /// How many members and service accounts have it somewhere.
    holders: usize,
}

/// The roles of an organization.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Roles {
    /// Those that every organization has, least first, and those it has made, by key.
    items: Vec<RoleView>,
}

impl RoleView {
    fn built_in(app: &App, organization: OrganizationId, role: BuiltInRole) -> Self {
        let key = RoleKey::parse(role.as_str()).expect("the name of a built-in role is a key");
        let (name, description) = match role {
            BuiltInRole::Viewer => ("Viewer", "Reads everything but keys and the security log."),
            BuiltInRole::Editor => {
                ("Editor", "Also changes flags, segments, experiments and metrics.")
            }
            BuiltInRole::Admin => {
                ("Admin", "Also has a hand in projects, environments, keys and members.")
            }
            BuiltInRole::Owner => ("Owner", "Everything, and makes other owners."),
        };
        Self {
            holders: app.doorkeeper.rights().holders(organization, &key),
            key,
            name: name.to_owned(),
            description: description.to_owned(),
            permissions: role.permissions().map(|each| each.as_str().to_owned()).collect(),
            built_in: true,
        }
    }

    fn own(app: &App, organization: OrganizationId, key: RoleKey, role: RoleDefinition) -> Self {
        let RoleDefinition { name, description, permissions } = role;
        let holders = app.doorkeeper.rights().holders(organization, &key);
        Self { key, name, description, permissions, built_in: false, holders }
    }

    /// A role of an organization, of either kind.
    fn find(app: &App, organization: &OrganizationState, key: &RoleKey) -> Option<Self> {
        let id = organization.id();
        let built_in = BuiltInRole::ALL.into_iter().find(|role| role.as_str() == key.as_str());
        if let Some(role) = built_in {
            return Some(Self::built_in(app, id, role));
        }
        let role = organization.roles.get(key)?.clone();
        Some(Self::own(app, id, key.clone(), role))
    }
}

impl Roles {
    fn of(app: &App, organization: &OrganizationState) -> Self {
        let id = organization.id();
        let built_in = BuiltInRole::ALL.into_iter().map(|role| RoleView::built_in(app, id, role));
        let own = organization.roles.iter();
        let own = own.map(|(key, role)| RoleView::own(app, id, key.clone(), role.clone()));
        Self { items: built_in.chain(own).collect() }
    }
}
