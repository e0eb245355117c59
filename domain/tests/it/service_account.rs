//! Service accounts.

use std::collections::BTreeSet;

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use ff_domain::{
    RoleAssignment, ServiceAccount, ServiceAccountCommand as Command, ServiceAccountError,
    ServiceAccountEvent as Event, ServiceAccountState, role::RoleFacts,
};

use crate::fixture::{after, key, organization};

fn role(name: &str) -> RoleAssignment {
    RoleAssignment::everywhere(key(name))
}

fn state(roles: &[&str]) -> ServiceAccountState {
    ServiceAccountState {
        organization: organization(),
        key: key("deploy"),
        name: "Deploy".to_owned(),
        description: String::new(),
        roles: roles.iter().map(|name| role(name)).collect(),
    }
}

fn created(roles: &[&str]) -> Event {
    Event::Created {
        organization: organization(),
        key: key("deploy"),
        name: "Deploy".to_owned(),
        description: String::new(),
        roles: roles.iter().map(|name| role(name).into()).collect(),
    }
}

fn given(events: &[Event]) -> AggregateTestExecutor<ServiceAccount> {
    TestFramework::with(RoleFacts::default()).given(events.to_vec())
}

fn pointers(error: &ServiceAccountError) -> Vec<&str> {
    let ServiceAccountError::Invalid(problems) = error else { panic!("{error}") };
    problems.iter().map(|problem| problem.pointer.as_str()).collect()
}

#[test]
fn it_is_created_once_with_its_roles() {
    given(&[])
        .when(Command::Create(state(&["editor"])))
        .then_expect_events(vec![created(&["editor"])]);
    given(&[created(&[])])
        .when(Command::Create(state(&[])))
        .then_expect_error(ServiceAccountError::AlreadyExists(key("deploy")));
    let live = after::<ServiceAccount>([created(&["editor"])]);
    assert_eq!(live, ServiceAccount::Live(state(&["editor"])));
}

#[test]
fn it_is_never_an_owner_anywhere() {
    let refused =
        |events: &[Event], command| given(events).when(command).inspect_result().unwrap_err();
    let error = refused(&[], Command::Create(state(&["editor", "owner"])));
    assert_eq!(pointers(&error), ["/roles/1/role"]);
    let in_project = RoleAssignment { project: Some(key("shop")), ..role("owner") };
    for owner in [role("owner"), in_project] {
        let error = refused(&[created(&[])], Command::GiveRole(owner));
        assert_eq!(pointers(&error), ["/role"]);
    }
}

#[test]
fn roles_are_given_and_taken() {
    given(&[created(&[])])
        .when(Command::GiveRole(role("admin")))
        .then_expect_events(vec![Event::RoleGiven(role("admin").into())]);
    given(&[created(&["admin"])]).when(Command::GiveRole(role("admin"))).then_expect_events(vec![]);
    given(&[created(&["admin"])])
        .when(Command::TakeRole(role("admin")))
        .then_expect_events(vec![Event::RoleTaken(role("admin").into())]);
    given(&[created(&[])]).when(Command::TakeRole(role("admin"))).then_expect_events(vec![]);
    let facts = RoleFacts { unknown_roles: BTreeSet::from([key("chef")]), ..RoleFacts::default() };
    let answer = TestFramework::<ServiceAccount>::with(facts)
        .given(vec![created(&[])])
        .when(Command::GiveRole(role("chef")));
    assert_eq!(pointers(&answer.inspect_result().unwrap_err()), ["/role"]);
}

#[test]
fn it_is_put_away_and_taken_back_as_it_was() {
    let away = [created(&["editor"]), Event::Archived {}];
    given(&away[..1]).when(Command::Archive).then_expect_events(vec![Event::Archived {}]);
    given(&away).when(Command::Archive).then_expect_events(vec![]);
    given(&away).when(Command::Restore).then_expect_events(vec![Event::Restored {}]);
    given(&away)
        .when(Command::GiveRole(role("admin")))
        .then_expect_error(ServiceAccountError::Archived);
    assert_eq!(after::<ServiceAccount>(away.clone()), ServiceAccount::Archived(state(&["editor"])));
    let back = [&away[..], &[Event::Restored {}]].concat();
    assert_eq!(after::<ServiceAccount>(back), ServiceAccount::Live(state(&["editor"])));
    given(&[]).when(Command::Restore).then_expect_error(ServiceAccountError::NotFound);
}

#[test]
fn its_name_and_description_change() {
    let change = |name: Option<&str>, description: Option<&str>| Command::ChangeDetails {
        name: name.map(str::to_owned),
        description: description.map(str::to_owned),
    };
    given(&[created(&[])]).when(change(Some("Deploy"), Some(""))).then_expect_events(vec![]);
    let events = vec![
        Event::Renamed { name: "D".to_owned() },
        Event::Described { description: "Deploys.".to_owned() },
    ];
    given(&[created(&[])])
        .when(change(Some("D"), Some("Deploys.")))
        .then_expect_events(events.clone());
    let now = after::<ServiceAccount>([&[created(&[])], &events[..]].concat());
    let account = now.state().unwrap();
    assert_eq!((account.name.as_str(), account.description.as_str()), ("D", "Deploys."));
    let error = given(&[created(&[])]).when(change(Some(" "), None)).inspect_result().unwrap_err();
    assert_eq!(pointers(&error), ["/name"]);
}
