//! Organizations.

use cqrs_es::test::TestFramework;
use ff_domain::{
    Organization, OrganizationCommand, OrganizationError, OrganizationEvent, OrganizationState,
};

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
    TestFramework::with(()).given(events.to_vec())
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
    let state = OrganizationState { key: key("acme"), name: "Other".to_owned() };
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
