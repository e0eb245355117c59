//! Keys.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use ff_domain::{
    ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyEvent, ApiKeyId, ApiKeyState,
    api_key::{ApiKeyFacts, EnvironmentScope, KeyPurpose},
};

use crate::fixture::{after, key, organization, pointers};

fn state() -> ApiKeyState {
    let scope = EnvironmentScope { project: key("shop"), environment: key("prod") };
    ApiKeyState {
        organization: organization(),
        name: "Backend".to_owned(),
        purpose: KeyPurpose::SdkServer(scope),
        hash: "0f".repeat(32),
        prefix: "ff_srv_ab12".to_owned(),
        expires_at: Some("2026-06-01T00:00:00Z".parse().unwrap()),
    }
}

fn given(environment_exists: bool, events: Vec<ApiKeyEvent>) -> AggregateTestExecutor<ApiKey> {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    TestFramework::with(ApiKeyFacts { now, environment_exists }).given(events)
}

#[test]
fn it_is_issued_and_revoked_for_good() {
    let issued = ApiKeyEvent::Issued(state());
    let revoked = ApiKeyEvent::Revoked {};
    given(true, vec![])
        .when(ApiKeyCommand::Issue(state()))
        .then_expect_events(vec![issued.clone()]);
    given(true, vec![issued.clone()])
        .when(ApiKeyCommand::Revoke)
        .then_expect_events(vec![revoked.clone()]);
    let both = vec![issued.clone(), revoked];
    given(true, both.clone()).when(ApiKeyCommand::Revoke).then_expect_events(vec![]);
    for events in [vec![issued], both.clone()] {
        given(true, events)
            .when(ApiKeyCommand::Issue(state()))
            .then_expect_error(ApiKeyError::AlreadyIssued);
    }
    given(true, vec![]).when(ApiKeyCommand::Revoke).then_expect_error(ApiKeyError::NotFound);
    assert_eq!(after::<ApiKey>(both), ApiKey::Revoked(state()));
}

#[test]
fn whoever_holds_it_can_find_it() {
    assert_eq!(state().id(), Some(ApiKeyId::of(organization(), &[15; 32])));
    assert_eq!(ApiKeyState { hash: "0f".repeat(31), ..state() }.id(), None);
}

#[test]
fn each_mistake_is_named() {
    let cases = [
        (true, ApiKeyState { name: String::new(), ..state() }, "/name"),
        (true, ApiKeyState { hash: "xy".repeat(32), ..state() }, "/hash"),
        (
            true,
            ApiKeyState { expires_at: Some("2026-01-01T00:00:00Z".parse().unwrap()), ..state() },
            "/expires_at",
        ),
        (false, state(), "/purpose/environment"),
    ];
    for (environment_exists, key, pointer) in cases {
        let answer = given(environment_exists, vec![]).when(ApiKeyCommand::Issue(key));
        let error = answer.inspect_result().unwrap_err();
        let ApiKeyError::Invalid(problems) = error else { panic!("{error:?}") };
        assert_eq!(pointers(&problems).iter().map(|p| p.0).collect::<Vec<_>>(), [pointer]);
    }
}
