//! Connections: who may see them, how they change, and that the secret stays where it is.

use ff_identity::oidc::{BeginError, ConnectionError, FinishError, SingleSignOn};
use uuid::Uuid;

use super::{
    hostile::{Hostile, Signer},
    world::{SECRET, World, draft, now, redirect_uri},
};

#[tokio::test]
async fn a_connection_is_made_read_changed_and_deleted() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let (sso, organization) = (&world.sso, world.organization);
    let made = world.connect(&provider.issuer).await;
    assert_eq!((made.version, made.organization), (1, organization));
    assert_eq!(sso.connection(organization, made.id).await.unwrap(), made);
    assert_eq!(sso.connections(organization).await.unwrap(), std::slice::from_ref(&made));

    let mut change = draft(&provider.issuer);
    change.name = "Another".to_owned();
    change.client_secret = None;
    let changed =
        sso.update_connection(organization, made.id, 1, change.clone(), now()).await.unwrap();
    assert_eq!((changed.version, changed.name.as_str()), (2, "Another"));
    // The secret it had is still the one.
    world.log_in(&provider, &changed, |_| ()).await.unwrap();

    let late = sso.update_connection(organization, made.id, 1, change, now()).await;
    assert!(matches!(late, Err(ConnectionError::Changed { current: 2 })));
    let late = sso.delete_connection(organization, made.id, 1).await;
    assert!(matches!(late, Err(ConnectionError::Changed { current: 2 })));
    sso.delete_connection(organization, made.id, 2).await.unwrap();
    let gone = sso.connection(organization, made.id).await;
    assert!(matches!(gone, Err(ConnectionError::NotFound)));
}

#[tokio::test]
async fn of_two_changes_at_once_one_counts() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let made = world.connect(&provider.issuer).await;
    let change = || {
        world.sso.update_connection(world.organization, made.id, 1, draft(&provider.issuer), now())
    };
    let (one, other) = tokio::join!(change(), change());
    let refused = [one, other].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(matches!(refused[..], [ConnectionError::Changed { current: 2 }]), "{refused:?}");
}

#[tokio::test]
async fn other_organizations_do_not_have_it() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let made = world.connect(&provider.issuer).await;
    let (sso, other) = (&world.sso, Uuid::now_v7());
    assert!(sso.connections(other).await.unwrap().is_empty());
    let read = sso.connection(other, made.id).await;
    assert!(matches!(read, Err(ConnectionError::NotFound)));
    let changed = sso.update_connection(other, made.id, 1, draft(&provider.issuer), now()).await;
    assert!(matches!(changed, Err(ConnectionError::NotFound)));
    let deleted = sso.delete_connection(other, made.id, 1).await;
    assert!(matches!(deleted, Err(ConnectionError::NotFound)));
    sso.connection(world.organization, made.id).await.unwrap();
}

#[tokio::test]
async fn a_secret_is_needed_and_sent_to_nobody_it_was_not_entered_for() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let elsewhere = Hostile::start().await;
    let without = |issuer: &str| {
        let mut draft = draft(issuer);
        draft.client_secret = None;
        draft
    };
    let made = world.sso.create_connection(world.organization, without(&provider.issuer), now());
    assert!(matches!(made.await, Err(ConnectionError::SecretNeeded)));

    let made = world.connect(&provider.issuer).await;
    let mut other_client = without(&provider.issuer);
    other_client.client_id = "another".to_owned();
    for draft in [without(&elsewhere.issuer), other_client] {
        let changed = world.sso.update_connection(world.organization, made.id, 1, draft, now());
        assert!(matches!(changed.await, Err(ConnectionError::SecretNeeded)));
    }

    // Not even by who writes to the database.
    sqlx::query("UPDATE identity.connections SET issuer = $1")
        .bind(&elsewhere.issuer)
        .execute(&world.pool)
        .await
        .unwrap();
    let login = world.begin(&made).await;
    let code = elsewhere.hand_out(&login, Signer::ed25519(1).sign(&login.claims(&elsewhere)));
    let refused = world.sso.finish(login.callback(&code), now()).await;
    assert!(matches!(refused, Err(FinishError::Sealed(_))));
}

#[tokio::test]
async fn the_database_does_not_hold_the_secret() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let made = world.connect(&provider.issuer).await;
    let stored: Vec<u8> = sqlx::query_scalar("SELECT client_secret FROM identity.connections")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert!(!stored.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()));
    assert!(!format!("{made:?} {:?}", draft(&provider.issuer)).contains(SECRET));
}

#[tokio::test]
async fn a_short_sealing_key_is_refused() {
    let world = World::new().await;
    let outbound = ff_identity::oidc::Outbound::new(Default::default()).unwrap();
    assert!(SingleSignOn::new(world.pool, &"short".into(), outbound).is_err());
}

#[tokio::test]
async fn a_connection_that_was_switched_off_or_changed_lets_nobody_in() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let connection = world.connect(&provider.issuer).await;
    let update = |version, enabled| {
        let mut draft = draft(&provider.issuer);
        draft.enabled = enabled;
        world.sso.update_connection(world.organization, connection.id, version, draft, now())
    };
    let login = world.begin(&connection).await;
    update(1, true).await.unwrap();
    let changed = world.sso.finish(login.callback("a-code"), now()).await;
    assert!(matches!(changed, Err(FinishError::ConnectionChanged)));

    let login = world.begin(&connection).await;
    update(2, false).await.unwrap();
    let off = world.sso.finish(login.callback("a-code"), now()).await;
    assert!(matches!(off, Err(FinishError::Disabled)));
    let redirect = redirect_uri(connection.id);
    let off = world.sso.begin(connection.id, &redirect, "/", now()).await;
    assert!(matches!(off, Err(BeginError::NoConnection)));
}
