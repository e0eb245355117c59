//! One sealing key is replaced by another, while people come in.

use ff_identity::oidc::{FinishError, Outbound, OutboundOptions, Reach, Resealed, SingleSignOn};

use super::{
    hostile::{Hostile, Signer},
    world::{SEALING_KEY, World, draft, now, redirect_uri},
};

const NEW_KEY: &str = "another sealing key of tests, as long as it";

/// Another process on the same database.
fn process(world: &World, now: &str, before: Option<&str>) -> World {
    let options = OutboundOptions { reach: Reach::Internal, ..OutboundOptions::default() };
    let outbound = Outbound::new(options).unwrap();
    let sso = SingleSignOn::new(world.pool.clone(), &now.into(), outbound).unwrap();
    let sso = match before {
        Some(before) => sso.and_previous(&before.into()).unwrap(),
        None => sso,
    };
    World { sso, pool: world.pool.clone(), organization: world.organization }
}

async fn stored(world: &World) -> Vec<Vec<u8>> {
    sqlx::query_scalar("SELECT client_secret FROM identity.connections ORDER BY id")
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_the_previous_key_sealed_is_opened_and_sealed_anew_when_it_is_written() {
    let (before, provider) = (World::new().await, Hostile::start().await);
    let made = before.connect(&provider.issuer).await;
    let both = process(&before, NEW_KEY, Some(SEALING_KEY));
    let after = process(&before, NEW_KEY, None);
    let refused = after.log_in(&provider, &made, |_| ()).await;
    assert!(matches!(refused, Err(FinishError::Sealed(_))));
    both.log_in(&provider, &made, |_| ()).await.unwrap();

    // The client secret is not entered again.
    let mut change = draft(&provider.issuer);
    change.client_secret = None;
    let changed = both.sso.update_connection(both.organization, made.id, 1, change.clone(), now());
    let changed = changed.await.unwrap();
    after.log_in(&provider, &changed, |_| ()).await.unwrap();
    let once = stored(&both).await;
    both.sso.update_connection(both.organization, made.id, 2, change, now()).await.unwrap();
    assert_eq!(stored(&both).await, once, "what is sealed with the key of now stays");
}

#[tokio::test]
async fn a_login_under_way_ends_under_the_new_key() {
    let (before, provider) = (World::new().await, Hostile::start().await);
    let connection = before.connect(&provider.issuer).await;
    let login = before.begin(&connection).await;
    let code = provider.hand_out(&login, Signer::ed25519(1).sign(&login.claims(&provider)));
    let both = process(&before, NEW_KEY, Some(SEALING_KEY));
    both.sso.reseal().await.unwrap();
    both.sso.finish(login.callback(&code), now()).await.unwrap();
}

#[tokio::test]
async fn all_are_sealed_anew_at_once_and_the_previous_key_can_go() {
    let (before, provider) = (World::new().await, Hostile::start().await);
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(before.connect(&provider.issuer).await);
    }
    let both = process(&before, NEW_KEY, Some(SEALING_KEY));
    connections.push(both.connect(&provider.issuer).await);
    // From two places.
    let other = process(&before, NEW_KEY, Some(SEALING_KEY));
    let (one, other) = tokio::join!(both.sso.reseal(), other.sso.reseal());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((one.anew + other.anew, one.already + other.already), (3, 5));
    assert!(one.lost.is_empty() && other.lost.is_empty());
    let sealed = stored(&both).await;
    let again = both.sso.reseal().await.unwrap();
    assert_eq!(again, Resealed { anew: 0, already: 4, lost: Vec::new() });
    assert_eq!(stored(&both).await, sealed);

    let after = process(&before, NEW_KEY, None);
    for connection in &connections {
        // Nobody sees a difference.
        let read = after.sso.connection(after.organization, connection.id).await.unwrap();
        assert_eq!(read, *connection);
        after.log_in(&provider, connection, |_| ()).await.unwrap();
    }
}

#[tokio::test]
async fn what_neither_key_opens_is_named_and_left_alone() {
    let (world, provider) = (World::new().await, Hostile::start().await);
    let strange = process(&world, "a third sealing key that nobody has any more", None);
    let lost = strange.connect(&provider.issuer).await;
    let kept = world.connect(&provider.issuer).await;
    let both = process(&world, NEW_KEY, Some(SEALING_KEY));
    let sealed = stored(&both).await;
    let resealed = both.sso.reseal().await.unwrap();
    assert_eq!(resealed, Resealed { anew: 1, already: 0, lost: vec![lost.id] });
    assert_eq!(stored(&both).await[0], sealed[0]);
    assert_ne!(stored(&both).await[1], sealed[1]);
    both.log_in(&provider, &kept, |_| ()).await.unwrap();

    // Changing something else of it is not refused, and does not bring the secret back.
    let mut change = draft(&provider.issuer);
    change.client_secret = None;
    both.sso.update_connection(both.organization, lost.id, 1, change, now()).await.unwrap();
    let begun = both.sso.begin(lost.id, &redirect_uri(lost.id), "/", now()).await;
    begun.unwrap();
    assert_eq!(both.sso.reseal().await.unwrap().lost, [lost.id]);
}
