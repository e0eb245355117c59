//! What somebody who does something gives away by it, or takes: rights.

use std::fmt;

use super::role::RoleName;
use crate::authorize::Scope;
use crate::permission::Permission;
use crate::principal::Member;

/// Rights that change hands. Only who has them may give or take them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gift {
    /// A role in a place.
    Role {
        /// The role.
        role: RoleName,
        /// Where it is to hold.
        scope: Scope,
    },
    /// A role in a place, taken from somebody. One that does not exist any more is anybody's to take who belongs to the
    /// organization.
    RoleBack {
        /// The role.
        role: RoleName,
        /// Where it held.
        scope: Scope,
    },
    /// Permissions in a place and all that is below it: what a custom role holds.
    Permissions {
        /// The permissions.
        permissions: Vec<Permission>,
        /// Where they are to hold.
        scope: Scope,
    },
    /// All that a member has: whoever gets it acts as them, or they lose it.
    Standing {
        /// The member.
        member: Member,
    },
    /// What a person decides alone: a token that acts for them, their leaving. Only they may give it.
    Oneself {
        /// The person.
        member: Member,
    },
}

impl Gift {
    /// Where the rights hold, for those that name it themselves.
    pub(super) fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Role { scope, .. }
            | Self::RoleBack { scope, .. }
            | Self::Permissions { scope, .. } => Some(scope),
            Self::Standing { .. } | Self::Oneself { .. } => None,
        }
    }
}

impl fmt::Display for Gift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role { role, scope } | Self::RoleBack { role, scope } => {
                write!(f, "the role `{role}` in {}", scope.words())
            }
            Self::Permissions { permissions, scope } => {
                f.write_str("the permissions ")?;
                for (index, permission) in permissions.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{permission}")?;
                }
                write!(f, " in {}", scope.words())
            }
            Self::Standing { .. } => f.write_str("all that this member has"),
            Self::Oneself { .. } => f.write_str("what is this person's alone"),
        }
    }
}
