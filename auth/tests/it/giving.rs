//! Whatever anybody gives, of whichever kind, and however they ask: nobody gets by it what the giver has not. Giver,
//! gift and what comes of it are plain sets here, written anew.

use std::collections::BTreeSet;

use ff_auth::{
    Assignment, BuiltInRole, Gift, Member, OrganizationPolicy, Permission, Place, Principal,
    RoleName, Scope, TokenRole, TokenScope,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use uuid::Uuid;

use crate::naive::{
    self, ONE_S_OWN, Right, held, limits, members, path, paths, policies, rights, role, role_names,
};
use crate::world::{ORG, OTHER_ORG, authorizer, key, user};

const NEWCOMER: Member = Member::User(Uuid::from_u128(9_999));
const DOORS: [Permission; 3] =
    [Permission::OrganizationRead, Permission::ProjectRead, Permission::EnvironmentRead];

/// Who gives: a person, or a token that may belong to somebody.
#[derive(Debug, Clone)]
struct Giver {
    member: Option<Member>,
    limits: Option<Vec<TokenScope>>,
}

impl Giver {
    fn principal(&self) -> Principal {
        let token = |limits: &Vec<_>| Principal::api_key(Uuid::from_u128(7), ORG, limits.clone());
        match (self.member, &self.limits) {
            (Some(Member::User(id)), None) => Principal::user(id),
            (None, Some(limits)) => token(limits),
            (Some(owner), Some(limits)) => token(limits).owned_by(owner),
            (_, None) => unreachable!("a service account acts through its tokens"),
        }
    }

    /// What they have throughout a place, as `naive::held`.
    fn held(&self, policy: &OrganizationPolicy) -> BTreeSet<Right> {
        let of_token = |limits: &Vec<_>| limits.iter().flat_map(below_limit).collect();
        self.both(of_token, |owner| held(policy, owner))
    }

    /// What they reach, as `naive::rights`.
    fn rights(&self, policy: &OrganizationPolicy) -> BTreeSet<Right> {
        let doors = |limit: &TokenScope| {
            let own = path(&scope_of(limit));
            (1..=own.len()).map(move |end| (own[..end].to_vec(), DOORS[end - 1]))
        };
        // An admin of any part gives roles there, and finds those to give them to.
        let rosters = |limit: &TokenScope| {
            let reads = [Permission::MembershipRead, Permission::ServiceAccountRead];
            let reads = reads.into_iter().filter(|_| limit.role == TokenRole::Admin);
            reads.map(|permission| (vec![ORG], permission)).collect::<Vec<_>>()
        };
        let of_token = |limits: &Vec<TokenScope>| {
            let of_one =
                |limit| below_limit(limit).into_iter().chain(doors(limit)).chain(rosters(limit));
            limits.iter().flat_map(of_one).collect()
        };
        self.both(of_token, |owner| rights(policy, owner))
    }

    /// A token has what both it and its owner have.
    fn both(
        &self,
        of_token: impl Fn(&Vec<TokenScope>) -> BTreeSet<Right>,
        of_member: impl Fn(Member) -> BTreeSet<Right>,
    ) -> BTreeSet<Right> {
        match (self.member.map(of_member), self.limits.as_ref().map(of_token)) {
            (Some(one), Some(other)) => &one & &other,
            (one, other) => one.or(other).unwrap_or_default(),
        }
    }

    /// Owns the place, or what is around it. No token does.
    fn owns(&self, policy: &OrganizationPolicy, place: &[Uuid]) -> bool {
        let owner = RoleName::BuiltIn(BuiltInRole::Owner);
        let around = |at: &Place| place.starts_with(&path(&at.scope(ORG)));
        let holds = |held: &Assignment| {
            Some(held.member) == self.member && held.role == owner && around(&held.place)
        };
        self.limits.is_none() && policy.assignments.iter().any(holds)
    }

    fn has(&self, policy: &OrganizationPolicy, gift: &Gift) -> bool {
        let throughout = |permissions: &BTreeSet<Permission>, scope: &Scope| {
            let mine = self.held(policy);
            below(scope).iter().all(|at| {
                permissions.iter().all(|&permission| mine.contains(&(at.clone(), permission)))
            })
        };
        let has_role = |name: &RoleName, scope: &Scope| {
            let makes_owners = *name == RoleName::BuiltIn(BuiltInRole::Owner);
            role(policy, name).is_some_and(|all| throughout(&all, scope))
                && (!makes_owners || self.owns(policy, &path(scope)))
        };
        match gift {
            Gift::Role { scope, .. }
            | Gift::RoleBack { scope, .. }
            | Gift::Permissions { scope, .. }
                if scope.org != ORG =>
            {
                false
            }
            Gift::Role { role, scope } => has_role(role, scope),
            Gift::RoleBack { role: name, scope } => {
                role(policy, name).is_none() || has_role(name, scope)
            }
            Gift::Permissions { permissions, scope } => {
                throughout(&permissions.iter().copied().chain(DOORS).collect(), scope)
            }
            Gift::Standing { member } => {
                let theirs = policy.assignments.iter().filter(|held| held.member == *member);
                let makes_owners = |held: &Assignment| held.role == BuiltInRole::Owner.into();
                let themselves = self.limits.is_none() && self.member == Some(*member);
                themselves
                    || (held(policy, *member).is_subset(&self.held(policy))
                        && theirs
                            .filter(|held| makes_owners(held))
                            .all(|held| self.owns(policy, &path(&held.place.scope(ORG)))))
            }
            Gift::Oneself { member } => self.limits.is_none() && self.member == Some(*member),
        }
    }
}

fn scope_of(limit: &TokenScope) -> Scope {
    Scope { org: ORG, project: limit.project, environment: limit.environment }
}

fn below(scope: &Scope) -> Vec<Vec<Uuid>> {
    paths().into_iter().filter(|at| at.starts_with(&path(scope))).collect()
}

fn below_limit(limit: &TokenScope) -> Vec<Right> {
    let role = match limit.role {
        TokenRole::Viewer => BuiltInRole::Viewer,
        TokenRole::Editor => BuiltInRole::Editor,
        TokenRole::Admin => BuiltInRole::Admin,
    };
    let held = Permission::ALL.iter().filter(|permission| permission.least_role() <= role);
    let at = below(&scope_of(limit));
    held.flat_map(|&permission| at.iter().map(move |at| (at.clone(), permission))).collect()
}

fn givers() -> impl Strategy<Value = Giver> {
    let users: Vec<_> = members().into_iter().filter(|m| matches!(m, Member::User(_))).collect();
    let person = select(users).prop_map(|member| Giver { member: Some(member), limits: None });
    let owner = prop_oneof![Just(None), select(members()).prop_map(Some)];
    let token =
        (owner, limits()).prop_map(|(member, limits)| Giver { member, limits: Some(limits) });
    prop_oneof![person, token]
}

fn gifts() -> impl Strategy<Value = Gift> {
    let place = || {
        let org = prop_oneof![9 => Just(ORG), 1 => Just(OTHER_ORG)];
        (naive::place(), org).prop_map(|(place, org)| place.scope(org))
    };
    let role = || select(role_names());
    prop_oneof![
        (role(), place()).prop_map(|(role, scope)| Gift::Role { role, scope }),
        (role(), place()).prop_map(|(role, scope)| Gift::RoleBack { role, scope }),
        (subsequence(Permission::ALL.to_vec(), 0..=4), place())
            .prop_map(|(permissions, scope)| Gift::Permissions { permissions, scope }),
        select(members()).prop_map(|member| Gift::Standing { member }),
        select(members()).prop_map(|member| Gift::Oneself { member }),
    ]
}

fn place_of(scope: &Scope) -> Place {
    match (scope.project, scope.environment) {
        (Some(project), Some(environment)) => Place::Environment { project, environment },
        (Some(project), None) => Place::Project { project },
        (None, _) => Place::Organization,
    }
}

/// What anybody reaches after the gift that they did not before, and the rights that come by a role taken away.
fn changes_hands(policy: &OrganizationPolicy, gift: &Gift) -> BTreeSet<Right> {
    let mut after = policy.clone();
    let mut give = |role: &RoleName, scope: &Scope| {
        let place = place_of(scope);
        after.assignments.push(Assignment { member: NEWCOMER, role: role.clone(), place });
    };
    match gift {
        // What is taken had been given: it is the same that changes hands.
        Gift::Role { role, scope } | Gift::RoleBack { role, scope } => give(role, scope),
        // Changing a role of the whole organization reaches all who hold it, those included who held it before it
        // was removed.
        Gift::Permissions { permissions, scope } if *scope == Scope::organization(ORG) => {
            after.custom_roles.entry(key("releaser")).or_default().extend(permissions);
        }
        Gift::Permissions { permissions, scope } => {
            give(&RoleName::Custom(key("made")), scope);
            after.custom_roles.insert(key("made"), permissions.iter().copied().collect());
        }
        Gift::Standing { member } | Gift::Oneself { member } => return rights(policy, *member),
    }
    let everybody = members().into_iter().chain([NEWCOMER]);
    everybody
        .flat_map(|member| {
            let before = rights(policy, member);
            rights(&after, member).into_iter().filter(move |right| !before.contains(right))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn nobody_reaches_by_a_gift_what_the_giver_has_not(
        policy in policies(),
        giver in givers(),
        gifts in proptest::collection::vec(gifts(), 12),
    ) {
        let (authorizer, principal) = (authorizer(&policy), giver.principal());
        for gift in gifts {
            let found = authorizer.has(&principal, ORG, &gift);
            prop_assert_eq!(found, giver.has(&policy, &gift), "{:?}", gift);
            if !found {
                continue;
            }
            let mine = giver.rights(&policy);
            let mut theirs = changes_hands(&policy, &gift);
            // Whoever may give anything belongs to the organization: that it exists is nothing new to them.
            let is_door = |(at, permission): &Right| at.len() == 1 && *permission == DOORS[0];
            theirs.retain(|right| !ONE_S_OWN.contains(&right.1) && !is_door(right));
            let more: Vec<_> = theirs.difference(&mine).collect();
            prop_assert!(more.is_empty(), "{:?} gives {:?}", gift, more);
        }
    }

    #[test]
    fn a_session_limited_to_another_organization_gives_nothing(
        policy in policies(),
        gift in gifts(),
    ) {
        let authorizer = authorizer(&policy.with(user(1), BuiltInRole::Owner, Place::Organization));
        let Member::User(id) = user(1) else { unreachable!("a user is a user") };
        let elsewhere = Principal::user(id).within(Some(OTHER_ORG));
        prop_assert!(!authorizer.has(&elsewhere, ORG, &gift), "{:?}", gift);
    }
}
