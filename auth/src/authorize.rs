//! The question "may they?", and the proof that it was asked.
//!
//! A [`Grant`] is made by the authorizers of this crate and nowhere else. The command executor takes
//! one, which turns "somebody forgot the check" from a hole into a program that does not compile.
//! Policies change by implementing [`Authorizer`] anew; nothing that holds a grant notices.

use std::sync::Arc;

use uuid::Uuid;

use crate::access::Gift;
use crate::permission::Permission;
use crate::principal::{Principal, PrincipalKind};

/// Decides who may do what.
pub trait Authorizer: Send + Sync {
    /// Grants `permission` within `scope` to `principal`, or says how to refuse.
    ///
    /// # Errors
    /// [`Denied::NotFound`] when the principal must not even learn that the organization exists,
    /// [`Denied::Forbidden`] when they belong to it and lack the permission.
    fn authorize(
        &self,
        principal: &Principal,
        permission: Permission,
        scope: &Scope,
    ) -> Result<Grant, Denied>;
}

/// Proof that a principal may do one thing in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a grant is what an operation asks for; checking without using it guards nothing"]
pub struct Grant {
    principal: Principal,
    permission: Permission,
    scope: Scope,
    gifts: Vec<Gift>,
}

/// Where something is done: an organization, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The organization.
    pub org: Uuid,
    /// The project, when it is about one.
    pub project: Option<Uuid>,
    /// The environment, when it is about one.
    pub environment: Option<Uuid>,
}

/// Why it was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Another tenant's: answer exactly as for an id that does not exist.
    #[error("there is no such thing here: check the id, and whose key or login you use")]
    NotFound,
    /// They may see the place, and not do this there.
    #[error("this needs the permission {permission} in {}: ask an owner of the organization for it", scope.words())]
    Forbidden {
        /// What was lacking.
        permission: Permission,
        /// Where it was.
        scope: Scope,
    },
    /// They may do such a thing, but not give what they do not have themselves.
    #[error("nobody gives or takes what they do not have, such as {gift}: ask somebody who has it")]
    TooMuch {
        /// What they have not.
        gift: Gift,
    },
}

impl Grant {
    /// For the authorizers of this crate alone.
    pub(crate) fn new(
        principal: &Principal,
        permission: Permission,
        scope: &Scope,
        gifts: Vec<Gift>,
    ) -> Self {
        Self { principal: principal.clone(), permission, scope: *scope, gifts }
    }

    /// Who was granted it.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// What was granted.
    #[must_use]
    pub fn permission(&self) -> Permission {
        self.permission
    }

    /// Where it holds.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Whether this proof is good for `permission` within `scope`; an executor asks before it acts,
    /// so that a grant for one thing is not spent on another.
    #[must_use]
    pub fn allows(&self, permission: Permission, scope: &Scope) -> bool {
        self.permission == permission && self.scope == *scope
    }

    /// Whether this proof is good for giving these away. The platform itself gives what it was told to.
    #[must_use]
    pub fn gives(&self, gifts: &[Gift]) -> bool {
        self.principal.kind == PrincipalKind::System
            || gifts.iter().all(|gift| self.gifts.contains(gift))
    }
}

impl Scope {
    /// The whole of an organization.
    #[must_use]
    pub fn organization(org: Uuid) -> Self {
        Self { org, project: None, environment: None }
    }

    /// What people call the part of the organization that it names.
    #[must_use]
    pub const fn words(&self) -> &'static str {
        match self {
            Self { environment: Some(_), .. } => "the environment",
            Self { project: Some(_), .. } => "the project",
            Self { .. } => "the organization",
        }
    }

    /// The same, in this project.
    #[must_use]
    pub fn in_project(self, project: Uuid) -> Self {
        Self { project: Some(project), ..self }
    }

    /// The same, in this environment.
    #[must_use]
    pub fn in_environment(self, environment: Uuid) -> Self {
        Self { environment: Some(environment), ..self }
    }
}

impl<A: Authorizer + ?Sized> Authorizer for Arc<A> {
    fn authorize(
        &self,
        principal: &Principal,
        permission: Permission,
        scope: &Scope,
    ) -> Result<Grant, Denied> {
        (**self).authorize(principal, permission, scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_good_for_what_it_names_and_nothing_else() {
        let scope = Scope::organization(Uuid::from_u128(1)).in_project(Uuid::from_u128(2));
        let grant = Grant::new(&Principal::system(), Permission::FlagToggle, &scope, Vec::new());

        assert!(grant.allows(Permission::FlagToggle, &scope));
        assert!(!grant.allows(Permission::FlagArchive, &scope));
        assert!(!grant.allows(Permission::FlagToggle, &scope.in_environment(Uuid::from_u128(3))));
        assert!(!grant.allows(Permission::FlagToggle, &Scope::organization(Uuid::from_u128(1))));
    }
}
