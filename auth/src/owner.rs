//! The policy of a platform with owners and API tokens: an owner may do everything in their
//! organizations, a token what its role allows in its own.

use crate::authorize::{Authorizer, Denied, Grant, Memberships, Role, Scope};
use crate::permission::Permission;
use crate::principal::{Principal, PrincipalKind};

/// Authorises by ownership (users) and by role (API tokens).
#[derive(Debug, Clone)]
pub struct OwnerAuthorizer<M> {
    memberships: M,
}

impl<M: Memberships> OwnerAuthorizer<M> {
    /// A policy over these memberships.
    pub fn new(memberships: M) -> Self {
        Self { memberships }
    }
}

impl<M: Memberships> Authorizer for OwnerAuthorizer<M> {
    fn authorize(
        &self,
        principal: &Principal,
        permission: Permission,
        scope: &Scope,
    ) -> Result<Grant, Denied> {
        let verdict = match principal.kind {
            PrincipalKind::System => Ok(()),
            PrincipalKind::User { user_id } => {
                user_may(self.memberships.role(user_id, scope.org), permission)
            }
            PrincipalKind::ApiKey { .. } => token_may(principal, permission, scope),
        };
        verdict.map(|()| Grant::new(principal, permission, scope))
    }
}

fn user_may(role: Option<Role>, permission: Permission) -> Result<(), Denied> {
    match role {
        Some(Role::Owner) => Ok(()),
        // Founding is the one thing done in an organization that nobody belongs to yet. Taking over
        // one that exists is not possible by it: its first commit can be written once only.
        None if permission == Permission::OrganizationCreate => Ok(()),
        None => Err(Denied::NotFound),
    }
}

fn token_may(principal: &Principal, permission: Permission, scope: &Scope) -> Result<(), Denied> {
    if principal.org != Some(scope.org) {
        return Err(Denied::NotFound);
    }
    // A token belongs to one organization, and so cannot found another.
    let allowed = permission != Permission::OrganizationCreate
        && principal
            .scopes
            .iter()
            .any(|held| held.role >= permission.least_token_role() && held.covers(scope));
    if allowed { Ok(()) } else { Err(Denied::Forbidden { permission }) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use uuid::Uuid;

    use super::*;
    use crate::principal::{TokenRole, TokenScope};

    const USER: Uuid = Uuid::from_u128(1);
    const KEY: Uuid = Uuid::from_u128(2);
    const HOME: Uuid = Uuid::from_u128(10);
    const SECOND: Uuid = Uuid::from_u128(11);
    const ABROAD: Uuid = Uuid::from_u128(12);

    fn authorizer() -> OwnerAuthorizer<HashMap<(Uuid, Uuid), Role>> {
        OwnerAuthorizer::new(HashMap::from([
            ((USER, HOME), Role::Owner),
            ((USER, SECOND), Role::Owner),
        ]))
    }

    fn ask(principal: &Principal, permission: Permission, scope: Scope) -> Result<Grant, Denied> {
        authorizer().authorize(principal, permission, &scope)
    }

    #[test]
    fn an_owner_may_do_everything_in_each_of_their_organizations() {
        for &permission in Permission::ALL {
            for org in [HOME, SECOND] {
                let scope = Scope::organization(org).in_project(Uuid::from_u128(99));
                let grant = ask(&Principal::user(USER), permission, scope).unwrap();
                assert!(grant.allows(permission, &scope));
                assert_eq!(grant.principal(), &Principal::user(USER));
            }
        }
    }

    #[test]
    fn another_tenant_s_organization_does_not_exist_for_users_and_tokens() {
        let strangers = [
            Principal::user(USER),
            Principal::user(KEY),
            Principal::api_token(KEY, HOME, TokenRole::Admin),
        ];
        for principal in strangers {
            for &permission in Permission::ALL {
                let founds = permission == Permission::OrganizationCreate
                    && matches!(principal.kind, PrincipalKind::User { .. });
                let answer = ask(&principal, permission, Scope::organization(ABROAD));
                if founds {
                    assert!(answer.is_ok());
                } else {
                    assert_eq!(answer, Err(Denied::NotFound), "{permission}");
                }
            }
        }
    }

    #[test]
    fn a_token_may_do_what_its_role_holds_and_no_more() {
        use Permission::{ApiKeyIssue, FlagRead, FlagToggle, OrganizationCreate};
        let table = [
            (TokenRole::Viewer, [(FlagRead, true), (FlagToggle, false), (ApiKeyIssue, false)]),
            (TokenRole::Editor, [(FlagRead, true), (FlagToggle, true), (ApiKeyIssue, false)]),
            (TokenRole::Admin, [(FlagRead, true), (FlagToggle, true), (ApiKeyIssue, true)]),
        ];
        for (role, cases) in table {
            let token = Principal::api_token(KEY, HOME, role);
            for (permission, allowed) in cases {
                let answer = ask(&token, permission, Scope::organization(HOME));
                let expected = allowed
                    .then(|| Grant::new(&token, permission, &Scope::organization(HOME)))
                    .ok_or(Denied::Forbidden { permission });
                assert_eq!(answer, expected, "{role:?} {permission}");
            }
            assert_eq!(
                ask(&token, OrganizationCreate, Scope::organization(HOME)),
                Err(Denied::Forbidden { permission: OrganizationCreate })
            );
        }
    }

    #[test]
    fn a_token_limited_to_a_project_has_no_rights_outside_it() {
        let (project, other) = (Uuid::from_u128(20), Uuid::from_u128(21));
        let admin_there =
            TokenScope { role: TokenRole::Admin, project: Some(project), environment: None };
        let token = Principal::api_key(
            KEY,
            HOME,
            vec![admin_there, TokenScope::everywhere(TokenRole::Viewer)],
        );
        let home = Scope::organization(HOME);

        assert!(ask(&token, Permission::FlagToggle, home.in_project(project)).is_ok());
        assert!(ask(&token, Permission::FlagRead, home.in_project(other)).is_ok());
        for (permission, scope) in
            [(Permission::FlagToggle, home.in_project(other)), (Permission::ApiKeyIssue, home)]
        {
            assert_eq!(ask(&token, permission, scope), Err(Denied::Forbidden { permission }));
        }
    }

    #[test]
    fn a_key_without_scopes_or_organization_may_do_nothing() {
        let home = Scope::organization(HOME);
        let bare = Principal::api_key(KEY, HOME, vec![]);
        let homeless = Principal { org: None, ..Principal::api_token(KEY, HOME, TokenRole::Admin) };
        for &permission in Permission::ALL {
            assert_eq!(ask(&bare, permission, home), Err(Denied::Forbidden { permission }));
            assert_eq!(ask(&homeless, permission, home), Err(Denied::NotFound));
        }
    }
}
