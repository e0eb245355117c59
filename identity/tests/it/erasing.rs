//! Erasing a person leaves nothing but the id.

use ff_identity::{Accept, IdentityError, NewInvitation, OpenError, Origin};
use serde_json::json;
use uuid::Uuid;

use crate::world::{ACME, OTHER, PASSWORD, World, later, now};

const EMAIL: &str = "Canary.Zebra@example.com";
const NAME: &str = "Canary Zebra";
const BYSTANDER: &str = "bystander@example.com";

async fn invite(world: &World, organization: Uuid, email: &str) {
    let (email, roles, invited_by) = (email.to_owned(), json!([]), Uuid::from_u128(1));
    let new = NewInvitation { organization, email, roles, invited_by };
    world.people.invite(new, now()).await.unwrap();
}

/// Somebody with a row in every table.
async fn somebody(world: &World) -> Uuid {
    let people = &world.people;
    let email = EMAIL.to_owned();
    let (roles, invited_by) = (json!([]), Uuid::from_u128(1));
    let new = NewInvitation { organization: ACME, email, roles, invited_by };
    let invited = people.invite(new, now()).await.unwrap();
    let who = Accept::New { name: NAME.to_owned(), password: PASSWORD.into() };
    let user = people.accept(&invited.token, who, now()).await.unwrap().user;
    invite(world, OTHER, &EMAIL.to_uppercase()).await;
    let address = Some("192.0.2.99".parse().unwrap());
    let origin = Origin { address, agent: Some("CanaryBrowser".to_owned()) };
    people.open(user, None, origin, now()).await.unwrap();
    let _ = people.sign_in(EMAIL, "wrong".into(), now()).await;
    people.request_reset(EMAIL, now()).await.unwrap().unwrap();
    user
}

#[tokio::test]
async fn nothing_is_left_but_the_id() {
    let world = World::new().await;
    let bystander = world.people.create(BYSTANDER, "Bystander", PASSWORD.into()).await.unwrap();
    let user = somebody(&world).await;
    invite(&world, OTHER, BYSTANDER).await;
    let before = world.everything().await.to_lowercase();
    for marker in ["canary.zebra@", "canary zebra", "192.0.2.99", "canarybrowser"] {
        assert!(before.contains(marker), "{marker}");
    }
    let people = &world.people;
    people.erase(user, later(1)).await.unwrap();

    let after = world.everything().await;
    for marker in ["canary", "zebra", "192.0.2.99"] {
        assert!(!after.to_lowercase().contains(marker), "{marker} in {after}");
    }
    for (table, rows) in [
        ("users", 2),
        ("sessions", 0),
        ("refresh_tokens", 0),
        ("resets", 0),
        ("lockouts", 0),
        ("invitations", 1),
        ("external_identities", 0),
    ] {
        assert_eq!(world.count(table).await, rows, "{table}");
    }
    let person = people.find(user).await.unwrap().unwrap();
    assert!(person.erased && person.disabled && !person.has_password);
    assert_eq!((person.email, person.name), (None, None));
    let revoked = people.revocations(now()).await.unwrap();
    assert_eq!(revoked.iter().filter(|one| one.user == user).count(), 2, "its session, and all");
    assert!(!people.find(bystander).await.unwrap().unwrap().erased);
}

#[tokio::test]
async fn erasing_again_changes_nothing_and_nothing_brings_them_back() {
    let world = World::new().await;
    let user = somebody(&world).await;
    let people = &world.people;
    people.erase(user, later(1)).await.unwrap();
    let once = world.everything().await;
    people.erase(user, later(2)).await.unwrap();
    assert_eq!(world.everything().await, once);

    assert!(matches!(people.enable(user).await, Err(IdentityError::Unknown)));
    assert!(matches!(people.rename(user, "A").await, Err(IdentityError::Unknown)));
    let refused = people.open(user, None, Origin::default(), later(3)).await;
    assert!(matches!(refused, Err(OpenError::Disabled)));
    assert!(matches!(people.erase(Uuid::nil(), now()).await, Err(IdentityError::Unknown)));
    let again = people.create(EMAIL, NAME, PASSWORD.into()).await.unwrap();
    assert_ne!(again, user);
}

#[tokio::test]
async fn somebody_of_a_provider_takes_along_what_is_of_their_organization() {
    let world = World::new().await;
    let own = world.people.create(EMAIL, NAME, PASSWORD.into()).await.unwrap();
    let managed = world.managed(ACME, EMAIL).await;
    invite(&world, ACME, EMAIL).await;
    invite(&world, OTHER, EMAIL).await;
    world.people.erase(managed, now()).await.unwrap();
    assert!(world.people.invitations(ACME).await.unwrap().is_empty());
    assert_eq!(world.people.invitations(OTHER).await.unwrap().len(), 1);
    let person = world.people.find(managed).await.unwrap().unwrap();
    assert_eq!((person.organization, person.erased), (Some(ACME), true));
    assert!(!world.people.find(own).await.unwrap().unwrap().erased);
}
