//! All that decides about the rights in one organization, as plain data.
//!
//! It is what the events about memberships and roles add up to. Whoever follows them builds it, and
//! an [`Enforcer`](super::Enforcer) from it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::place::{DOORS, Place};
use super::role::{RoleKey, RoleName};
use crate::permission::Permission;
use crate::principal::Member;

/// Who may do what in an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationPolicy {
    /// The organization.
    pub organization: Uuid,
    /// The roles that it made, and what they hold. The doors of its places come with every role.
    pub custom_roles: BTreeMap<RoleKey, BTreeSet<Permission>>,
    /// Who belongs to it, whether they have a role or not: they know that it exists, and may leave.
    pub members: BTreeSet<Member>,
    /// Who holds what where. One that names a role which does not exist (any more) gives nothing.
    pub assignments: Vec<Assignment>,
}

/// A role that somebody holds somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Assignment {
    /// Who.
    pub member: Member,
    /// What.
    pub role: RoleName,
    /// Where.
    pub place: Place,
}

impl OrganizationPolicy {
    /// A policy that gives nobody anything.
    #[must_use]
    pub fn new(organization: Uuid) -> Self {
        Self {
            organization,
            custom_roles: BTreeMap::new(),
            members: BTreeSet::new(),
            assignments: Vec::new(),
        }
    }

    /// The same, with `member` belonging to it.
    #[must_use]
    pub fn with_member(mut self, member: Member) -> Self {
        self.members.insert(member);
        self
    }

    /// The same, with this role of the organization's own.
    #[must_use]
    pub fn with_role(
        mut self,
        key: RoleKey,
        permissions: impl IntoIterator<Item = Permission>,
    ) -> Self {
        self.custom_roles.insert(key, permissions.into_iter().collect());
        self
    }

    /// The same, with `member` holding `role` in `place`.
    #[must_use]
    pub fn with(mut self, member: Member, role: impl Into<RoleName>, place: Place) -> Self {
        self.assignments.push(Assignment { member, role: role.into(), place });
        self
    }

    /// All that a role holds here, or `None` when there is no such role.
    pub(super) fn permissions(&self, role: &RoleName) -> Option<BTreeSet<Permission>> {
        match role {
            RoleName::BuiltIn(role) => Some(role.permissions().collect()),
            RoleName::Custom(key) => {
                self.custom_roles.get(key).map(|own| own.iter().copied().chain(DOORS).collect())
            }
        }
    }
}
