//! Where a role is held, and what one sees from there.
//!
//! A role holds where it was given and in everything below: a project's editor edits in each of its
//! environments. Upwards it opens only the doors on the way: whoever has a role in an environment may
//! see that the environment, its project and the organization exist, and nothing else of them; whoever
//! gives roles there finds those to give them to.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::authorize::Scope;
use crate::permission::Permission;

/// A part of an organization for which a role is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Place {
    /// All of it.
    Organization,
    /// A project and its environments.
    Project {
        /// Which.
        project: Uuid,
    },
    /// One environment of a project.
    Environment {
        /// Of which project.
        project: Uuid,
        /// Which.
        environment: Uuid,
    },
}

impl Place {
    /// The place as the scope of a request.
    #[must_use]
    pub fn scope(&self, organization: Uuid) -> Scope {
        let scope = Scope::organization(organization);
        match *self {
            Self::Organization => scope,
            Self::Project { project } => scope.in_project(project),
            Self::Environment { project, environment } => {
                scope.in_project(project).in_environment(environment)
            }
        }
    }

    /// The place and those around it, the smallest first.
    pub(super) fn outwards(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |place| match *place {
            Self::Environment { project, .. } => Some(Self::Project { project }),
            Self::Project { .. } => Some(Self::Organization),
            Self::Organization => None,
        })
    }

    /// What the seeing of such a place is called.
    pub(super) fn door(&self) -> Permission {
        match self {
            Self::Organization => Permission::OrganizationRead,
            Self::Project { .. } => Permission::ProjectRead,
            Self::Environment { .. } => Permission::EnvironmentRead,
        }
    }
}

/// What the seeing of the smallest place that a scope names is called.
pub(super) fn door(scope: &Scope) -> Permission {
    match scope {
        Scope { environment: Some(_), .. } => Permission::EnvironmentRead,
        Scope { project: Some(_), .. } => Permission::ProjectRead,
        Scope { .. } => Permission::OrganizationRead,
    }
}

/// The doors of all kinds of places: part of every role, since one that could not see where it acts
/// would be of no use.
pub(super) const DOORS: [Permission; 3] =
    [Permission::OrganizationRead, Permission::ProjectRead, Permission::EnvironmentRead];

/// What there is in the organization as a whole, and what one must be able to do in any part of it to read that:
/// whoever gives roles in a project finds the people to give them to.
pub(super) const ROSTERS: [(Permission, &[Permission]); 2] = [
    (Permission::MembershipRead, &[Permission::MembershipGrant, Permission::MembershipRevoke]),
    (Permission::ServiceAccountRead, &[Permission::ServiceAccountEdit]),
];

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: Uuid = Uuid::from_u128(1);
    const PROJECT: Uuid = Uuid::from_u128(2);
    const ENVIRONMENT: Uuid = Uuid::from_u128(3);

    #[test]
    fn outwards_ends_at_the_organization() {
        let environment = Place::Environment { project: PROJECT, environment: ENVIRONMENT };
        let places: Vec<_> = environment.outwards().collect();
        assert_eq!(places, [environment, Place::Project { project: PROJECT }, Place::Organization]);
        assert_eq!(places.iter().map(Place::door).collect::<Vec<_>>(), {
            let mut doors = DOORS;
            doors.reverse();
            doors
        });
    }

    #[test]
    fn a_scope_s_door_is_that_of_its_place() {
        for place in
            Place::outwards(Place::Environment { project: PROJECT, environment: ENVIRONMENT })
        {
            assert_eq!(door(&place.scope(ORG)), place.door());
        }
        let adrift = Scope::organization(ORG).in_environment(ENVIRONMENT);
        assert_eq!(door(&adrift), Permission::EnvironmentRead);
    }
}
