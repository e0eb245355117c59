//! The policy of a platform with roles: users by the roles they hold, API tokens by what they were
//! issued for and, where they belong to somebody, by what that one holds at this moment.

use std::sync::Arc;

use uuid::Uuid;

use super::current::Access;
use super::enforcer::Enforcer;
use super::place::door;
use super::role::{BuiltInRole, RoleName};
use crate::authorize::{Authorizer, Denied, Grant, Scope};
use crate::permission::Permission;
use crate::principal::{Member, Principal, PrincipalKind, TokenScope};

/// Authorises by roles.
#[derive(Debug, Clone)]
pub struct CasbinAuthorizer {
    access: Arc<Access>,
}

/// What came out, the least favourable first: where several have a say, the first of theirs counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Unseen,
    Refused,
    Granted,
}

impl CasbinAuthorizer {
    /// A policy that decides by these enforcers.
    #[must_use]
    pub fn new(access: Arc<Access>) -> Self {
        Self { access }
    }

    /// Whether `granter` may give `role` away for `scope`, or take it away there: only if they have
    /// every permission of it there and below, and for owners only if they are one. This is asked on
    /// top of the permission to change memberships at all.
    #[must_use]
    pub fn may_grant(&self, granter: &Principal, role: &RoleName, scope: &Scope) -> bool {
        let Some(enforcer) = self.access.of(scope.org) else {
            return granter.kind == PrincipalKind::System;
        };
        match says(granter, scope.org) {
            Says::Everything => true,
            Says::Nothing => false,
            Says::Member(member) => enforcer.may_grant(member, role, scope),
            Says::Token { owner, limits } => {
                *role != RoleName::BuiltIn(BuiltInRole::Owner)
                    && enforcer
                        .permissions(role)
                        .is_some_and(|all| all.iter().all(|&held| covers(limits, held, scope)))
                    && owner.is_none_or(|owner| enforcer.may_grant(owner, role, scope))
            }
        }
    }

    /// Whether `giver` may let others do each of `permissions` in `scope`: what changing a role of the
    /// organization's own asks for, whose holders would get them.
    #[must_use]
    pub fn may_give(&self, giver: &Principal, permissions: &[Permission], scope: &Scope) -> bool {
        let given = || permissions.iter().copied();
        let Some(enforcer) = self.access.of(scope.org) else {
            return giver.kind == PrincipalKind::System;
        };
        match says(giver, scope.org) {
            Says::Everything => true,
            Says::Nothing => false,
            Says::Member(member) => enforcer.may_give(member, given(), scope),
            Says::Token { owner, limits } => {
                given().all(|permission| covers(limits, permission, scope))
                    && owner.is_none_or(|owner| enforcer.may_give(owner, given(), scope))
            }
        }
    }

    /// Whether `issuer` may issue a token of `organization` for `scope`: the same rule, since a token
    /// is a role given to a program.
    #[must_use]
    pub fn may_issue(&self, issuer: &Principal, organization: Uuid, scope: &TokenScope) -> bool {
        let TokenScope { role, project, environment } = *scope;
        let place = Scope { org: organization, project, environment };
        self.may_grant(issuer, &BuiltInRole::from(role).into(), &place)
    }
}

impl Authorizer for CasbinAuthorizer {
    fn authorize(
        &self,
        principal: &Principal,
        permission: Permission,
        scope: &Scope,
    ) -> Result<Grant, Denied> {
        // The one look at what is in force: the rest of the decision is about this state of it.
        let enforcer = self.access.of(scope.org);
        let verdict = match (says(principal, scope.org), enforcer) {
            (Says::Everything, _) => Verdict::Granted,
            (Says::Member(Member::User(_)), _) if founds(permission, scope) => Verdict::Granted,
            (Says::Nothing, _) | (_, None) => Verdict::Unseen,
            (Says::Member(member), Some(enforcer)) => {
                member_may(&enforcer, member, permission, scope)
            }
            (Says::Token { owner, limits }, Some(enforcer)) => {
                let own = token_may(limits, permission, scope);
                owner.map_or(own, |owner| own.min(member_may(&enforcer, owner, permission, scope)))
            }
        };
        match verdict {
            Verdict::Granted => Ok(Grant::new(principal, permission, scope)),
            Verdict::Refused => Err(Denied::Forbidden { permission }),
            Verdict::Unseen => Err(Denied::NotFound),
        }
    }
}

/// Whose rights count for a principal in an organization.
enum Says<'a> {
    Everything,
    Nothing,
    Member(Member),
    Token { owner: Option<Member>, limits: &'a [TokenScope] },
}

fn says(principal: &Principal, organization: Uuid) -> Says<'_> {
    match principal.kind {
        PrincipalKind::System => Says::Everything,
        PrincipalKind::User { user_id } => Says::Member(Member::User(user_id)),
        PrincipalKind::ApiKey { .. } if principal.org == Some(organization) => {
            Says::Token { owner: principal.owner, limits: &principal.scopes }
        }
        PrincipalKind::ApiKey { .. } => Says::Nothing,
    }
}

/// Founding is the one thing done in an organization that nobody belongs to yet. Taking over one that
/// exists is not possible by it: its first commit can be written once only.
fn founds(permission: Permission, scope: &Scope) -> bool {
    permission == Permission::OrganizationCreate && *scope == Scope::organization(scope.org)
}

fn member_may(
    enforcer: &Enforcer,
    member: Member,
    permission: Permission,
    scope: &Scope,
) -> Verdict {
    if enforcer.may(member, permission, scope) {
        Verdict::Granted
    } else if enforcer.sees(member, scope) {
        Verdict::Refused
    } else {
        Verdict::Unseen
    }
}

/// What a token's own limits say, by the rules that hold for members too: its roles reach below, and
/// open the doors on the way to their places.
fn token_may(limits: &[TokenScope], permission: Permission, scope: &Scope) -> Verdict {
    let leads_to = |limit: &TokenScope| {
        scope.project.is_none_or(|project| limit.project == Some(project))
            && scope.environment.is_none_or(|environment| limit.environment == Some(environment))
    };
    let passes = limits.iter().any(leads_to);
    if covers(limits, permission, scope) || (passes && permission == door(scope)) {
        Verdict::Granted
    } else if passes || limits.iter().any(|limit| limit.covers(scope)) {
        Verdict::Refused
    } else {
        Verdict::Unseen
    }
}

/// Whether one of a token's roles holds a permission in a scope and below it.
fn covers(limits: &[TokenScope], permission: Permission, scope: &Scope) -> bool {
    limits
        .iter()
        .any(|limit| limit.covers(scope) && BuiltInRole::from(limit.role).holds(permission))
}
