//! Random policies: the enforcer against plain sets, and that nobody can give more than they have.

use ff_auth::{
    Assignment, BuiltInRole, Enforcer, Member, Permission, Principal, RoleName, TokenRole,
    TokenScope,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use crate::naive::{self, allow, held, members, policies, rights, role_names, scopes};
use crate::world::{ORG, authorizer, letter, principal};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..Default::default() }
}

fn limits() -> impl Strategy<Value = Vec<TokenScope>> {
    let role = select(vec![TokenRole::Viewer, TokenRole::Editor, TokenRole::Admin]);
    let limit = (role, naive::place()).prop_map(|(role, place)| {
        let scope = place.scope(ORG);
        TokenScope { role, project: scope.project, environment: scope.environment }
    });
    vec(limit, 0..4)
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn the_enforcer_is_the_sum_of_the_roles(
        policy in policies(),
        questions in vec((select(scopes()), select(Permission::ALL)), 30),
    ) {
        let enforcer = Enforcer::new(&policy);
        for member in members() {
            let rights = rights(&policy, member);
            for (scope, permission) in &questions {
                let expected = allow(&rights, *permission, scope);
                // As it decides, and as it remembers having decided.
                for _ in 0..2 {
                    let found = enforcer.may(member, *permission, scope);
                    prop_assert_eq!(found, expected, "{:?} {} {:?}", member, permission, scope);
                }
            }
        }
    }

    #[test]
    fn a_token_does_what_both_it_and_its_owner_may(
        policy in policies(),
        owner in select(members()),
        limits in limits(),
        questions in vec((select(scopes()), select(Permission::ALL)), 40),
    ) {
        let authorizer = authorizer(&policy);
        let alone = Principal::api_key(Uuid::from_u128(7), ORG, limits);
        let owned = alone.clone().owned_by(owner);
        let theirs = rights(&policy, owner);
        for (scope, permission) in questions {
            let by_itself = letter(&authorizer, &alone, permission, &scope);
            let together = letter(&authorizer, &owned, permission, &scope);
            let both = by_itself == 'y' && allow(&theirs, permission, &scope);
            prop_assert_eq!(together == 'y', both, "{} {:?}", permission, scope);
            // It learns of nothing that it, or its owner, would not.
            prop_assert!(by_itself != '-' || together == '-');
            if let Member::User(_) = owner
                && permission != Permission::OrganizationCreate
                && letter(&authorizer, &principal(owner), permission, &scope) == '-'
            {
                prop_assert_eq!(together, '-');
            }
        }
    }

    #[test]
    fn whoever_may_grant_has_all_that_is_given(
        policy in policies(),
        granter in select(members()),
        role in select(role_names()),
        place in naive::place(),
    ) {
        let scope = place.scope(ORG);
        let allowed = Enforcer::new(&policy).may_grant(granter, &role, &scope);

        // What a newcomer would hold by it, to the last right, against what the granter holds.
        let newcomer = crate::world::user(50);
        let mut after = policy.clone();
        after.assignments.push(Assignment { member: newcomer, role: role.clone(), place });
        let (given, own) = (held(&after, newcomer), held(&policy, granter));
        let exists = naive::role(&policy, &role).is_some();
        let owner = RoleName::BuiltIn(BuiltInRole::Owner);
        let owns = policy.assignments.iter().any(|held| {
            let around = naive::path(&held.place.scope(ORG));
            held.member == granter && held.role == owner && naive::path(&scope).starts_with(&around)
        });
        let expected = exists && given.is_subset(&own) && (role != owner || owns);
        prop_assert_eq!(allowed, expected);

        // So the newcomer sees and does nothing that the granter could not.
        if allowed {
            prop_assert!(rights(&after, newcomer).is_subset(&rights(&policy, granter)));
        }
    }
}
