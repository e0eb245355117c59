//! Changing a password, and resetting a forgotten one.

use ff_identity::{
    BadPassword, ChangeError, IdentityError, Opened, People, ResetError, SignInError,
};
use futures::future::join_all;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::said;
use crate::world::{ACME, EMAIL, NAME, OTHER_PASSWORD, PASSWORD, World, later, now};

const NEW: &str = "a new one nobody guesses";

async fn lets_in(people: &People, password: &str) -> bool {
    people.sign_in(EMAIL, password.into(), later(3600)).await.is_ok()
}

async fn is_open(people: &People, opened: &Opened) -> bool {
    people.refresh(&opened.refresh, later(10)).await.is_ok()
}

#[tokio::test]
async fn who_knows_the_old_one_changes_it_and_keeps_one_session() {
    let (world, ada) = World::with_ada().await;
    let people = &world.people;
    let (this, other) = (world.open(ada).await, world.open(ada).await);
    people.request_reset(EMAIL, now()).await.unwrap().unwrap();
    let change = |old: &str, new: &str| {
        people.change_password(ada, old.into(), new.into(), Some(this.session), later(1))
    };
    assert!(matches!(change(OTHER_PASSWORD, NEW).await, Err(ChangeError::Wrong)));
    let refused = change(PASSWORD, "ada@example.com").await;
    assert!(matches!(
        refused,
        Err(ChangeError::Failed(IdentityError::BadPassword(BadPassword::IsEmail)))
    ));
    change(PASSWORD, NEW).await.unwrap();
    assert!(lets_in(people, NEW).await && !lets_in(people, PASSWORD).await);
    assert!(is_open(people, &this).await && !is_open(people, &other).await);
    assert_eq!(world.count("resets").await, 0);
    let revoked = people.revocations(now()).await.unwrap();
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0].session, Some(other.session));
}

#[tokio::test]
async fn a_wrong_old_one_counts_as_when_signing_in() {
    let (world, ada) = World::with_ada().await;
    let change = |old: &str| world.people.change_password(ada, old.into(), NEW.into(), None, now());
    let tries = join_all((0..30).map(|_| change(OTHER_PASSWORD))).await;
    let looks = tries.iter().filter(|refused| matches!(refused, Err(ChangeError::Wrong))).count();
    assert_eq!(looks, 10);
    assert!(matches!(change(PASSWORD).await, Err(ChangeError::Locked { .. })));
    let refused = world.people.sign_in(EMAIL, PASSWORD.into(), now()).await;
    assert!(matches!(refused, Err(SignInError::Locked { .. })));
}

#[tokio::test]
async fn who_has_no_password_has_none_to_change() {
    let (world, ada) = World::with_ada().await;
    let managed = world.managed(ACME, EMAIL).await;
    world.people.disable(ada, now()).await.unwrap();
    for user in [ada, managed, Uuid::nil()] {
        let change = world.people.change_password(user, PASSWORD.into(), NEW.into(), None, now());
        assert!(matches!(change.await, Err(ChangeError::NoPassword)));
    }
}

#[tokio::test]
async fn who_gets_the_mail_sets_a_new_one_once() {
    let (world, ada) = World::with_ada().await;
    let (people, opened) = (&world.people, world.open(ada).await);
    for _ in 0..10 {
        let _ = people.sign_in(EMAIL, OTHER_PASSWORD.into(), now()).await;
    }
    let first = people.request_reset(" ADA@example.com", now()).await.unwrap().unwrap();
    let second = people.request_reset(EMAIL, now()).await.unwrap().unwrap();
    assert_eq!((first.user, first.email.as_str()), (ada, EMAIL));
    assert_eq!((first.name.as_deref(), first.expires_at), (Some(NAME), later(3600)));
    assert!(!format!("{first:?}").contains("example"));
    assert!(!world.everything().await.contains(&first.token.expose_secret()["ff_rst_".len()..]));

    let refused = people.reset(&first.token, "too short".into(), later(1)).await;
    assert!(matches!(refused, Err(ResetError::BadPassword(BadPassword::TooShort))));
    assert_eq!(people.reset(&first.token, NEW.into(), later(1)).await.unwrap(), ada);
    for token in [&first.token, &second.token, &opened.refresh, &"".into()] {
        let refused = people.reset(token, PASSWORD.into(), later(2)).await;
        assert!(matches!(refused, Err(ResetError::Unknown)));
    }
    assert!(people.sign_in(EMAIL, NEW.into(), later(3)).await.is_ok(), "not locked any more");
    assert!(!is_open(people, &opened).await);
    assert!(people.revocations(now()).await.unwrap().iter().any(|all| all.session.is_none()));
}

