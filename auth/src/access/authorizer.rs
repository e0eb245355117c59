//! The policy of a platform with roles: users by the roles they hold, API tokens by what they were
//! issued for and, where they belong to somebody, by what that one holds at this moment.

use std::sync::Arc;

use uuid::Uuid;

use super::current::Access;
use super::enforcer::Enforcer;
use super::gift::Gift;
use super::place::{DOORS, ROSTERS, door};
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

    /// Whether somebody has what they are about to give away, or to take. Whether they may give at all is another
    /// question, and [`authorize_giving`](Self::authorize_giving) asks both.
    #[must_use]
    pub fn has(&self, giver: &Principal, organization: Uuid, gift: &Gift) -> bool {
        match self.access.of(organization) {
            Some(enforcer) => has(&enforcer, giver, gift),
            None => giver.kind == PrincipalKind::System,
        }
    }

    /// As [`Authorizer::authorize`], for something that gives rights away or takes them: on top of the permission
    /// whoever does it must have each of the rights.
    ///
    /// # Errors
    /// Those of [`Authorizer::authorize`], and [`Denied::TooMuch`] with the first that they do not have.
    pub fn authorize_giving(
        &self,
        principal: &Principal,
        permission: Permission,
        scope: &Scope,
        gifts: Vec<Gift>,
    ) -> Result<Grant, Denied> {
        let enforcer = self.access.of(scope.org);
        decide(enforcer.as_deref(), principal, permission, scope)?;
        let has = |gift: &Gift| match &enforcer {
            Some(enforcer) => has(enforcer, principal, gift),
            None => principal.kind == PrincipalKind::System,
        };
        match gifts.iter().find(|gift| !has(gift)) {
            Some(gift) => Err(Denied::TooMuch { gift: lacking(gift, has) }),
            None => Ok(Grant::new(principal, permission, scope, gifts)),
        }
    }
}

/// Of a gift that somebody does not have, the part that they do not.
fn lacking(gift: &Gift, has: impl Fn(&Gift) -> bool) -> Gift {
    let Gift::Permissions { permissions, scope } = gift else { return gift.clone() };
    let alone = |permission: &Permission| Gift::Permissions {
        permissions: vec![*permission],
        scope: *scope,
    };
    let lacked = |permission: &&Permission| !has(&alone(permission));
    let permissions: Vec<_> = permissions.iter().filter(lacked).copied().collect();
    Gift::Permissions { permissions, scope: *scope }
}

/// Whether somebody has what they are about to give away, or to take. What lies in another organization than the
/// enforcer's is nobody's here but the platform's.
fn has(enforcer: &Enforcer, giver: &Principal, gift: &Gift) -> bool {
    if gift.scope().is_some_and(|scope| scope.org != enforcer.organization()) {
        return giver.kind == PrincipalKind::System;
    }
    match gift {
        Gift::Role { role, scope } => may_grant(enforcer, giver, role, scope),
        Gift::RoleBack { role, scope } => {
            let gone = enforcer.permissions(role).is_none();
            (gone && !matches!(says(giver, scope.org), Says::Nothing))
                || may_grant(enforcer, giver, role, scope)
        }
        Gift::Permissions { permissions, scope } => match says(giver, scope.org) {
            Says::Everything => true,
            Says::Nothing => false,
            Says::Member(member) => enforcer.may_give(member, in_a_role(permissions), scope),
            Says::Token { owner, limits } => {
                in_a_role(permissions).all(|permission| covers(limits, permission, scope))
                    && owner
                        .is_none_or(|owner| enforcer.may_give(owner, in_a_role(permissions), scope))
            }
        },
        Gift::Standing { member } => match says(giver, enforcer.organization()) {
            Says::Everything => true,
            Says::Nothing => false,
            Says::Member(giver) => enforcer.may_stand_for(giver, *member),
            Says::Token { .. } => enforcer.assignments(*member).iter().all(|(role, place)| {
                let scope = place.scope(enforcer.organization());
                enforcer.permissions(role).is_none() || may_grant(enforcer, giver, role, &scope)
            }),
        },
        Gift::Oneself { member } => match says(giver, enforcer.organization()) {
            Says::Everything => true,
            Says::Member(giver) => giver == *member,
            Says::Nothing | Says::Token { .. } => false,
        },
    }
}

/// What the holders of a role with these permissions get by it, though it were none of them.
fn in_a_role(permissions: &[Permission]) -> impl Iterator<Item = Permission> + '_ {
    permissions.iter().copied().chain(DOORS)
}

/// Whether somebody has every permission of a role there and below, and for owners whether they are one.
fn may_grant(enforcer: &Enforcer, granter: &Principal, role: &RoleName, scope: &Scope) -> bool {
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

impl Authorizer for CasbinAuthorizer {
    fn authorize(
        &self,
        principal: &Principal,
        permission: Permission,
        scope: &Scope,
    ) -> Result<Grant, Denied> {
        // The one look at what is in force: the rest of the decision is about this state of it.
        let enforcer = self.access.of(scope.org);
        decide(enforcer.as_deref(), principal, permission, scope)?;
        Ok(Grant::new(principal, permission, scope, Vec::new()))
    }
}

fn decide(
    enforcer: Option<&Enforcer>,
    principal: &Principal,
    permission: Permission,
    scope: &Scope,
) -> Result<(), Denied> {
    let verdict = match (says(principal, scope.org), enforcer) {
        (Says::Everything, _) => Verdict::Granted,
        (Says::Member(Member::User(_)), _) if founds(principal, permission, scope) => {
            Verdict::Granted
        }
        (Says::Nothing, _) | (_, None) => Verdict::Unseen,
        (Says::Member(member), Some(enforcer)) => member_may(enforcer, member, permission, scope),
        (Says::Token { owner, limits }, Some(enforcer)) => {
            let own = token_may(limits, permission, scope);
            owner.map_or(own, |owner| own.min(member_may(enforcer, owner, permission, scope)))
        }
    };
    match verdict {
        Verdict::Granted => Ok(()),
        Verdict::Refused => Err(Denied::Forbidden { permission, scope: *scope }),
        Verdict::Unseen => Err(Denied::NotFound),
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
        PrincipalKind::User { user_id } if principal.org.is_none_or(|org| org == organization) => {
            Says::Member(Member::User(user_id))
        }
        PrincipalKind::User { .. } => Says::Nothing,
        PrincipalKind::ApiKey { .. } if principal.org == Some(organization) => {
            Says::Token { owner: principal.owner, limits: &principal.scopes }
        }
        PrincipalKind::ApiKey { .. } => Says::Nothing,
    }
}

/// Founding is the one thing done in an organization that nobody belongs to yet. Taking over one that
/// exists is not possible by it: its first commit can be written once only. A session that is limited to an
/// organization founds none.
fn founds(principal: &Principal, permission: Permission, scope: &Scope) -> bool {
    principal.org.is_none()
        && permission == Permission::OrganizationCreate
        && *scope == Scope::organization(scope.org)
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
    let gives = |giving: &[Permission]| {
        let holds =
            |limit: &TokenScope| giving.iter().any(|&one| BuiltInRole::from(limit.role).holds(one));
        limits.iter().any(holds)
    };
    let finds = *scope == Scope::organization(scope.org)
        && ROSTERS.iter().any(|(read, giving)| *read == permission && gives(giving));
    if covers(limits, permission, scope) || (passes && permission == door(scope)) || finds {
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
