//! Memberships.

use cqrs_es::test::TestFramework;
use ff_domain::{
    Membership, MembershipCommand, MembershipError, MembershipEvent, MembershipState, UserId,
    membership::MemberRole,
};
use uuid::Uuid;

use crate::fixture::{after, organization};

#[test]
fn a_person_is_let_in_once() {
    let state = MembershipState {
        organization: organization(),
        user: UserId(Uuid::from_u128(7)),
        role: MemberRole::Owner,
    };
    let granted = MembershipEvent::Granted(state.clone());
    let grant = MembershipCommand::Grant(state.clone());
    let framework = || TestFramework::<Membership>::with(());
    framework()
        .given_no_previous_events()
        .when(grant.clone())
        .then_expect_events(vec![granted.clone()]);
    framework()
        .given(vec![granted.clone()])
        .when(grant)
        .then_expect_error(MembershipError::AlreadyMember);
    assert_eq!(after::<Membership>([granted]), Membership::Live(state));
}
