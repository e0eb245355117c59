//! Organizations.

use std::collections::{BTreeMap, BTreeSet};

use cqrs_es::test::TestFramework;
use ff_domain::{
    Organization, OrganizationCommand, OrganizationError, OrganizationEvent, OrganizationState,
    RoleDefinition, UserId,
    organization::OrganizationFacts,
    role::{BUILT_IN, CUSTOM_ROLES_MAX},
};
use uuid::Uuid;

use crate::fixture::{after, key, pointers};

fn created() -> OrganizationEvent {
    OrganizationEvent::Created { key: key("acme"), name: "Acme".to_owned() }
}

fn create(name: &str) -> OrganizationCommand {
    OrganizationCommand::Create { key: key("acme"), name: name.to_owned() }
}

fn rename(name: &str) -> OrganizationCommand {
    OrganizationCommand::Rename { name: name.to_owned() }
}

fn given(events: &[OrganizationEvent]) -> cqrs_es::test::AggregateTestExecutor<Organization> {
    TestFramework::with(OrganizationFacts::default()).given(events.to_vec())
}

#[test]
fn it_is_created_once() {
    given(&[]).when(create("Acme")).then_expect_events(vec![created()]);
    let taken = OrganizationError::AlreadyExists(key("acme"));
    given(&[created()]).when(create("Acme")).then_expect_error(taken);
}

#[test]
fn it_is_renamed() {
    let renamed = OrganizationEvent::Renamed { name: "Other".to_owned() };
    given(&[created()]).when(rename("Other")).then_expect_events(vec![renamed.clone()]);
    given(&[created()]).when(rename("Acme")).then_expect_events(vec![]);
    given(&[]).when(rename("Other")).then_expect_error(OrganizationError::NotFound);
    let state = OrganizationState {
        key: key("acme"),
        name: "Other".to_owned(),
        owners: BTreeSet::new(),
        roles: BTreeMap::new(),
    };
    assert_eq!(after::<Organization>([created(), renamed]), Organization::Live(state));
}

#[test]
fn a_blank_name_is_refused() {
    for (events, command) in [(vec![], create(" ")), (vec![created()], rename(""))] {
        let error = given(&events).when(command).inspect_result().unwrap_err();
        let OrganizationError::Invalid(problems) = &error else { panic!("{error:?}") };
        assert_eq!(pointers(problems), [("/name", "a name is not blank")]);
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            ("FF-1102", "/name: a name is not blank")
        );
    }
}

fn role(permissions: &[&str]) -> RoleDefinition {
    RoleDefinition {
        name: "Release manager".to_owned(),
        description: String::new(),
        permissions: permissions.iter().map(|name| (*name).to_owned()).collect(),
    }
}

fn defined(name: &str, role: RoleDefinition) -> OrganizationEvent {
    OrganizationEvent::RoleDefined { key: key(name), role }
}

#[test]
fn a_role_is_made_changed_and_removed() {
    let create = |role| OrganizationCommand::CreateRole { key: key("release"), role };
    let replace = |role| OrganizationCommand::ReplaceRole { key: key("release"), role };
    let remove = || OrganizationCommand::RemoveRole { key: key("release") };
    let (one, other) = (role(&["flag.toggle"]), role(&["flag.read", "flag.toggle"]));
    let not_found = || OrganizationError::RoleNotFound(key("release"));
    let has = [created(), defined("release", one.clone())];

    given(&[created()]).when(create(one.clone())).then_expect_events(vec![has[1].clone()]);
    given(&has)
        .when(create(other.clone()))
        .then_expect_error(OrganizationError::RoleExists(key("release")));
    given(&has).when(replace(one.clone())).then_expect_events(vec![]);
    given(&has)
        .when(replace(other.clone()))
        .then_expect_events(vec![defined("release", other.clone())]);
    given(&[created()]).when(replace(other)).then_expect_error(not_found());
    let removed = OrganizationEvent::RoleRemoved { key: key("release") };
    given(&has).when(remove()).then_expect_events(vec![removed.clone()]);
    given(&[has[0].clone(), has[1].clone(), removed]).when(remove()).then_expect_error(not_found());
    given(&[]).when(create(one)).then_expect_error(OrganizationError::NotFound);
}

#[test]
fn a_role_has_a_key_of_its_own_and_permissions_that_exist() {
    let refused = |events: &[OrganizationEvent], facts, command| {
        let answer =
            TestFramework::<Organization>::with(facts).given(events.to_vec()).when(command);
        let OrganizationError::Invalid(problems) = answer.inspect_result().unwrap_err() else {
            panic!()
        };
        problems.into_iter().map(|problem| problem.pointer).collect::<Vec<_>>()
    };
    for name in BUILT_IN.into_iter().chain(["Owner", "VIEWER"]) {
        let command = OrganizationCommand::CreateRole { key: key(name), role: role(&[]) };
        assert_eq!(refused(&[created()], OrganizationFacts::default(), command), ["/key"]);
    }
    let facts = OrganizationFacts { unknown_permissions: BTreeSet::from(["z.explode".to_owned()]) };
    let unnamed = RoleDefinition { name: " ".to_owned(), ..role(&["flag.read", "z.explode"]) };
    let command = OrganizationCommand::CreateRole { key: key("a"), role: unnamed };
    assert_eq!(refused(&[created()], facts, command), ["/name", "/permissions/1"]);

    let mut full = vec![created()];
    full.extend((0..CUSTOM_ROLES_MAX).map(|i| defined(&format!("r{i}"), role(&[]))));
    let command = OrganizationCommand::CreateRole { key: key("a"), role: role(&[]) };
    assert_eq!(refused(&full, OrganizationFacts::default(), command), ["/key"]);
}

#[test]
fn there_is_always_an_owner() {
    let (ann, bob) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
    let added = |user| OrganizationEvent::OwnerAdded { user };
    let add = |user| OrganizationCommand::AddOwner { user };
    let remove = |user| OrganizationCommand::RemoveOwner { user };
    given(&[created()]).when(add(ann)).then_expect_events(vec![added(ann)]);
    given(&[created(), added(ann)]).when(add(ann)).then_expect_events(vec![]);
    let last = || OrganizationError::LastOwner;
    given(&[created(), added(ann)]).when(remove(ann)).then_expect_error(last());
    let both = [created(), added(ann), added(bob)];
    let removed = OrganizationEvent::OwnerRemoved { user: ann };
    given(&both).when(remove(ann)).then_expect_events(vec![removed.clone()]);
    let alone = [&both[..], &[removed]].concat();
    given(&alone).when(remove(bob)).then_expect_error(last());
    given(&alone).when(remove(ann)).then_expect_events(vec![]);
    // Organizations of the first months do not know their owners: none of them can be the last by mistake.
    given(&[created()]).when(remove(ann)).then_expect_error(last());
}
