//! Memberships.

use std::collections::BTreeSet;

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use ff_domain::{
    Membership, MembershipCommand as Command, MembershipError, MembershipEvent as Event,
    MembershipState, Problem, RoleAssignment, UserId,
    role::{ASSIGNMENTS_MAX, RoleFacts},
};
use uuid::Uuid;

use crate::fixture::{after, organization};

const USER: UserId = UserId(Uuid::from_u128(7));
const CONNECTION: Uuid = Uuid::from_u128(8);

fn role(text: &str) -> RoleAssignment {
    let mut parts = text.split('/');
    RoleAssignment {
        role: parts.next().unwrap().parse().unwrap(),
        project: parts.next().map(|key| key.parse().unwrap()),
        environment: parts.next().map(|key| key.parse().unwrap()),
    }
}

fn granted() -> Event {
    Event::Granted { organization: organization(), user: USER, role: None }
}

fn grant(roles: &[&str]) -> Command {
    let roles = roles.iter().map(|text| role(text)).collect();
    Command::Grant { organization: organization(), user: USER, roles }
}

fn given(facts: RoleFacts, events: &[Event]) -> AggregateTestExecutor<Membership> {
    TestFramework::with(facts).given(events.to_vec())
}

fn at_home(events: &[Event]) -> AggregateTestExecutor<Membership> {
    given(RoleFacts::default(), events)
}

fn pointers(error: MembershipError) -> Vec<String> {
    let MembershipError::Invalid(problems) = error else { panic!("{error}") };
    problems.into_iter().map(|Problem { pointer, .. }| pointer).collect()
}

#[test]
fn a_person_is_let_in_once_with_all_roles_and_again_after_being_let_out() {
    let editor = role("editor/shop/staging");
    let events = [granted(), Event::RoleGiven(editor.clone().into())];
    at_home(&[]).when(grant(&["editor/shop/staging"])).then_expect_events(events.to_vec());
    at_home(&events).when(grant(&[])).then_expect_error(MembershipError::AlreadyMember);

    let out = [granted(), Event::RoleGiven(role("owner").into()), Event::Revoked {}];
    at_home(&out).when(grant(&[])).then_expect_events(vec![granted()]);
    let again = after::<Membership>([&out[..], &[granted()]].concat());
    let state = MembershipState::new(organization(), USER, []);
    assert_eq!(again, Membership::Live(state), "roles of before do not come back");
}

#[test]
fn the_first_form_of_the_event_says_one_role_everywhere() {
    let event = Event::Granted {
        organization: organization(),
        user: USER,
        role: Some("owner".parse().unwrap()),
    };
    let member = after::<Membership>([event]);
    assert!(member.is_owner());
    assert_eq!(member.live().unwrap().roles, BTreeSet::from([role("owner")]));
}

#[test]
fn roles_are_given_and_taken_one_by_one_and_twice_is_once() {
    let given_once = [granted(), Event::RoleGiven(role("viewer").into())];
    at_home(&[granted()])
        .when(Command::GiveRole(role("viewer")))
        .then_expect_events(vec![Event::RoleGiven(role("viewer").into())]);
    at_home(&given_once).when(Command::GiveRole(role("viewer"))).then_expect_events(vec![]);
    at_home(&given_once)
        .when(Command::TakeRole(role("viewer")))
        .then_expect_events(vec![Event::RoleTaken(role("viewer").into())]);
    at_home(&given_once).when(Command::TakeRole(role("viewer/shop"))).then_expect_events(vec![]);
}

