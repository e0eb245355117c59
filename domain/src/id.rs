//! Ids, one type for each kind of thing, and how they follow from keys.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::key::{
    EnvironmentKey, ExperimentKey, FlagKey, LayerKey, MetricKey, OrganizationKey, ProjectKey,
    SegmentKey, ServiceAccountKey,
};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// An organization, the tenant.
    OrganizationId,
    /// A project of an organization.
    ProjectId,
    /// An environment of a project.
    EnvironmentId,
    /// A flag of a project.
    FlagId,
    /// A segment of a project.
    SegmentId,
    /// An experiment of a project.
    ExperimentId,
    /// A metric of a project.
    MetricId,
    /// A layer of a project.
    LayerId,
    /// A key of an organization.
    ApiKeyId,
    /// A user's membership of an organization.
    MembershipId,
    /// A service account of an organization.
    ServiceAccountId,
    /// A person. Who it is stands in a table that can be erased, never in an event.
    UserId,
}

/// UUIDv8 of sha256(parent ‖ kind ‖ key): whoever creates the same thing means the same id.
fn derive(parent: Uuid, kind: &str, key: &[u8]) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(parent.as_bytes());
    hash.update(kind.as_bytes());
    hash.update(key);
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::new_v8(bytes)
}

impl OrganizationId {
    /// The id of the organization with this key.
    pub fn of(key: &OrganizationKey) -> Self {
        Self(derive(Uuid::nil(), "organization", key.as_str().as_bytes()))
    }
}

impl ProjectId {
    /// The id of the organization's project with this key.
    pub fn of(organization: OrganizationId, key: &ProjectKey) -> Self {
        Self(derive(organization.0, "project", key.as_str().as_bytes()))
    }
}

impl EnvironmentId {
    /// The id of the project's environment with this key.
    pub fn of(project: ProjectId, key: &EnvironmentKey) -> Self {
        Self(derive(project.0, "environment", key.as_str().as_bytes()))
    }
}

impl FlagId {
    /// The id of the project's flag with this key.
    pub fn of(project: ProjectId, key: &FlagKey) -> Self {
        Self(derive(project.0, "flag", key.as_str().as_bytes()))
    }
}

impl SegmentId {
    /// The id of the project's segment with this key.
    pub fn of(project: ProjectId, key: &SegmentKey) -> Self {
        Self(derive(project.0, "segment", key.as_str().as_bytes()))
    }
}

impl ExperimentId {
    /// The id of the project's experiment with this key.
    pub fn of(project: ProjectId, key: &ExperimentKey) -> Self {
        Self(derive(project.0, "experiment", key.as_str().as_bytes()))
    }
}

impl MetricId {
    /// The id of the project's metric with this key.
    pub fn of(project: ProjectId, key: &MetricKey) -> Self {
        Self(derive(project.0, "metric", key.as_str().as_bytes()))
    }
}

impl LayerId {
    /// The id of the project's layer with this key.
    pub fn of(project: ProjectId, key: &LayerKey) -> Self {
        Self(derive(project.0, "layer", key.as_str().as_bytes()))
    }
}

impl ApiKeyId {
    /// The id of the organization's key with this SHA-256: whoever holds a key can find it.
    pub fn of(organization: OrganizationId, hash: &[u8; 32]) -> Self {
        Self(derive(organization.0, "api_key", hash))
    }
}

impl ServiceAccountId {
    /// The id of the organization's service account with this key.
    pub fn of(organization: OrganizationId, key: &ServiceAccountKey) -> Self {
        Self(derive(organization.0, "service_account", key.as_str().as_bytes()))
    }
}

impl MembershipId {
    /// The id of a user's membership of an organization.
    pub fn of(organization: OrganizationId, user: UserId) -> Self {
        Self(derive(organization.0, "membership", user.0.as_bytes()))
    }
}
