//! Keys.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use ff_domain::{
    ApiKey, ApiKeyCommand, ApiKeyError, ApiKeyEvent, ApiKeyId, ApiKeyState, UserId,
    api_key::{
        ApiKeyFacts, EnvironmentScope, KeyPurpose, Replaces, SCOPES_MAX, TokenRole, TokenScope,
    },
};
use uuid::Uuid;

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
        replaces: None,
        replaced_by: None,
    }
}

const ANN: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));

fn given(environment_exists: bool, events: Vec<ApiKeyEvent>) -> AggregateTestExecutor<ApiKey> {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let missing = if environment_exists { vec![] } else { vec!["/environment".to_owned()] };
    TestFramework::with(ApiKeyFacts { now, missing }).given(events)
}

fn personal(scopes: &[TokenScope]) -> ApiKeyState {
    let purpose = KeyPurpose::PersonalToken { owner: ANN, scopes: scopes.to_vec() };
    ApiKeyState { purpose, ..state() }
}

#[test]
fn one_takes_the_place_of_another_which_goes_on_for_a_while() {
    let until = "2026-01-02T00:00:00Z".parse().unwrap();
    let instead = |until| {
        let key = ApiKeyId(Uuid::from_u128(3));
        ApiKeyState { replaces: Some(Replaces { key, until }), ..state() }
    };
    given(true, vec![])
        .when(ApiKeyCommand::Issue(instead(until)))
        .then_expect_events(vec![ApiKeyEvent::Issued(instead(until))]);
    let yesterday = "2025-12-31T00:00:00Z".parse().unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    given(true, vec![])
        .when(ApiKeyCommand::Issue(instead(yesterday)))
        .then_expect_events(vec![ApiKeyEvent::Issued(instead(now))]);

    let by = ApiKeyId(Uuid::from_u128(4));
    let replace = |until, purpose| ApiKeyCommand::Replace { by, purpose, until };
    let issued = || vec![ApiKeyEvent::Issued(state())];
    let replaced = |expires_at| ApiKeyEvent::Replaced { by, expires_at };
    given(true, issued())
        .when(replace(until, state().purpose))
        .then_expect_events(vec![replaced(until)]);
    // It never lives longer than it would have.
    let later = "2027-01-01T00:00:00Z".parse().unwrap();
    given(true, issued())
        .when(replace(later, state().purpose))
        .then_expect_events(vec![replaced(state().expires_at.unwrap())]);
    given(true, issued())
        .when(replace(until, personal(&[]).purpose))
        .then_expect_error(ApiKeyError::NotFound);
    let revoked = vec![ApiKeyEvent::Issued(state()), ApiKeyEvent::Revoked {}];
    given(true, revoked).when(replace(until, state().purpose)).then_expect_error(ApiKeyError::Over);
    let past = ApiKeyState { expires_at: Some("2026-01-01T00:00:00Z".parse().unwrap()), ..state() };
    given(true, vec![ApiKeyEvent::Issued(past)])
        .when(replace(until, state().purpose))
        .then_expect_error(ApiKeyError::Over);
    let ApiKey::Live(now) = after(vec![ApiKeyEvent::Issued(state()), replaced(until)]) else {
        panic!()
    };
    assert_eq!((now.expires_at, now.replaced_by), (Some(until), Some(by)));
    // Nobody says of a new key that another has taken its place.
    let odd = ApiKeyState { replaced_by: Some(by), ..state() };
    given(true, vec![])
        .when(ApiKeyCommand::Issue(odd))
        .then_expect_events(vec![ApiKeyEvent::Issued(state())]);
}

#[test]
fn people_revoke_their_own_tokens_and_nothing_else() {
    let mine = || vec![ApiKeyEvent::Issued(personal(&[TokenScope::everywhere(TokenRole::Viewer)]))];
    given(true, mine())
        .when(ApiKeyCommand::RevokeOwn(ANN))
        .then_expect_events(vec![ApiKeyEvent::Revoked {}]);
    given(true, mine())
        .when(ApiKeyCommand::RevokeOwn(BOB))
        .then_expect_error(ApiKeyError::NotFound);
    given(true, vec![ApiKeyEvent::Issued(state())])
        .when(ApiKeyCommand::RevokeOwn(ANN))
        .then_expect_error(ApiKeyError::NotFound);
}

#[test]
fn a_token_says_what_it_is_for() {
    let homeless =
        TokenScope { environment: Some(key("prod")), ..TokenScope::everywhere(TokenRole::Viewer) };
    let many = vec![TokenScope::everywhere(TokenRole::Viewer); SCOPES_MAX + 1];
    for (scopes, pointer) in
        [(vec![], "/purpose/scopes"), (many, "/purpose/scopes"), (vec![homeless], "/purpose")]
    {
        let answer = given(true, vec![]).when(ApiKeyCommand::Issue(personal(&scopes)));
        let ApiKeyError::Invalid(problems) = answer.inspect_result().unwrap_err() else { panic!() };
        assert_eq!(pointers(&problems).iter().map(|p| p.0).collect::<Vec<_>>(), [pointer]);
    }
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
