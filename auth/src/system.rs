//! The policy for what the platform does by itself: schedules, guardrails, the seed. Nobody else gets a grant here.

use crate::authorize::{Authorizer, Denied, Grant, Scope};
use crate::permission::Permission;
use crate::principal::{Principal, PrincipalKind};

/// Grants everything to the platform itself, and nothing to anybody else.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemAuthorizer;

impl Authorizer for SystemAuthorizer {
    fn authorize(
        &self,
        principal: &Principal,
        permission: Permission,
        scope: &Scope,
    ) -> Result<Grant, Denied> {
        match principal.kind {
            PrincipalKind::System => Ok(Grant::new(principal, permission, scope, Vec::new())),
            PrincipalKind::User { .. } | PrincipalKind::ApiKey { .. } => Err(Denied::NotFound),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::principal::TokenRole;

    #[test]
    fn only_the_platform_is_let_through() {
        let scope = Scope::organization(Uuid::from_u128(1));
        let ask = |principal: &Principal| {
            SystemAuthorizer.authorize(principal, Permission::FlagToggle, &scope)
        };
        let grant = ask(&Principal::system()).unwrap();
        assert!(grant.allows(Permission::FlagToggle, &scope));
        assert_eq!(ask(&Principal::user(Uuid::from_u128(2))), Err(Denied::NotFound));
        let token = Principal::api_token(Uuid::from_u128(3), scope.org, TokenRole::Admin);
        assert_eq!(ask(&token), Err(Denied::NotFound));
    }
}
