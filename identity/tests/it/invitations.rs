//! Invitations, accepted by somebody new and by somebody who is there.

use ff_identity::{
    Accept, AcceptError, BadPassword, IdentityError, Invited, NewInvitation, People,
};
use futures::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{ACME, EMAIL, NAME, OTHER, PASSWORD, World, later, now};

const WEEK: i64 = 7 * 24 * 60 * 60;
const OLIVE: Uuid = Uuid::from_u128(0x011fe);

fn roles() -> Value {
    json!([{"role": "editor", "at": {"project": "web"}}, {"role": "viewer"}])
}

async fn invite(people: &People, organization: Uuid, email: &str) -> Invited {
    let email = email.to_owned();
    let new = NewInvitation { organization, email, roles: roles(), invited_by: OLIVE };
    people.invite(new, now()).await.unwrap()
}

async fn accept_new(
    people: &People,
    token: &SecretString,
    password: &str,
) -> Result<Uuid, AcceptError> {
    let who = Accept::New { name: NAME.to_owned(), password: password.into() };
    people.accept(token, who, later(60)).await.map(|accepted| accepted.user)
}

async fn accept_signed(
    people: &People,
    token: &SecretString,
    user: Uuid,
) -> Result<(), AcceptError> {
    people.accept(token, Accept::Signed { user }, later(60)).await.map(drop)
}

#[tokio::test]
async fn somebody_new_gets_an_account() {
    let world = World::new().await;
    let people = &world.people;
    let invited = invite(people, ACME, EMAIL).await;
    assert_eq!(invited.expires_at, later(WEEK));
    assert!(!world.everything().await.contains(&invited.token.expose_secret()["ff_inv_".len()..]));
    let look = people.look(&invited.token, now()).await.unwrap().unwrap();
    assert!(!look.has_account);
    assert_eq!((look.invitation.id, look.invitation.email.as_str()), (invited.id, EMAIL));
    assert_eq!((look.invitation.roles.clone(), look.invitation.invited_by), (roles(), OLIVE));
    assert_eq!(people.invitations(ACME).await.unwrap(), std::slice::from_ref(&look.invitation));
    assert!(!format!("{look:?}").contains("example"));

    let refused = accept_new(people, &invited.token, "ADA@example.com").await;
    assert!(matches!(refused, Err(AcceptError::BadPassword(BadPassword::IsEmail))));
    let who = Accept::New { name: "A\0".to_owned(), password: PASSWORD.into() };
    let refused = people.accept(&invited.token, who, now()).await;
    assert!(matches!(refused, Err(AcceptError::Failed(IdentityError::BadName))));

    let who = Accept::New { name: NAME.to_owned(), password: PASSWORD.into() };
    let accepted = people.accept(&invited.token, who, later(60)).await.unwrap();
    assert_eq!((accepted.organization, accepted.invitation), (ACME, invited.id));
    assert_eq!((accepted.roles, accepted.invited_by), (roles(), OLIVE));
    let person = people.sign_in(EMAIL, PASSWORD.into(), later(61)).await.unwrap();
    assert_eq!((person.id, person.name.as_deref()), (accepted.user, Some(NAME)));

    assert!(people.invitations(ACME).await.unwrap().is_empty());
    assert!(people.look(&invited.token, later(61)).await.unwrap().is_none());
    let again = accept_signed(people, &invited.token, person.id).await;
    assert!(matches!(again, Err(AcceptError::Unknown)));
}

#[tokio::test]
async fn of_many_that_accept_at_once_one_does() {
    let world = World::new().await;
    let invited = invite(&world.people, ACME, EMAIL).await;
    let tries = join_all((0..6).map(|_| accept_new(&world.people, &invited.token, PASSWORD))).await;
    assert_eq!(tries.iter().filter(|done| done.is_ok()).count(), 1);
    assert_eq!(world.count("users").await, 1);
}

#[tokio::test]
async fn who_has_an_account_accepts_signed_in_with_the_invited_e_mail() {
    let (world, ada) = World::with_ada().await;
    let people = &world.people;
    let bob = people.create("bob@example.com", "Bob", PASSWORD.into()).await.unwrap();
    let invited = invite(people, ACME, "ADA@example.com").await;
    assert!(people.look(&invited.token, now()).await.unwrap().unwrap().has_account);
    let refused = accept_new(people, &invited.token, PASSWORD).await;
    assert!(matches!(refused, Err(AcceptError::EmailTaken)));
    let refused = accept_signed(people, &invited.token, bob).await;
    assert!(matches!(refused, Err(AcceptError::OtherEmail)));
    let refused = accept_signed(people, &invited.token, Uuid::nil()).await;
    assert!(matches!(refused, Err(AcceptError::Failed(IdentityError::Unknown))));
    people.disable(ada, now()).await.unwrap();
    let refused = accept_signed(people, &invited.token, ada).await;
    assert!(matches!(refused, Err(AcceptError::Disabled)));
    people.enable(ada).await.unwrap();
    accept_signed(people, &invited.token, ada).await.unwrap();
}

