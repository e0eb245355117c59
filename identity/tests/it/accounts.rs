//! Accounts: adding, finding, renaming, keeping out.

use ff_identity::{BadPassword, IdentityError, OpenError, Origin, SignInError};
use futures::future::join_all;
use uuid::Uuid;

use crate::world::{ACME, EMAIL, NAME, OTHER, PASSWORD, World, now};

#[tokio::test]
async fn who_was_added_is_found_by_id_and_by_e_mail() {
    let (world, ada) = World::with_ada().await;
    let person = world.people.find(ada).await.unwrap().unwrap();
    assert_eq!(person.email.as_deref(), Some(EMAIL));
    assert_eq!(person.name.as_deref(), Some(NAME));
    assert!(person.has_password && !person.disabled && !person.erased);
    assert_eq!(person.organization, None);
    for email in [EMAIL, "ada@EXAMPLE.com", " ada@example.com "] {
        assert_eq!(world.people.find_by_email(email).await.unwrap().as_ref(), Some(&person));
    }
    for email in ["", "ada", "bob@example.com", "ada@example.com\0"] {
        assert_eq!(world.people.find_by_email(email).await.unwrap(), None);
    }
    assert_eq!(world.people.find(Uuid::nil()).await.unwrap(), None);
    let found = world.people.find_many(&[ada, Uuid::nil(), ada]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[&ada], person);
    let printed = format!("{person:?}");
    assert!(!printed.contains("Ada") && !printed.contains("example"), "{printed}");
}

#[tokio::test]
async fn what_is_none_is_refused_and_nothing_is_written() {
    let world = World::new().await;
    let create = |email, name, password: &str| world.people.create(email, name, password.into());
    for email in ["", "ada", "ada@example.com\0"] {
        let refused = create(email, NAME, PASSWORD).await;
        assert!(matches!(refused, Err(IdentityError::BadEmail)), "{email:?}");
    }
    for name in ["", " ", "A\0"] {
        let refused = create(EMAIL, name, PASSWORD).await;
        assert!(matches!(refused, Err(IdentityError::BadName)), "{name:?}");
    }
    let refused = create(EMAIL, NAME, "too short").await;
    assert!(matches!(refused, Err(IdentityError::BadPassword(BadPassword::TooShort))));
    assert_eq!(world.count("users").await, 0);
}

#[tokio::test]
async fn an_e_mail_is_taken_once_however_many_ask_at_once() {
    let world = World::new().await;
    let asked = (0..8).map(|n| {
        let email = if n % 2 == 0 { "ada@example.com" } else { "ADA@EXAMPLE.COM" };
        world.people.create(email, NAME, PASSWORD.into())
    });
    let (made, refused): (Vec<_>, Vec<_>) =
        join_all(asked).await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    assert!(refused.iter().all(|refused| matches!(refused, Err(IdentityError::EmailTaken))));
    assert_eq!(world.count("users").await, 1);
}

#[tokio::test]
async fn the_first_owner_is_made_once_and_keeps_the_password() {
    let world = World::new().await;
    let owner = |email, password: &str| world.people.bootstrap_owner(email, NAME, password.into());
    let (one, other) = tokio::join!(owner(EMAIL, "short"), owner(EMAIL, "short"));
    let id = one.unwrap();
    assert_eq!(other.unwrap(), id);
    assert_eq!(owner("ada@example.com", "another").await.unwrap(), id);
    assert!(world.people.sign_in(EMAIL, "short".into(), now()).await.is_ok());
    assert!(world.people.sign_in(EMAIL, "another".into(), now()).await.is_err());
}

#[tokio::test]
async fn people_of_a_provider_share_an_e_mail_with_nobody_of_their_organization() {
    let (world, ada) = World::with_ada().await;
    let managed = world.managed(ACME, EMAIL).await;
    world.managed(OTHER, EMAIL).await;
    assert_eq!(world.people.find_by_email(EMAIL).await.unwrap().unwrap().id, ada);
    let person = world.people.find(managed).await.unwrap().unwrap();
    assert_eq!((person.organization, person.has_password), (Some(ACME), false));
    let again = sqlx::query(
        "INSERT INTO identity.users (id, email, organization) VALUES (gen_random_uuid(), $1, $2)",
    )
    .bind("ADA@example.com")
    .bind(ACME)
    .execute(&world.database.pool)
    .await;
    assert!(again.unwrap_err().as_database_error().unwrap().is_unique_violation());
}

#[tokio::test]
async fn a_new_name_is_the_name() {
    let (world, ada) = World::with_ada().await;
    world.people.rename(ada, " Ada King ").await.unwrap();
    let name = world.people.find(ada).await.unwrap().unwrap().name;
    assert_eq!(name.as_deref(), Some("Ada King"));
    assert!(matches!(world.people.rename(ada, "\0").await, Err(IdentityError::BadName)));
    let nobody = world.people.rename(Uuid::nil(), "A").await;
    assert!(matches!(nobody, Err(IdentityError::Unknown)));
}

#[tokio::test]
async fn who_is_disabled_stays_out_until_enabled() {
    let (world, ada) = World::with_ada().await;
    let (people, opened) = (&world.people, world.open(ada).await);
    people.request_reset(EMAIL, now()).await.unwrap().unwrap();
    people.disable(ada, now()).await.unwrap();
    people.disable(ada, now()).await.unwrap();
    assert!(people.find(ada).await.unwrap().unwrap().disabled);
    assert_eq!(world.count("resets").await, 0);
    assert!(people.list(ada, None, now()).await.unwrap().is_empty());
    assert!(people.refresh(&opened.refresh, now()).await.is_err());
    let refused = people.open(ada, None, Origin::default(), now()).await;
    assert!(matches!(refused, Err(OpenError::Disabled)));
    let refused = people.sign_in(EMAIL, PASSWORD.into(), now()).await;
    assert!(matches!(refused, Err(SignInError::Wrong { .. })));
    assert!(people.request_reset(EMAIL, now()).await.unwrap().is_none());

    people.enable(ada).await.unwrap();
    assert!(people.sign_in(EMAIL, PASSWORD.into(), now()).await.is_ok());
    assert!(people.refresh(&opened.refresh, now()).await.is_err(), "what was closed stays closed");
    for nobody in [people.disable(Uuid::nil(), now()).await, people.enable(Uuid::nil()).await] {
        assert!(matches!(nobody, Err(IdentityError::Unknown)));
    }
}

#[tokio::test]
async fn without_postgres_it_says_so() {
    let (world, ada) = World::with_ada().await;
    world.database.pool.close().await;
    assert!(matches!(world.people.find(ada).await, Err(IdentityError::Unavailable(_))));
    let refused = world.people.sign_in(EMAIL, PASSWORD.into(), now()).await;
    assert!(matches!(refused, Err(SignInError::Failed(IdentityError::Unavailable(_)))));
}

#[tokio::test]
async fn everybody_is_listed_page_by_page() {
    let (world, ada) = World::with_ada().await;
    let mut ids = vec![ada];
    for email in ["bob@example.com", "eve@example.com"] {
        ids.push(world.people.create(email, NAME, PASSWORD.into()).await.unwrap());
    }
    world.people.disable(ids[1], now()).await.unwrap();
    world.people.erase(ids[2], now()).await.unwrap();
    let first = world.people.page(None, 2).await.unwrap();
    let second = world.people.page(Some(first[1].id), 2).await.unwrap();
    let listed: Vec<_> = first.iter().chain(&second).map(|person| person.id).collect();
    ids.sort_unstable();
    assert_eq!((first.len(), listed), (2, ids));
    assert!(second[0].erased && first[1].disabled);
}
