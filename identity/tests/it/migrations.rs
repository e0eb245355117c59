//! The tables of people come and go under people who are there.

use ff_projections::migrate::{migrate_down, migrate_up, pending};

use crate::world::{ACME, EMAIL, PASSWORD, World, now};

#[tokio::test]
async fn people_with_an_account_of_their_own_outlive_the_way_down_and_up() {
    let (world, ada) = World::with_ada().await;
    let pool = &world.database.pool;
    world.managed(ACME, EMAIL).await;
    let erased = world.people.create("bob@example.com", "Bob", PASSWORD.into()).await.unwrap();
    world.people.erase(erased, now()).await.unwrap();
    world.open(ada).await;

    while pending(pool).await.unwrap().iter().all(|migration| migration.version != 5) {
        migrate_down(pool).await.unwrap().unwrap();
    }
    assert_eq!(world.count("users").await, 1);
    // As a version before this one does it.
    let add = "INSERT INTO identity.users (id, email, name) VALUES (gen_random_uuid(), $1, 'B')";
    sqlx::query(add).bind("bea@example.com").execute(pool).await.unwrap();
    let again = sqlx::query(add).bind(EMAIL.to_uppercase()).execute(pool).await;
    assert!(again.unwrap_err().as_database_error().unwrap().is_unique_violation());

    migrate_up(pool).await.unwrap();
    let person = world.people.sign_in(EMAIL, PASSWORD.into(), now()).await.unwrap();
    assert_eq!(person.id, ada);
    assert!(world.people.find_by_email("bea@example.com").await.unwrap().is_some());
}
