//! A rebuild gives the same bytes, while writers write and readers read.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ff_domain::{Flag, FlagEvent};
use ff_projections::{PoisonError, ProjectionError, ProjectionName, replay};

use crate::people::LET_IN;
use crate::world::{World, environment, flag_id, new_flag, project, renamed};

/// How many commits a busy world has: founding, flags, their changes, one of each other kind, and who is let in.
const COMMITS: u64 = 5 + 50 + 500 + 6 + LET_IN;

async fn busy_world() -> World {
    let mut world = World::new().await;
    world.found().await;
    for flag in 0..50 {
        world.create_flag(new_flag(&format!("flag-{flag}"))).await;
    }
    for round in 0..10 {
        for flag in 0..50 {
            let on = FlagEvent::TurnedOn { environment: environment("production") };
            let events = [renamed(format!("{round}")), on];
            world.write::<Flag>(flag_id(&format!("flag-{flag}")).0, &events).await;
        }
    }
    world.one_of_each(project()).await;
    world.let_in().await;
    world
}

#[tokio::test]
async fn a_rebuild_gives_the_same_bytes() {
    let world = busy_world().await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    for name in ProjectionName::ALL {
        let mut told = Vec::new();
        let report = replay(&world.log, world.pool(), name, |p| told.push(p)).await.unwrap();
        assert_eq!((report.commits, report.position), (COMMITS, world.last));
        assert_eq!(told.last().unwrap().commits, report.commits);
        assert_eq!(world.dump(name, 1).await, world.dump(name, 2).await, "{name}");
        assert!(world.dump(name, 2).await.len() > 10_000);
    }
    // The next rebuild drops what is not read any more.
    replay(&world.log, world.pool(), ProjectionName::Catalog, |_| {}).await.unwrap();
    let left: Vec<String> = sqlx::query_scalar(
        "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'read_catalog_%' ORDER BY 1",
    )
    .fetch_all(world.pool())
    .await
    .unwrap();
    assert_eq!(left, ["read_catalog_2", "read_catalog_3"]);
}

#[tokio::test]
async fn readers_and_writers_do_not_notice() {
    let mut world = busy_world().await;
    let running = world.project();
    world.caught_up().await;
    let done = Arc::new(AtomicBool::new(false));
    let rebuilding = tokio::spawn({
        let (log, pool, done) = (world.log.clone(), world.pool().clone(), Arc::clone(&done));
        async move {
            for _ in 0..3 {
                for name in ProjectionName::ALL {
                    replay(&log, &pool, name, |_| {}).await.unwrap();
                }
            }
            done.store(true, Ordering::Relaxed);
        }
    });
    let mut round = 0;
    while !done.load(Ordering::Relaxed) {
        round += 1;
        let position = world.change_flag("flag-1", renamed(format!("round {round}"))).await;
        world.reached(ProjectionName::Catalog, position).await;
        let flag = world.queries.flag(flag_id("flag-1")).await.unwrap().unwrap();
        assert_eq!(flag.state.name, format!("round {round}"));
        let all = world.queries.flags(project(), &Default::default(), &Default::default()).await;
        assert_eq!(all.unwrap().items.len(), 50);
    }
    rebuilding.await.unwrap();
    world.caught_up().await;
    running.stop().await;
    assert!(round > 0);
    let rows = COMMITS.cast_signed() + i64::from(round);
    assert_eq!(world.count("read_audit_4.log").await, rows);
    for name in ProjectionName::ALL {
        replay(&world.log, world.pool(), name, |_| {}).await.unwrap();
        assert_eq!(world.dump(name, 4).await, world.dump(name, 5).await, "{name}");
    }
}

#[tokio::test]
async fn only_one_rebuild_of_a_projection_at_a_time() {
    let world = busy_world().await;
    let replay = || replay(&world.log, world.pool(), ProjectionName::Archive, |_| {});
    let (one, other) = tokio::join!(replay(), replay());
    let refused = [one, other].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(matches!(refused[..], [ProjectionError::ReplayRunning { .. }]), "{refused:?}");
}

/// Lets Postgres refuse values in whatever table of this name is made from now on.
async fn refuse(world: &World, table: &str, check: &str) {
    let create = format!(
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ \
         DECLARE made record; BEGIN \
         FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP \
           IF made.object_identity LIKE '%.{table}' THEN \
             EXECUTE format('ALTER TABLE %s ADD CHECK ({check})', made.object_identity); \
           END IF; \
         END LOOP; END $$"
    );
    sqlx::query(&create).execute(world.pool()).await.unwrap();
    let trigger = "CREATE EVENT TRIGGER refuse ON ddl_command_end WHEN TAG IN ('CREATE TABLE') \
                   EXECUTE FUNCTION refuse()";
    sqlx::query(trigger).execute(world.pool()).await.unwrap();
}

#[tokio::test]
async fn a_rebuild_parks_what_postgres_refuses() {
    let mut world = busy_world().await;
    world.change_flag("flag-7", renamed("poison")).await;
    for round in 0..1500 {
        world.change_flag("flag-8", renamed(format!("later {round}"))).await;
    }
    refuse(&world, "flags", "name <> ''poison''").await;
    let report = replay(&world.log, world.pool(), ProjectionName::Catalog, |_| {}).await.unwrap();
    assert_eq!((report.parked, report.position), (1, world.last));
    assert_eq!(report.commits, COMMITS + 1 + 1500);
    let parked = world.queries.parked(ProjectionName::Catalog).await.unwrap();
    assert_eq!(parked[0].id, flag_id("flag-7").0);
    let flag = world.queries.flag(flag_id("flag-7")).await.unwrap().unwrap();
    assert_eq!((flag.version, flag.state.name.as_str()), (11, "9"));
    let flag = world.queries.flag(flag_id("flag-8")).await.unwrap().unwrap();
    assert_eq!(flag.state.name, "later 1499");
}

#[tokio::test]
async fn a_rebuild_of_the_archive_fails_at_poison_and_what_was_read_is_read_on() {
    let mut world = busy_world().await;
    let running = world.project();
    let poison = world.change_flag("flag-7", FlagEvent::Archived {}).await;
    world.change_flag("flag-8", renamed("later")).await;
    world.caught_up().await;
    refuse(&world, "events", "event_type <> ''flag.archived''").await;
    let failed = replay(&world.log, world.pool(), ProjectionName::Archive, |_| {}).await;
    match failed {
        Err(ProjectionError::Poisoned { position, source: PoisonError::Refused(_), .. }) => {
            assert_eq!(position, poison);
        }
        other => panic!("{other:?}"),
    }
    let past = world.queries.as_of::<Flag>(flag_id("flag-7").0, poison).await.unwrap();
    assert!(matches!(past, Some(Flag::Archived(_))));
    running.stop().await;
}
