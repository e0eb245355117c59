//! Environments.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use ff_domain::{
    Environment, EnvironmentCommand, EnvironmentError, EnvironmentEvent, EnvironmentState,
};

use crate::fixture::{after, key, pointers, project};

const SALT: &str = "00112233445566778899aabbccddeeff";

fn state() -> EnvironmentState {
    EnvironmentState {
        project: project(),
        key: key("prod"),
        name: "Production".to_owned(),
        production: true,
        salt: SALT.to_owned(),
    }
}

fn created() -> EnvironmentEvent {
    EnvironmentEvent::Created(state())
}

fn create(name: &str, salt: &str) -> EnvironmentCommand {
    EnvironmentCommand::Create {
        project: project(),
        key: key("prod"),
        name: name.to_owned(),
        production: true,
        salt: salt.to_owned(),
    }
}

fn change(name: Option<&str>, production: Option<bool>) -> EnvironmentCommand {
    EnvironmentCommand::ChangeDetails { name: name.map(str::to_owned), production }
}

fn given(events: &[EnvironmentEvent]) -> AggregateTestExecutor<Environment> {
    TestFramework::with(()).given(events.to_vec())
}

#[test]
fn it_is_created_once() {
    given(&[]).when(create("Production", SALT)).then_expect_events(vec![created()]);
    for events in [vec![created()], vec![created(), EnvironmentEvent::Archived {}]] {
        let taken = EnvironmentError::AlreadyExists(key("prod"));
        given(&events).when(create("Production", SALT)).then_expect_error(taken);
    }
}

#[test]
fn a_salt_is_32_hexadecimal_characters() {
    for salt in ["", &SALT[1..], &format!("{SALT}0"), "0011223344556677889gaabbccddeeff"] {
        let error = given(&[]).when(create("Production", salt)).inspect_result().unwrap_err();
        let EnvironmentError::Invalid(problems) = error else { panic!("{error:?}") };
        assert_eq!(pointers(&problems), [("/salt", "a salt is 32 hexadecimal characters")]);
    }
}

#[test]
fn details_change_one_by_one() {
    let renamed = EnvironmentEvent::Renamed { name: "Live".to_owned() };
    let staged = EnvironmentEvent::ProductionChanged { production: false };
    given(&[created()])
        .when(change(Some("Live"), Some(false)))
        .then_expect_events(vec![renamed.clone(), staged.clone()]);
    given(&[created()]).when(change(Some("Production"), Some(true))).then_expect_events(vec![]);
    given(&[created()]).when(change(None, Some(false))).then_expect_events(vec![staged.clone()]);
    let error = given(&[created()]).when(change(Some(""), None)).inspect_result().unwrap_err();
    assert_eq!(error.code(), "FF-1124");
    let expected = EnvironmentState { name: "Live".to_owned(), production: false, ..state() };
    assert_eq!(after::<Environment>([created(), renamed, staged]), Environment::Live(expected));
}

#[test]
fn it_goes_to_the_archive_and_comes_back() {
    let archived = [created(), EnvironmentEvent::Archived {}];
    given(&archived[..1])
        .when(EnvironmentCommand::Archive)
        .then_expect_events(vec![EnvironmentEvent::Archived {}]);
    given(&archived).when(EnvironmentCommand::Archive).then_expect_events(vec![]);
    given(&archived)
        .when(change(Some("Live"), None))
        .then_expect_error(EnvironmentError::Archived(key("prod")));
    given(&archived)
        .when(EnvironmentCommand::Restore)
        .then_expect_events(vec![EnvironmentEvent::Restored {}]);
    given(&archived[..1])
        .when(EnvironmentCommand::Restore)
        .then_expect_error(EnvironmentError::NotArchived(key("prod")));
    assert_eq!(after::<Environment>(archived.clone()), Environment::Archived(state()));
    let back = archived.into_iter().chain([EnvironmentEvent::Restored {}]);
    assert_eq!(after::<Environment>(back), Environment::Live(state()));
}

#[test]
fn what_was_never_created_is_not_found() {
    for command in [EnvironmentCommand::Archive, EnvironmentCommand::Restore, change(None, None)] {
        given(&[]).when(command).then_expect_error(EnvironmentError::NotFound);
    }
    assert_eq!(after::<Environment>([EnvironmentEvent::Archived {}]), Environment::Absent);
}
