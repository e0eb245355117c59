//! Commits that cannot be applied.

use ff_domain::{Flag, FlagEvent};
use ff_eventlog::{EventRecord, StreamKey};
use ff_projections::{
    PoisonError, ProjectionError, ProjectionName, queries::CheckpointState, replay,
};
use ff_testkit::eventually;
use uuid::Uuid;

use crate::world::{SOON, World, flag_id, new_flag, organization, renamed};

async fn is_halted(world: &World, name: ProjectionName) -> bool {
    let status = world.queries.status().await.unwrap();
    status.iter().any(|s| s.name == name.as_str() && s.state == CheckpointState::Halted)
}

#[tokio::test]
async fn an_unknown_event_parks_its_aggregate_and_no_other() {
    let mut world = World::new().await;
    world.found().await;
    world.create_flag(new_flag("a")).await;
    world.create_flag(new_flag("b")).await;
    let unknown = EventRecord { kind: "flag.sold".to_owned(), v: 1, data: serde_json::json!({}) };
    let poison = world.write_records("flag", flag_id("a").0, vec![unknown]).await;
    world.change_flag("a", renamed("never seen")).await;
    world.change_flag("b", renamed("seen")).await;
    let running = world.project();
    world.caught_up().await;
    world.change_flag("a", renamed("never seen")).await;
    world.change_flag("b", renamed("seen again")).await;
    world.caught_up().await;
    running.stop().await;

    let [a, b] = ["a", "b"].map(flag_id);
    let a = world.queries.flag(a).await.unwrap().unwrap();
    assert_eq!((a.state.name.as_str(), a.version), ("The a", 1));
    let b = world.queries.flag(b).await.unwrap().unwrap();
    assert_eq!((b.state.name.as_str(), b.version), ("seen again", 3));
    let parked = world.queries.parked(ProjectionName::Catalog).await.unwrap();
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].id, parked[0].position, parked[0].commits), (flag_id("a").0, poison, 3));
    assert!(parked[0].error.contains("flag.sold"), "{}", parked[0].error);
    // The others do not have to understand an event to keep it.
    assert_eq!(world.count("read_audit_1.log").await, 5 + 7);
    assert_eq!(world.count("read_archive_1.events").await, 5 + 7);
}