#[tokio::test]
async fn somebody_of_a_provider_accepts_for_their_organization_alone() {
    let world = World::new().await;
    let managed = world.managed(ACME, EMAIL).await;
    let (own, other) =
        (invite(&world.people, ACME, EMAIL).await, invite(&world.people, OTHER, EMAIL).await);
    let refused = accept_signed(&world.people, &other.token, managed).await;
    assert!(matches!(refused, Err(AcceptError::OtherOrganization)));
    accept_signed(&world.people, &own.token, managed).await.unwrap();
    // Somebody else has this e-mail outside, and is not in the way of the other invitation.
    accept_new(&world.people, &other.token, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn what_could_not_be_finished_is_opened_again() {
    let world = World::new().await;
    let people = &world.people;
    let invited = invite(people, ACME, EMAIL).await;
    assert!(!people.reopen(invited.id).await.unwrap(), "nobody has accepted it");
    let ada = accept_new(people, &invited.token, PASSWORD).await.unwrap();
    assert!(people.reopen(invited.id).await.unwrap());
    let refused = accept_new(people, &invited.token, PASSWORD).await;
    assert!(matches!(refused, Err(AcceptError::EmailTaken)));
    accept_signed(people, &invited.token, ada).await.unwrap();
    assert!(!people.reopen(Uuid::nil()).await.unwrap());
}

#[tokio::test]
async fn a_second_one_takes_the_place_of_the_first() {
    let world = World::new().await;
    let people = &world.people;
    let first = invite(people, ACME, EMAIL).await;
    let elsewhere = invite(people, OTHER, EMAIL).await;
    let second = invite(people, ACME, "ADA@EXAMPLE.COM").await;
    assert!(people.look(&first.token, now()).await.unwrap().is_none());
    let open = people.invitations(ACME).await.unwrap();
    assert_eq!(open.iter().map(|open| open.id).collect::<Vec<_>>(), [second.id]);
    assert!(people.look(&elsewhere.token, now()).await.unwrap().is_some());

    accept_new(people, &second.token, PASSWORD).await.unwrap();
    let third = invite(people, ACME, EMAIL).await;
    assert!(people.look(&third.token, now()).await.unwrap().unwrap().has_account);
}

#[tokio::test]
async fn its_time_ends_and_its_organization_takes_it_back() {
    let world = World::new().await;
    let people = &world.people;
    let invited = invite(people, ACME, EMAIL).await;
    assert!(people.look(&invited.token, later(WEEK)).await.unwrap().is_none());
    let who = Accept::New { name: NAME.to_owned(), password: PASSWORD.into() };
    let refused = people.accept(&invited.token, who, later(WEEK)).await;
    assert!(matches!(refused, Err(AcceptError::Unknown)));

    assert!(!people.withdraw(OTHER, invited.id).await.unwrap());
    assert!(people.withdraw(ACME, invited.id).await.unwrap());
    assert!(!people.withdraw(ACME, invited.id).await.unwrap());
    assert!(people.look(&invited.token, now()).await.unwrap().is_none());
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused() {
    let world = World::new().await;
    let new = |email: &str, roles| NewInvitation {
        organization: ACME,
        email: email.to_owned(),
        roles,
        invited_by: OLIVE,
    };
    let refused = world.people.invite(new("a@b\0", roles()), now()).await;
    assert!(matches!(refused, Err(IdentityError::BadEmail)));
    let refused = world.people.invite(new(EMAIL, json!({"role": "a\0"})), now()).await;
    assert!(matches!(refused, Err(IdentityError::BadRoles)));
    assert_eq!(world.count("invitations").await, 0);
}

#[tokio::test]
async fn those_of_long_ago_are_swept() {
    let world = World::new().await;
    let accepted = invite(&world.people, ACME, EMAIL).await;
    accept_new(&world.people, &accepted.token, PASSWORD).await.unwrap();
    invite(&world.people, ACME, "bob@example.com").await;
    world.people.sweep(later(WEEK)).await.unwrap();
    assert_eq!(world.people.invitations(ACME).await.unwrap().len(), 1);
    assert_eq!(world.count("invitations").await, 1);
    world.people.sweep(later(WEEK + 31 * 24 * 3600)).await.unwrap();
    assert_eq!(world.count("invitations").await, 0);
}
