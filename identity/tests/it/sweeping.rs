//! No table grows by what nobody will ask for again.

use ff_identity::NewInvitation;
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use crate::world::{ACME, EMAIL, OTHER_PASSWORD, World, now};

/// What somebody leaves in each table, with what stays: people, who came from where, and connections.
const STAY: [&str; 3] = ["users", "connections", "external_identities"];

#[tokio::test]
async fn whatever_has_a_time_goes_after_it() {
    let (world, ada) = World::with_ada().await;
    let (people, pool) = (&world.people, &world.database.pool);
    let opened = world.open(ada).await;
    people.refresh(&opened.refresh, now()).await.unwrap();
    people.close(ada, world.open(ada).await.session, now()).await.unwrap();
    people.sign_in(EMAIL, OTHER_PASSWORD.into(), now()).await.unwrap_err();
    people.request_reset(EMAIL, now()).await.unwrap().unwrap();
    people.request_reset("nobody@example.com", now()).await.unwrap();
    let email = "grace@example.com".to_owned();
    let invitation = NewInvitation { organization: ACME, email, roles: json!([]), invited_by: ada };
    people.invite(invitation, now()).await.unwrap();
    let connection = Uuid::now_v7();
    for statement in [
        "INSERT INTO identity.connections VALUES ($1, gen_random_uuid(), 'x', 'x', 'x', '', NULL, '[]', '[]', '{}', \
         false, true, 1, now(), now())",
        "INSERT INTO identity.sign_ins SELECT sha256('x'), $1, 1, sha256('y'), '', '', '/', '2026-11-23 08:10:00Z'",
    ] {
        sqlx::query(statement).bind(connection).execute(pool).await.unwrap();
    }

    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'identity'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let gone: Vec<_> = tables.iter().filter(|table| !STAY.contains(&table.as_str())).collect();
    for table in &gone {
        assert!(world.count(table).await > 0, "nothing is tried with {table}");
    }
    // Of what can still be used nothing is lost.
    let before = world.everything().await;
    assert_eq!(people.sweep(now()).await.unwrap(), 0);
    assert_eq!(world.everything().await, before);

    let all_over = now() + SignedDuration::from_hours(100 * 24);
    assert!(people.sweep(all_over).await.unwrap() > 0);
    for table in gone {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    assert_eq!((world.count("users").await, world.count("connections").await), (1, 1));
    assert_eq!(people.sweep(all_over).await.unwrap(), 0);
}