#[tokio::test]
async fn what_postgres_refuses_is_parked_alone_and_comes_back_with_a_rebuild() {
    let mut world = World::new().await;
    world.found().await;
    let running = world.project();
    world.caught_up().await;
    world.tamper("ALTER TABLE read_catalog_1.flags ADD CHECK (name <> 'poison')").await;
    let keys: Vec<String> = (0..30).map(|n| format!("flag-{n}")).collect();
    for key in &keys {
        world.create_flag(new_flag(key)).await;
    }
    world.change_flag("flag-7", renamed("poison")).await;
    // What an aggregate was in the middle of a batch is never written, so this batch must end here.
    world.caught_up().await;
    for key in &keys {
        world.change_flag(key, renamed("later")).await;
    }
    world.caught_up().await;
    let parked = world.queries.parked(ProjectionName::Catalog).await.unwrap();
    assert_eq!(parked.iter().map(|p| p.id).collect::<Vec<_>>(), [flag_id("flag-7").0]);
    for key in &keys {
        let flag = world.queries.flag(flag_id(key)).await.unwrap().unwrap();
        assert_eq!(flag.state.name == "later", key != "flag-7", "{key}");
    }

    let report = replay(&world.log, world.pool(), ProjectionName::Catalog, |_| {}).await.unwrap();
    assert_eq!((report.generation, report.replaced, report.parked), (2, Some(1), 0));
    world.change_flag("flag-7", renamed("followed again")).await;
    world.caught_up().await;
    running.stop().await;
    let flag = world.queries.flag(flag_id("flag-7")).await.unwrap().unwrap();
    assert_eq!((flag.state.name.as_str(), flag.version), ("followed again", 4));
    assert!(world.queries.parked(ProjectionName::Catalog).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_rebuild_parks_too_and_a_gap_is_poison() {
    let mut world = World::new().await;
    world.found().await;
    world.create_flag(new_flag("a")).await;
    // Its first commit is damaged, so that the second has nothing to follow.
    let stream = StreamKey::new(organization().0, "flag", flag_id("b").0);
    world.log.write_raw(stream.clone(), "no commit");
    let mut second = ff_eventlog::EventLog::history(
        &world.log,
        &StreamKey::new(organization().0, "flag", flag_id("a").0),
        None,
        ff_eventlog::Freshness::Leader,
    )
    .await
    .unwrap()
    .remove(0)
    .commit;
    second.version = 2;
    second.aggregate.id = flag_id("b").0;
    world.last = world.log.write_raw(stream, serde_json::to_vec(&second).unwrap());
    let report = replay(&world.log, world.pool(), ProjectionName::Catalog, |_| {}).await.unwrap();
    assert_eq!((report.parked, report.position), (1, world.last));
    let parked = world.queries.parked(ProjectionName::Catalog).await.unwrap();
    assert!(parked[0].error.contains("version 1 should come"), "{}", parked[0].error);
}

#[tokio::test]
async fn the_audit_log_and_the_archive_halt() {
    let mut world = World::new().await;
    world.found().await;
    let running = world.project();
    world.caught_up().await;
    world.tamper("ALTER TABLE read_audit_1.log ADD CHECK (comment <> 'why 8')").await;
    let before = world.create_flag(new_flag("a")).await;
    world.change_flag("a", renamed("second")).await;
    world.change_flag("a", renamed("third, with the comment")).await;
    world.change_flag("a", renamed("fourth")).await;
    eventually(SOON, || is_halted(&world, ProjectionName::Audit)).await;
    world.reached(ProjectionName::Catalog, world.last).await;
    world.reached(ProjectionName::Archive, world.last).await;
    let status = world.queries.status().await.unwrap();
    let audit = status.iter().find(|s| s.name == "audit").unwrap();
    assert!(audit.position > before && audit.position < world.last);
    assert!(audit.error.as_ref().unwrap().contains("Postgres refuses"), "{:?}", audit.error);

    replay(&world.log, world.pool(), ProjectionName::Audit, |_| {}).await.unwrap();
    world.change_flag("a", renamed("fifth")).await;
    world.caught_up().await;
    assert!(!is_halted(&world, ProjectionName::Audit).await);
    running.stop().await;
    assert_eq!(world.count("read_audit_2.log").await, 5 + 5);
}

#[tokio::test]
async fn a_damaged_log_halts_what_leaves_nothing_out() {
    let mut world = World::new().await;
    world.found().await;
    world.create_flag(new_flag("a")).await;
    let before = world.last;
    let stream = StreamKey::new(organization().0, "flag", Uuid::from_u128(9));
    world.log.write_raw(stream, "no commit");
    world.change_flag("a", renamed("after")).await;
    let running = world.project();
    world.reached(ProjectionName::Catalog, world.last).await;
    for name in [ProjectionName::Audit, ProjectionName::Archive] {
        eventually(SOON, || is_halted(&world, name)).await;
        world.reached(name, before).await;
        let error = replay(&world.log, world.pool(), name, |_| {}).await.unwrap_err();
        let damaged =
            matches!(error, ProjectionError::Poisoned { source: PoisonError::Damaged(_), .. });
        assert!(damaged, "{error:?}");
    }
    running.stop().await;
    let flag = world.queries.flag(flag_id("a")).await.unwrap().unwrap();
    assert_eq!(flag.state.name, "after");
}

#[tokio::test]
async fn texts_that_postgres_cannot_hold_are_no_poison() {
    let mut world = World::new().await;
    world.found().await;
    let nul = "a\0b";
    world.create_flag(new_flag("a")).await;
    let value = FlagEvent::VariationValueChanged { key: "on".to_owned(), value: nul.into() };
    world.write::<Flag>(flag_id("a").0, &[renamed(nul), value]).await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;
    assert!(world.queries.parked(ProjectionName::Catalog).await.unwrap().is_empty());
    let flag = world.queries.flag(flag_id("a")).await.unwrap().unwrap();
    assert_eq!(flag.state.name, nul);
    let past = world.queries.as_of::<Flag>(flag_id("a").0, world.last).await.unwrap().unwrap();
    assert_eq!(past, Flag::Live(flag.state));
}
