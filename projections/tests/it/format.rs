//! A new version of the program finds tables of an old one.

use std::time::Duration;

use ff_projections::{
    ProjectionName, QueryError,
    queries::{CheckpointState, ExperimentFilter, Page},
};

use crate::world::{SOON, World, new_flag, project};

async fn live_generations(world: &World) -> Vec<(String, i32)> {
    let status = world.queries.status().await.unwrap();
    let live = status.into_iter().filter(|each| each.state == CheckpointState::Live);
    live.map(|each| (each.name, each.generation)).collect()
}

#[tokio::test]
async fn what_an_older_version_built_is_rebuilt_without_a_command() {
    let mut world = World::new().await;
    world.found().await;
    world.create_flag(new_flag("a")).await;
    world.one_of_each(project()).await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    let after = world.dump(ProjectionName::Catalog, 1).await;
    // As the version before left it: without experiments, of which it knew nothing.
    world.tamper("UPDATE projection.checkpoint SET format = 1 WHERE name = 'catalog'").await;
    let drop = "DROP TABLE read_catalog_1.experiments";
    sqlx::query(drop).execute(world.pool()).await.unwrap();
    let list = || async {
        world.queries.experiments(project(), &ExperimentFilter::default(), &Page::default()).await
    };
    let missing = list().await;
    assert!(matches!(missing, Err(QueryError::NotBuilt { .. })), "{missing:?}");
    assert_eq!(
        world
            .queries
            .flags(project(), &Default::default(), &Page::default())
            .await
            .unwrap()
            .items
            .len(),
        1
    );

    // Two replicas come up at once; one of them rebuilds.
    let (one, other) = (world.project(), world.project());
    let found = ff_testkit::eventually(SOON, list).await;
    assert_eq!(found.items.len(), 1);
    let generations = [("archive", 1), ("audit", 1), ("catalog", 2)];
    let generations = generations.map(|(name, generation)| (name.to_owned(), generation));
    assert_eq!(live_generations(&world).await, generations);
    assert_eq!(world.dump(ProjectionName::Catalog, 2).await, after);
    // And whoever works now follows the new one.
    let position = world.create_flag(new_flag("b")).await;
    world.reached(ProjectionName::Catalog, position).await;
    one.stop().await;
    other.stop().await;
    assert_eq!(live_generations(&world).await, generations);
}

#[tokio::test]
async fn what_a_newer_version_built_is_left_to_it() {
    let mut world = World::new().await;
    world.found().await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    world.tamper("UPDATE projection.checkpoint SET format = 99 WHERE name = 'catalog'").await;
    let position = world.create_flag(new_flag("a")).await;
    let running = world.project();
    world.reached(ProjectionName::Audit, position).await;
    world.reached(ProjectionName::Archive, position).await;
    let behind = world.queries.wait_for(position, Duration::ZERO).await;
    assert!(matches!(behind, Err(QueryError::Behind { .. })), "{behind:?}");
    running.stop().await;
    let catalog = ("catalog".to_owned(), 1);
    assert!(live_generations(&world).await.contains(&catalog));
    // The newer version comes back.
    world.tamper("UPDATE projection.checkpoint SET format = 2 WHERE name = 'catalog'").await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
}
