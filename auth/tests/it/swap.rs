//! A change of a policy while others decide: each decision is by the old one or the new one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use ff_auth::{
    Access, BuiltInRole, CasbinAuthorizer, OrganizationPolicy, Permission, Place, TokenRole,
};

use crate::world::{
    IN_PROJECT, ORG, OTHER_ORG, OTHER_PROJECT, letter, org, policy, principal, project, token, user,
};

const READERS: usize = 3;
/// How often a reader must have seen each policy.
const SEEN: usize = 200;

/// Under the one policy user 1 edits the one project, under the other they read the other project.
fn policies() -> [OrganizationPolicy; 2] {
    let elsewhere = Place::Project { project: OTHER_PROJECT };
    [
        policy().with(user(1), BuiltInRole::Editor, IN_PROJECT),
        policy().with(user(1), BuiltInRole::Viewer, elsewhere),
    ]
}

/// Lets readers ask while the policies change places, until each has seen either often enough. What
/// they see must be one of `allowed`.
fn under_change<T, A>(ask: A, allowed: &[T; 2])
where
    T: PartialEq + std::fmt::Debug + Send + Sync,
    A: Fn(&Access, &CasbinAuthorizer) -> T + Sync,
{
    let access = Arc::new(Access::from_iter([policies()[0].clone()]));
    let authorizer = CasbinAuthorizer::new(Arc::clone(&access));
    let done = AtomicUsize::new(0);
    thread::scope(|threads| {
        for _ in 0..READERS {
            threads.spawn(|| {
                let _finished = Finished(&done);
                let mut seen = [0, 0];
                while seen.iter().any(|&times| times < SEEN) {
                    let found = ask(&access, &authorizer);
                    let which = allowed.iter().position(|answer| *answer == found);
                    seen[which.unwrap_or_else(|| panic!("a mixture: {found:?}"))] += 1;
                }
            });
        }
        for policy in policies().iter().cycle() {
            if done.load(Ordering::SeqCst) == READERS {
                break;
            }
            access.replace(policy.clone());
        }
    });
}

/// Says that a reader has ended, whichever way it did.
struct Finished<'a>(&'a AtomicUsize);

impl Drop for Finished<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn all_questions_to_one_enforcer_are_answered_by_one_policy() {
    let questions = [
        (Permission::FlagToggle, project()),
        (Permission::FlagRead, project()),
        (Permission::FlagRead, org().in_project(OTHER_PROJECT)),
        (Permission::FlagToggle, org().in_project(OTHER_PROJECT)),
        (Permission::OrganizationRead, org()),
    ];
    let ask = |access: &Access, _: &CasbinAuthorizer| {
        let enforcer = access.of(ORG).unwrap();
        questions.map(|(permission, scope)| enforcer.may(user(1), permission, &scope))
    };
    under_change(ask, &[[true, true, false, false, true], [false, false, true, false, true]]);
}

/// A refusal takes two answers, whether they may and whether they may know. By the one policy it is
/// granted, by the other it does not exist; "forbidden" would be the no of one with the yes of the other.
#[test]
fn a_refusal_is_by_one_policy() {
    let asking = [principal(user(1)), token(TokenRole::Admin).owned_by(user(1))];
    for principal in asking {
        let ask = |authorizer: &CasbinAuthorizer| {
            letter(authorizer, &principal, Permission::FlagToggle, &project())
        };
        under_change(|_, authorizer| ask(authorizer), &['y', '-']);
    }
}

#[test]
fn a_decision_after_a_change_is_by_the_new_policy() {
    let access = Arc::new(Access::new());
    let authorizer = CasbinAuthorizer::new(Arc::clone(&access));
    let ask = || letter(&authorizer, &principal(user(1)), Permission::FlagToggle, &project());
    let [edits, reads_elsewhere] = policies();

    assert_eq!(ask(), '-');
    for _ in 0..50 {
        access.replace(edits.clone());
        assert_eq!(ask(), 'y');
        access.replace(reads_elsewhere.clone());
        assert_eq!(ask(), '-');
    }
    access.replace(edits.clone());
    access.replace(OrganizationPolicy::new(OTHER_ORG));
    assert_eq!(ask(), 'y', "the other organization's changes are its own");
    access.replace(policy());
    assert_eq!(ask(), '-');
}

#[test]
fn changes_of_many_organizations_at_once_are_all_kept() {
    let access = Access::new();
    let organizations: Vec<_> = (0..60).map(|n| uuid::Uuid::from_u128(5_000 + n)).collect();
    thread::scope(|threads| {
        for part in organizations.chunks(20) {
            let access = &access;
            threads.spawn(move || {
                for &organization in part {
                    access.replace(OrganizationPolicy::new(organization));
                }
            });
        }
    });
    assert!(organizations.iter().all(|&organization| access.of(organization).is_some()));
}
