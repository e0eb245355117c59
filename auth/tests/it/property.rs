//! Random policies: the enforcer against plain sets. What may be given is in `giving`.

use ff_auth::{Enforcer, Member, Permission, Principal};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use crate::naive::{allow, limits, members, policies, rights, scopes};
use crate::world::{ORG, authorizer, letter, principal};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..Default::default() }
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
}