#[test]
fn what_a_provider_says_and_what_people_gave_are_kept_apart() {
    let says = |roles: &[&str]| Command::ReplaceProviderRoles {
        connection: CONNECTION,
        roles: roles.iter().map(|text| role(text)).collect(),
    };
    let said = |roles: &[&str]| Event::ProviderRolesReplaced {
        connection: CONNECTION,
        roles: roles.iter().map(|text| role(text).into()).collect(),
    };
    let before = [granted(), Event::RoleGiven(role("viewer").into()), said(&["admin"])];
    at_home(&before).when(says(&["admin"])).then_expect_events(vec![]);
    at_home(&before).when(says(&["editor"])).then_expect_events(vec![said(&["editor"])]);
    at_home(&before).when(says(&[])).then_expect_events(vec![said(&[])]);
    at_home(&[granted()]).when(says(&[])).then_expect_events(vec![]);
    at_home(&before).when(Command::TakeRole(role("admin"))).then_expect_events(vec![]);

    let Membership::Live(member) = after([&before[..], &[said(&[])]].concat()) else { panic!() };
    assert_eq!(member.all_roles().collect::<Vec<_>>(), [&role("viewer")]);
}

#[test]
fn only_the_whole_organization_has_owners() {
    let owner_of = |text| after::<Membership>([granted(), Event::RoleGiven(role(text).into())]);
    assert!(owner_of("owner").is_owner());
    assert!(!owner_of("owner/shop").is_owner());
    assert!(!owner_of("admin").is_owner());
    let out =
        after::<Membership>([granted(), Event::RoleGiven(role("owner").into()), Event::Revoked {}]);
    assert!(!out.is_owner());
}

#[test]
fn what_does_not_exist_is_named() {
    let facts = RoleFacts {
        unknown_roles: BTreeSet::from(["chef".parse().unwrap()]),
        unknown_places: BTreeSet::from([role("viewer/nowhere"), role("viewer/shop/nowhere")]),
    };
    let refused =
        |command| pointers(given(facts.clone(), &[]).when(command).inspect_result().unwrap_err());
    assert_eq!(
        refused(grant(&["chef", "editor", "viewer/nowhere", "viewer/shop/nowhere"])),
        ["/roles/0/role", "/roles/2/project", "/roles/3/environment"]
    );
    let homeless =
        RoleAssignment { environment: Some("staging".parse().unwrap()), ..role("viewer") };
    let answer = at_home(&[granted()]).when(Command::GiveRole(homeless)).inspect_result();
    assert_eq!(pointers(answer.unwrap_err()), ["/environment"]);
    let answer = given(facts, &[granted()]).when(Command::GiveRole(role("chef"))).inspect_result();
    assert_eq!(pointers(answer.unwrap_err()), ["/role"]);
}

#[test]
fn there_is_an_end_to_roles() {
    let many: Vec<String> = (0..=ASSIGNMENTS_MAX).map(|i| format!("viewer/p{i}")).collect();
    let all: Vec<&str> = many.iter().map(String::as_str).collect();
    let answer = at_home(&[]).when(grant(&all)).inspect_result();
    assert_eq!(pointers(answer.unwrap_err()), ["/roles"]);
    at_home(&[]).when(grant(&all[1..])).inspect_result().unwrap();
    let mut full = vec![granted()];
    full.extend(many[1..].iter().map(|text| Event::RoleGiven(role(text).into())));
    let answer = at_home(&full).when(Command::GiveRole(role(&many[0]))).inspect_result();
    assert_eq!(pointers(answer.unwrap_err()), [""]);
}

#[test]
fn nobody_is_let_out_who_is_not_in() {
    at_home(&[]).when(Command::Revoke).then_expect_error(MembershipError::NotFound);
    at_home(&[granted()]).when(Command::Revoke).then_expect_events(vec![Event::Revoked {}]);
    let out = [granted(), Event::Revoked {}];
    at_home(&out).when(Command::Revoke).then_expect_events(vec![]);
    at_home(&[granted()]).when(Command::Leave).then_expect_events(vec![Event::Revoked {}]);
    for command in
        [Command::GiveRole(role("viewer")), Command::TakeRole(role("viewer")), Command::Leave]
    {
        at_home(&out).when(command.clone()).then_expect_error(MembershipError::NotFound);
        at_home(&[]).when(command).then_expect_error(MembershipError::NotFound);
    }
}
