//! What decides in an organization is made when it is first asked for: whenever that is, it is by the policy in force.

use std::sync::{Arc, Barrier};
use std::thread;

use ff_auth::{Access, BuiltInRole, OrganizationPolicy, Permission, Place};
use uuid::Uuid;

use crate::world::{ORG, org, policy, user};

const THREADS: usize = 4;

/// The policy in which user `n`, and nobody else, reads.
fn read_by(n: u128) -> OrganizationPolicy {
    policy().with(user(n), BuiltInRole::Viewer, Place::Organization)
}

/// The one of these users who may read.
fn reader(access: &Access, users: u128) -> u128 {
    let enforcer = access.of(ORG).expect("there is a policy");
    let reads = |n: &u128| enforcer.may(user(*n), Permission::FlagRead, &org());
    let readers: Vec<_> = (1..=users).filter(reads).collect();
    assert_eq!(readers.len(), 1, "a mixture of policies: {readers:?}");
    readers[0]
}

#[test]
fn a_change_before_anybody_asked_is_what_they_are_answered_by() {
    let access = Access::from_iter([read_by(1)]);
    access.replace(read_by(2));
    access.replace(read_by(3));
    assert_eq!(reader(&access, 3), 3);
}

#[test]
fn a_change_after_somebody_asked_is_for_whoever_asks_next() {
    let access = Access::from_iter([read_by(1)]);
    let earlier = access.of(ORG).unwrap();
    assert_eq!(reader(&access, 3), 1);
    access.replace(read_by(2));
    assert_eq!(reader(&access, 3), 2);
    // A decision that began before the change ends by what it began with.
    assert!(earlier.may(user(1), Permission::FlagRead, &org()));
    assert!(!earlier.may(user(2), Permission::FlagRead, &org()));
}

#[test]
fn those_who_ask_first_together_get_the_same() {
    for _ in 0..20 {
        let access = Access::from_iter([read_by(1)]);
        let start = Barrier::new(THREADS);
        let enforcers: Vec<_> = thread::scope(|threads| {
            let ask = || {
                start.wait();
                access.of(ORG).unwrap()
            };
            let asking: Vec<_> = (0..THREADS).map(|_| threads.spawn(ask)).collect();
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        assert!(enforcers.iter().all(|other| Arc::ptr_eq(other, &enforcers[0])));
    }
}

/// Nobody is answered by a policy older than the one they could have seen, nor goes back to one they have left.
#[test]
fn changes_while_others_ask_first_are_seen_in_their_order() {
    const CHANGES: u128 = 8;
    for _ in 0..20 {
        let access = Access::from_iter([read_by(1)]);
        let start = Barrier::new(THREADS + 1);
        thread::scope(|threads| {
            for _ in 0..THREADS {
                threads.spawn(|| {
                    start.wait();
                    let mut last = 1;
                    while last < CHANGES {
                        let now = reader(&access, CHANGES);
                        assert!(now >= last, "back from {last} to {now}");
                        last = now;
                    }
                });
            }
            start.wait();
            for n in 2..=CHANGES {
                access.replace(read_by(n));
                assert_eq!(reader(&access, n), n, "a change is in force when it returns");
            }
        });
    }
}

#[test]
fn many_organizations_are_asked_about_while_they_change() {
    let organizations: Vec<_> = (0..30).map(|n| Uuid::from_u128(5_000 + n)).collect();
    let first = organizations.iter().map(|&id| OrganizationPolicy::new(id));
    let access: Access = first.collect();
    let may = |id: Uuid| {
        let scope = ff_auth::Scope::organization(id);
        access.of(id).unwrap().may(user(1), Permission::FlagRead, &scope)
    };
    thread::scope(|threads| {
        for part in organizations.chunks(10) {
            threads.spawn(move || {
                for &id in part {
                    assert!(!may(id));
                }
            });
            let access = &access;
            threads.spawn(move || {
                for &id in part {
                    let policy = OrganizationPolicy::new(id);
                    access.replace(policy.with(user(2), BuiltInRole::Viewer, Place::Organization));
                }
            });
        }
    });
    for &id in &organizations {
        let scope = ff_auth::Scope::organization(id);
        let enforcer = access.of(id).unwrap();
        assert_eq!(enforcer.organization(), id);
        assert!(enforcer.may(user(2), Permission::FlagRead, &scope), "the change is kept");
    }
}