#[tokio::test]
async fn of_many_that_reset_at_once_one_does() {
    let (world, _) = World::with_ada().await;
    let reset = world.people.request_reset(EMAIL, now()).await.unwrap().unwrap();
    let new = |n| format!("{NEW} {n}").into();
    let tries = (0..6).map(|n| world.people.reset(&reset.token, new(n), later(1)));
    let done: Vec<_> = join_all(tries).await.into_iter().map(|done| done.is_ok()).collect();
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    for (n, done) in done.into_iter().enumerate() {
        assert_eq!(lets_in(&world.people, &format!("{NEW} {n}")).await, done);
    }
}

#[tokio::test]
async fn its_time_ends_and_so_does_that_of_who_is_disabled() {
    let (world, ada) = World::with_ada().await;
    let people = &world.people;
    let late = people.request_reset(EMAIL, now()).await.unwrap().unwrap();
    let refused = people.reset(&late.token, NEW.into(), later(3600)).await;
    assert!(matches!(refused, Err(ResetError::Unknown)));
    let reset = people.request_reset(EMAIL, now()).await.unwrap().unwrap();
    people.disable(ada, now()).await.unwrap();
    people.enable(ada).await.unwrap();
    assert!(matches!(
        people.reset(&reset.token, NEW.into(), now()).await,
        Err(ResetError::Unknown)
    ));
    assert!(lets_in(people, PASSWORD).await);
}

#[tokio::test]
async fn three_are_open_at_most_and_nobody_is_as_somebody() {
    let (world, _) = World::with_ada().await;
    world.managed(ACME, "managed@example.com").await;
    for email in [EMAIL, "nobody@example.com", "managed@example.com", "no e-mail", "a@b\0"] {
        let before = world.count("resets").await;
        let asked = join_all((0..8).map(|_| world.people.request_reset(email, now()))).await;
        let made = asked.into_iter().filter_map(|asked| asked.unwrap()).count();
        assert_eq!(made, if email == EMAIL { 3 } else { 0 }, "{email}");
        assert_eq!(world.count("resets").await - before, 3, "{email}");
    }
    // Whoever runs the platform is not kept from it by who has asked.
    let handed_out = world.people.hand_out_reset(EMAIL, now()).await.unwrap().unwrap();
    world.people.reset(&handed_out.token, NEW.into(), now()).await.unwrap();
    assert!(world.people.hand_out_reset("nobody@example.com", now()).await.unwrap().is_none());
    assert!(world.people.request_reset(EMAIL, later(3600)).await.unwrap().is_some());
    world.people.sweep(later(3601)).await.unwrap();
    assert_eq!(world.count("resets").await, 1);
}

/// Time is measured by the bench `sign_in`; here is what it is spent on.
#[tokio::test]
async fn as_much_is_done_for_nobody_who_forgot_a_password_as_for_somebody() {
    let (world, _) = World::with_ada().await;
    let others = world.of_nobody().await;
    let work = async |email: &str| {
        let (hashes, rows) = (world.passwords.computed(), world.count("resets").await);
        said::listen();
        let asked = world.people.request_reset(email, now()).await.unwrap();
        let statements = said::statements();
        let made = world.count("resets").await - rows;
        (asked.is_some(), (world.passwords.computed() - hashes, made, statements))
    };
    // The fourth makes nothing, for whoever it is.
    for nth in 1..=4 {
        let (gets, done) = work(EMAIL).await;
        assert_eq!(gets, nth < 4);
        assert_eq!((done.0, done.1), (0, i64::from(nth < 4)));
        assert!(done.2.iter().any(|statement| statement.contains("WITH")), "{:?}", done.2);
        for email in others {
            assert_eq!(work(email).await, (false, done.clone()), "{email:?}");
        }
    }
}
