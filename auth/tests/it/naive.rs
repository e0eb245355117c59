//! Rights by plain sets, written anew from what roles mean: no model, no engine, nothing remembered.

use std::collections::BTreeSet;

use ff_auth::{
    Assignment, BuiltInRole, Member, OrganizationPolicy, Permission, RoleName, Scope, TokenRole,
    TokenScope,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use uuid::Uuid;

use crate::world::{ORG, OTHER_ORG, key, service, user};

/// A right of somebody, as the path of the place and the permission.
pub(crate) type Right = (Vec<Uuid>, Permission);

const PROJECTS: [u128; 3] = [10, 11, 12];
const ENVIRONMENTS: [u128; 2] = [0, 1];
/// A project that no role is given for: what holds in it is held for the whole organization.
const NOBODY_S: Uuid = Uuid::from_u128(13);
/// What everybody may who is let in at all: they give nobody anything that is not theirs already.
pub(crate) const ONE_S_OWN: [Permission; 3] =
    [Permission::PersonalTokenIssue, Permission::PersonalTokenRevoke, Permission::MembershipLeave];
const CUSTOM: [&str; 3] = ["releaser", "analyst", "nobody"];

/// Every place of the small world, as the ids from the organization inwards.
pub(crate) fn paths() -> Vec<Vec<Uuid>> {
    let mut all = vec![vec![ORG], vec![ORG, NOBODY_S]];
    for project in PROJECTS {
        all.push(vec![ORG, Uuid::from_u128(project)]);
        for environment in ENVIRONMENTS {
            let environment = Uuid::from_u128(project * 100 + environment);
            all.push(vec![ORG, Uuid::from_u128(project), environment]);
        }
    }
    all
}

pub(crate) fn scope(path: &[Uuid]) -> Scope {
    Scope { org: path[0], project: path.get(1).copied(), environment: path.get(2).copied() }
}

/// Places, and two that no role is given for: another organization, an environment of no project.
pub(crate) fn scopes() -> Vec<Scope> {
    let mut all: Vec<_> = paths().iter().map(|path| scope(path)).collect();
    all.push(Scope::organization(OTHER_ORG));
    all.push(Scope::organization(OTHER_ORG).in_project(Uuid::from_u128(10)));
    all.push(Scope::organization(ORG).in_environment(Uuid::from_u128(1_000)));
    all
}

pub(crate) fn members() -> Vec<Member> {
    vec![user(1), user(2), user(3), service(1), service(2)]
}

pub(crate) fn role_names() -> Vec<RoleName> {
    let custom = CUSTOM.into_iter().map(|name| RoleName::Custom(key(name)));
    BuiltInRole::ALL.into_iter().map(RoleName::from).chain(custom).collect()
}

/// The other way round; for the scope of a place.
pub(crate) fn path(scope: &Scope) -> Vec<Uuid> {
    [Some(scope.org), scope.project, scope.environment].into_iter().flatten().collect()
}

/// What a role holds, doors included; `None` for one that was not made.
pub(crate) fn role(policy: &OrganizationPolicy, role: &RoleName) -> Option<BTreeSet<Permission>> {
    let mut held: BTreeSet<_> = match role {
        RoleName::Custom(key) => policy.custom_roles.get(key)?.clone(),
        RoleName::BuiltIn(role) => {
            let all = Permission::ALL.iter().copied();
            all.filter(|permission| permission.least_role() <= *role).collect()
        }
    };
    held.extend([
        Permission::OrganizationRead,
        Permission::ProjectRead,
        Permission::EnvironmentRead,
    ]);
    Some(held)
}

/// The rights that come with holding roles, each for its place and all below.
pub(crate) fn held(policy: &OrganizationPolicy, member: Member) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for assignment in policy.assignments.iter().filter(|held| held.member == member) {
        for permission in role(policy, &assignment.role).into_iter().flatten() {
            let below = paths()
                .into_iter()
                .filter(|at| at.starts_with(&path(&assignment.place.scope(ORG))));
            rights.extend(below.map(|at| (at, permission)));
        }
    }
    rights
}

/// All rights: those held, the doors on the way to the places they are held in, what is about oneself, and whom one may
/// give roles to.
pub(crate) fn rights(policy: &OrganizationPolicy, member: Member) -> BTreeSet<Right> {
    let mut rights = held(policy, member);
    if policy.members.contains(&member) {
        rights.insert((vec![ORG], Permission::OrganizationRead));
        rights.extend(ONE_S_OWN.map(|permission| (vec![ORG], permission)));
    }
    for assignment in policy.assignments.iter().filter(|held| held.member == member) {
        if let Some(held) = role(policy, &assignment.role) {
            let own = path(&assignment.place.scope(ORG));
            rights.insert((own[..1].to_vec(), Permission::OrganizationRead));
            rights.extend(ONE_S_OWN.map(|permission| (own[..1].to_vec(), permission)));
            let giving = |permission| held.contains(&permission);
            if giving(Permission::MembershipGrant) || giving(Permission::MembershipRevoke) {
                rights.insert((own[..1].to_vec(), Permission::MembershipRead));
            }
            if giving(Permission::ServiceAccountEdit) {
                rights.insert((own[..1].to_vec(), Permission::ServiceAccountRead));
            }
            if own.len() > 1 {
                rights.insert((own[..2].to_vec(), Permission::ProjectRead));
            }
            if own.len() > 2 {
                rights.insert((own, Permission::EnvironmentRead));
            }
        }
    }
    rights
}

/// Whether these rights answer a request for a scope.
pub(crate) fn allow(rights: &BTreeSet<Right>, permission: Permission, scope: &Scope) -> bool {
    // Of an environment of an unknown project only so much is known: it is somewhere in the organization.
    if scope.project.is_none() && scope.environment.is_some() {
        return rights.contains(&(vec![scope.org, NOBODY_S], permission));
    }
    rights.contains(&(path(scope), permission))
}

pub(crate) fn place() -> impl Strategy<Value = ff_auth::Place> {
    use ff_auth::Place;
    let given: Vec<_> = paths().into_iter().filter(|path| !path.contains(&NOBODY_S)).collect();
    select(given).prop_map(|path| match *path.as_slice() {
        [_, project, environment] => Place::Environment { project, environment },
        [_, project] => Place::Project { project },
        _ => Place::Organization,
    })
}

/// What an API token may be issued for.
pub(crate) fn limits() -> impl Strategy<Value = Vec<TokenScope>> {
    let role = select(vec![TokenRole::Viewer, TokenRole::Editor, TokenRole::Admin]);
    let limit = (role, place()).prop_map(|(role, place)| {
        let scope = place.scope(ORG);
        TokenScope { role, project: scope.project, environment: scope.environment }
    });
    vec(limit, 0..4)
}

/// Policies in which anybody may hold anything, roles that were not made included.
pub(crate) fn policies() -> impl Strategy<Value = OrganizationPolicy> {
    let role = (subsequence(Permission::ALL.to_vec(), 0..=8), select(CUSTOM.to_vec()));
    let assignment = (select(members()), select(role_names()), place())
        .prop_map(|(member, role, place)| Assignment { member, role, place });
    let belonging = btree_set(select(members()), 0..3);
    (vec(role, 0..3), belonging, btree_set(assignment, 0..12)).prop_map(
        |(roles, members, assignments)| {
            let custom_roles = roles
                .into_iter()
                .map(|(permissions, name)| (key(name), permissions.into_iter().collect()))
                .collect();
            OrganizationPolicy {
                organization: ORG,
                custom_roles,
                members,
                assignments: assignments.into_iter().collect(),
            }
        },
    )
}
