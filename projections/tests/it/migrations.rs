//! The database's schema goes up, down and up again.

use ff_projections::migrate::{migrate_down, migrate_up, pending};
use sqlx::PgPool;

use crate::world::World;

async fn schemas(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public)' \
         ORDER BY nspname",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn up_down_and_up_again() {
    let pool = ff_testkit::postgres::database().await.pool;
    let all = pending(&pool).await.unwrap();
    assert!(all.len() >= 3);
    assert_eq!(migrate_up(&pool).await.unwrap(), all);
    assert!(pending(&pool).await.unwrap().is_empty());
    let made = schemas(&pool).await;
    assert_eq!(made, ["audit", "identity", "projection", "security"]);

    assert_eq!(migrate_down(&pool).await.unwrap().as_ref(), all.last());
    assert_eq!(pending(&pool).await.unwrap(), all[all.len() - 1..]);
    while migrate_down(&pool).await.unwrap().is_some() {}
    assert_eq!(pending(&pool).await.unwrap(), all);
    assert!(schemas(&pool).await.is_empty());

    migrate_up(&pool).await.unwrap();
    assert_eq!(schemas(&pool).await, made);
    assert!(migrate_up(&pool).await.unwrap().is_empty());
}

#[tokio::test]
async fn two_programs_may_migrate_at_once() {
    let pool = ff_testkit::postgres::database().await.pool;
    let (one, other) = tokio::join!(migrate_up(&pool), migrate_up(&pool));
    one.unwrap();
    other.unwrap();
    assert!(pending(&pool).await.unwrap().is_empty());
}

#[tokio::test]
async fn going_down_takes_the_generations_along() {
    let mut world = World::new().await;
    world.found().await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    while migrate_down(world.pool()).await.unwrap().is_some() {}
    assert!(schemas(world.pool()).await.is_empty());
}

#[tokio::test]
async fn an_e_mail_address_is_unique_whatever_its_case() {
    let world = World::new().await;
    let insert = "INSERT INTO identity.users (id, email, name) VALUES (gen_random_uuid(), $1, 'A')";
    sqlx::query(insert).bind("a@example.com").execute(world.pool()).await.unwrap();
    let again = sqlx::query(insert).bind("A@Example.com").execute(world.pool()).await;
    assert!(again.unwrap_err().as_database_error().unwrap().is_unique_violation());
}
