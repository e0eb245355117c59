//! What a service knows of closed sessions, through an outage of Postgres.

use std::time::Duration;

use ff_identity::{Origin, Revocations, revocations::follow};
use ff_projections::migrate::migrate_up;
use ff_testkit::eventually;
use jiff::{SignedDuration, Timestamp};
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::CancellationToken;
use tracing::Level;

use crate::said;
use crate::world::{self, EMAIL, NAME, PASSWORD, World, later, now};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn they_are_read_from_a_time_on() {
    let (world, ada) = World::with_ada().await;
    let (one, other) = (world.open(ada).await, world.open(ada).await);
    world.people.close(ada, one.session, later(10)).await.unwrap();
    world.people.close_all(ada, later(20)).await.unwrap();
    let all = world.people.revocations(now()).await.unwrap();
    let said: Vec<_> = all.iter().map(|revocation| (revocation.session, revocation.at)).collect();
    assert_eq!(said.len(), 3);
    for expected in
        [(Some(one.session), later(10)), (Some(other.session), later(20)), (None, later(20))]
    {
        assert!(said.contains(&expected), "{expected:?} in {said:?}");
    }
    assert_eq!(world.people.revocations(later(11)).await.unwrap().len(), 2);
    world.people.sweep(later(3600 + 15)).await.unwrap();
    assert_eq!(world.people.revocations(now()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_service_learns_of_them_and_keeps_them_through_an_outage() {
    let mut server = ff_testkit::postgres::dedicated().await;
    migrate_up(&server.pool).await.unwrap();
    // One that gives up soon while there is no server.
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_millis(500));
    let people = world::people(pool.connect(&server.url).await.unwrap());
    let ada = people.create(EMAIL, NAME, PASSWORD.into()).await.unwrap();
    let now = Timestamp::now();
    let open = || people.open(ada, None, Origin::default(), now);
    let (one, other) = (open().await.unwrap(), open().await.unwrap());
    // So long ago that its tokens have expired.
    let old = now - SignedDuration::from_mins(21);
    let forgotten = open().await.unwrap();
    people.close(ada, forgotten.session, old).await.unwrap();

    let (set, shutdown) = (Revocations::default(), CancellationToken::new());
    assert!(!set.is_loaded());
    let following = tokio::spawn(follow(people.clone(), set.clone(), shutdown.clone()));
    let loaded = || async { set.is_loaded().then_some(()) };
    eventually(SOON, loaded).await;
    let is_dead = |session| set.is_revoked(ada, Some(session), now);
    assert!(!is_dead(one.session) && !is_dead(other.session) && !is_dead(forgotten.session));

    people.close(ada, one.session, Timestamp::now()).await.unwrap();
    eventually(SOON, || async { is_dead(one.session).then_some(()) }).await;
    assert!(!is_dead(other.session));

    server.kill().await;
    while people.find(ada).await.is_ok() {}
    assert!(is_dead(one.session), "what is known stays known");
    server.start().await;
    let close = || async { people.close(ada, other.session, Timestamp::now()).await.ok() };
    assert!(eventually(SOON, close).await);
    eventually(SOON, || async { is_dead(other.session).then_some(()) }).await;
    shutdown.cancel();
    following.await.unwrap();
}

/// On one thread, so that everything is said where it is looked for.
#[tokio::test]
async fn an_outage_is_one_warning_and_its_end_another_line() {
    let mut server = ff_testkit::postgres::dedicated().await;
    migrate_up(&server.pool).await.unwrap();
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_millis(500));
    let people = world::people(pool.connect(&server.url).await.unwrap());
    said::listen();
    let (set, shutdown) = (Revocations::default(), CancellationToken::new());
    let following = tokio::spawn(follow(people, set.clone(), shutdown.clone()));
    eventually(SOON, || async { set.is_loaded().then_some(()) }).await;
    assert_eq!(said::lines(Level::WARN), 0);

    let mut in_vain = 0;
    for outage in 1..=2 {
        server.kill().await;
        // Looked for in vain twice more after it was told.
        in_vain += 2;
        let goes_on = || async { (said::lines(Level::DEBUG) >= in_vain).then_some(()) };
        eventually(SOON, goes_on).await;
        assert_eq!(said::lines(Level::WARN), outage);
        assert_eq!(said::lines(Level::INFO), outage - 1);
        server.start().await;
        let is_back = || async { (said::lines(Level::INFO) == outage).then_some(()) };
        eventually(SOON, is_back).await;
        in_vain = said::lines(Level::DEBUG);
    }
    assert_eq!(said::lines(Level::WARN), 2);
    shutdown.cancel();
    following.await.unwrap();
}
