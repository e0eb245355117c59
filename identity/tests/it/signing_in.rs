//! Signing in, and being locked out.

use ff_identity::{People, SignInError};
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::said;
use crate::world::{ACME, EMAIL, OTHER_PASSWORD, PASSWORD, World, later, now};

const NOBODY: &str = "nobody@example.com";

async fn wrong(people: &People, email: &str, at: Timestamp) -> Option<Timestamp> {
    match people.sign_in(email, OTHER_PASSWORD.into(), at).await {
        Err(SignInError::Wrong { .. }) => None,
        Err(SignInError::Locked { until, .. }) => Some(until),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_password_lets_in_and_nothing_else_does() {
    let (world, ada) = World::with_ada().await;
    for email in [EMAIL, " ada@example.com"] {
        let person = world.people.sign_in(email, PASSWORD.into(), now()).await.unwrap();
        assert_eq!(person.id, ada);
    }
    for (email, password) in [
        (EMAIL, OTHER_PASSWORD),
        (EMAIL, ""),
        (EMAIL, "correct horse battery staple\0"),
        (NOBODY, PASSWORD),
        ("", PASSWORD),
        ("ada@example.com\0", PASSWORD),
    ] {
        let refused = world.people.sign_in(email, password.into(), now()).await;
        assert!(matches!(refused, Err(SignInError::Wrong { .. })), "{email:?}");
    }
}

#[tokio::test]
async fn somebody_of_a_provider_has_no_password_to_sign_in_with() {
    let world = World::new().await;
    world.managed(ACME, EMAIL).await;
    assert_eq!(wrong(&world.people, EMAIL, now()).await, None);
}

#[tokio::test]
async fn ten_wrong_ones_lock_whether_somebody_has_the_e_mail_or_not() {
    let (world, _) = World::with_ada().await;
    let people = &world.people;
    for email in [EMAIL, NOBODY] {
        for n in 0..10 {
            assert_eq!(wrong(people, email, later(n)).await, None, "{email} {n}");
        }
        let until = wrong(people, &email.to_uppercase(), later(10)).await.unwrap();
        assert_eq!(until, later(9) + SignedDuration::from_mins(15));
        let right = people.sign_in(email, PASSWORD.into(), later(11)).await;
        assert!(matches!(right, Err(SignInError::Locked { until: same, .. }) if same == until));
    }
    assert_eq!(wrong(people, "bob@example.com", now()).await, None, "it is about one e-mail");
    assert!(people.sign_in(EMAIL, PASSWORD.into(), later(9 + 15 * 60)).await.is_ok());
}

#[tokio::test]
async fn the_right_one_makes_the_wrong_ones_forgotten() {
    let (world, _) = World::with_ada().await;
    for _ in 0..3 {
        for n in 0..9 {
            assert_eq!(wrong(&world.people, EMAIL, later(n)).await, None);
        }
        world.people.sign_in(EMAIL, PASSWORD.into(), later(9)).await.unwrap();
    }
    assert_eq!(world.count("lockouts").await, 0);
}

#[tokio::test]
async fn thirty_at_once_get_ten_looks() {
    let (world, _) = World::with_ada().await;
    for email in [EMAIL, NOBODY] {
        let tries = (0..30).map(|_| wrong(&world.people, email, now()));
        let tries = join_all(tries).await;
        assert_eq!(tries.iter().filter(|locked| locked.is_none()).count(), 10, "{email}");
    }
}

#[tokio::test]
async fn state_that_cannot_be_read_locks_nobody_out() {
    let (world, _) = World::with_ada().await;
    assert_eq!(wrong(&world.people, EMAIL, now()).await, None);
    let broken = "UPDATE identity.lockouts SET state = '[1]'";
    sqlx::query(broken).execute(&world.database.pool).await.unwrap();
    assert!(world.people.sign_in(EMAIL, PASSWORD.into(), now()).await.is_ok());
}

#[tokio::test]
async fn wrong_ones_of_long_ago_are_swept() {
    let (world, _) = World::with_ada().await;
    wrong(&world.people, EMAIL, now()).await;
    wrong(&world.people, NOBODY, later(3600)).await;
    world.people.sweep(later(24 * 3600 + 1)).await.unwrap();
    assert_eq!(world.count("lockouts").await, 1);
}

/// Time is measured by the bench `sign_in`; here is what it is spent on.
#[tokio::test]
async fn as_much_is_done_for_who_cannot_come_in_as_for_a_wrong_password() {
    let (world, _) = World::with_ada().await;
    let work = async |email: &str, at: Timestamp| {
        let before = world.passwords.computed();
        said::listen();
        wrong(&world.people, email, at).await;
        (world.passwords.computed() - before, said::statements())
    };
    let others = world.of_nobody().await;
    let (hashes, statements) = work(EMAIL, now()).await;
    assert_eq!(hashes, 1);
    assert!(statements.iter().any(|statement| statement.contains("lockouts")), "{statements:?}");
    assert!(statements.iter().any(|statement| statement.contains("SELECT")), "{statements:?}");
    for email in others {
        assert_eq!(work(email, now()).await, (hashes, statements.clone()), "{email:?}");
    }

    // The answer says that it is locked; it takes as long whoever it is about.
    for email in [EMAIL].into_iter().chain(others) {
        while wrong(&world.people, email, now()).await.is_none() {}
    }
    let locked = work(EMAIL, now()).await;
    assert_eq!(locked.0, 0, "a password that is not looked at costs nothing");
    for email in others {
        assert_eq!(work(email, now()).await, locked, "{email:?}");
    }
}
