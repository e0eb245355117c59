//! Two organizations with projects and environments, and short ways to ask about them.

use std::sync::Arc;

use ff_auth::{
    Access, Authorizer as _, BuiltInRole, CasbinAuthorizer, Denied, Gift, Member,
    OrganizationPolicy, Permission, Place, Principal, RoleKey, RoleName, Scope,
};
use uuid::Uuid;

pub(crate) const ORG: Uuid = Uuid::from_u128(1);
pub(crate) const OTHER_ORG: Uuid = Uuid::from_u128(2);
pub(crate) const PROJECT: Uuid = Uuid::from_u128(10);
pub(crate) const OTHER_PROJECT: Uuid = Uuid::from_u128(11);
pub(crate) const STAGING: Uuid = Uuid::from_u128(100);
pub(crate) const PRODUCTION: Uuid = Uuid::from_u128(101);

pub(crate) const IN_PROJECT: Place = Place::Project { project: PROJECT };
pub(crate) const IN_STAGING: Place = Place::Environment { project: PROJECT, environment: STAGING };

pub(crate) fn user(n: u128) -> Member {
    Member::User(Uuid::from_u128(1_000 + n))
}

pub(crate) fn service(n: u128) -> Member {
    Member::ServiceAccount(Uuid::from_u128(1_000 + n))
}

/// A member as who asks. A service account asks through a key that limits it to nothing less than it has.
pub(crate) fn principal(member: Member) -> Principal {
    match member {
        Member::User(id) => Principal::user(id),
        Member::ServiceAccount(_) => token(ff_auth::TokenRole::Admin).owned_by(member),
    }
}

pub(crate) fn token(role: ff_auth::TokenRole) -> Principal {
    Principal::api_token(Uuid::from_u128(7), ORG, role)
}

pub(crate) fn org() -> Scope {
    Scope::organization(ORG)
}

pub(crate) fn project() -> Scope {
    org().in_project(PROJECT)
}

pub(crate) fn staging() -> Scope {
    project().in_environment(STAGING)
}

pub(crate) fn production() -> Scope {
    project().in_environment(PRODUCTION)
}

pub(crate) fn policy() -> OrganizationPolicy {
    OrganizationPolicy::new(ORG)
}

pub(crate) fn key(text: &str) -> RoleKey {
    RoleKey::parse(text).expect("a role's key")
}

pub(crate) fn role(name: &str) -> RoleName {
    name.parse().expect("a role's name")
}

pub(crate) fn a_role(name: &str, scope: Scope) -> Gift {
    Gift::Role { role: role(name), scope }
}

pub(crate) fn role_back(name: &str, scope: Scope) -> Gift {
    Gift::RoleBack { role: role(name), scope }
}

pub(crate) fn permissions(permissions: &[Permission], scope: Scope) -> Gift {
    Gift::Permissions { permissions: permissions.to_vec(), scope }
}

/// user 1 owns it, user 2 is its admin, user 3 edits in staging and reads in the project, user 4 is
/// admin of the project, user 5 holds everything by a role that is not the owner's.
pub(crate) fn company() -> OrganizationPolicy {
    policy()
        .with_role(key("everything"), Permission::ALL.iter().copied())
        .with_role(key("toggler"), [Permission::FlagToggle])
        .with(user(1), BuiltInRole::Owner, Place::Organization)
        .with(user(2), BuiltInRole::Admin, Place::Organization)
        .with(user(3), BuiltInRole::Editor, IN_STAGING)
        .with(user(3), BuiltInRole::Viewer, IN_PROJECT)
        .with(user(4), BuiltInRole::Admin, IN_PROJECT)
        .with(user(5), key("everything"), Place::Organization)
        .with(service(1), BuiltInRole::Editor, IN_PROJECT)
}

/// An authorizer that knows this policy and an organization of other people.
pub(crate) fn authorizer(policy: &OrganizationPolicy) -> CasbinAuthorizer {
    let others =
        OrganizationPolicy::new(OTHER_ORG).with(user(999), BuiltInRole::Owner, Place::Organization);
    let access: Access = [policy.clone(), others].into_iter().collect();
    CasbinAuthorizer::new(Arc::new(access))
}

/// An answer in the letters of the table: granted, forbidden, or not there.
pub(crate) fn letter(
    authorizer: &CasbinAuthorizer,
    principal: &Principal,
    permission: Permission,
    scope: &Scope,
) -> char {
    match authorizer.authorize(principal, permission, scope) {
        Ok(grant) => {
            assert!(grant.allows(permission, scope) && grant.principal() == principal);
            'y'
        }
        Err(Denied::Forbidden { permission: lacking, scope: place }) => {
            assert_eq!(place, *scope);
            assert_eq!(lacking, permission);
            'f'
        }
        Err(Denied::NotFound) => '-',
        Err(denied @ Denied::TooMuch { .. }) => panic!("nothing was to be given: {denied}"),
    }
}
