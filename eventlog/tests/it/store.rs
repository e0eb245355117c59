//! Aggregates over the log, by the plain functions and through cqrs-es.

use cqrs_es::{AggregateError, CqrsFramework, EventStore};
use ff_eventlog::{
    CqrsStore, DecodeError, Draft, EventLog, EventRecord, Freshness, Loaded, LogError, replay,
};
use uuid::Uuid;

use crate::fixture::{Fixture, on_both_logs};
use crate::lamp::{Broken, Lamp, LampEvent, append_many, append_one, dimmed, key, meta};

on_both_logs!(
    an_aggregate_is_loaded_and_refreshed,
    a_commit_with_several_events_applies_them_in_order,
    an_unknown_event_is_told_with_its_position,
    cqrs_es_works_on_the_log,
    cqrs_es_sees_a_conflict,
);

fn store<F: Fixture>(fixture: &F) -> CqrsStore<F::Log> {
    CqrsStore::new(fixture.log().clone(), vec![])
}

async fn an_aggregate_is_loaded_and_refreshed<F: Fixture>(fixture: F) {
    let (store, log) = (store(&fixture), fixture.log());
    let mut loaded: Loaded<Lamp> = store.load(&key(1)).await.unwrap();
    assert_eq!((loaded.tip, loaded.version(), loaded.events), (None, 0, 0));

    let written = append_many(log, &key(1), 3).await;
    store.refresh(&mut loaded, Freshness::Any).await.unwrap();
    assert_eq!(loaded.aggregate.dims, [0, 1, 2]);
    assert_eq!(loaded.tip, Some(written[2].tip()));
    let outcome = loaded.commands[&written[1].commit.command_id];
    assert_eq!((outcome.version, outcome.position), (2, written[1].position));
    assert_eq!(loaded.bytes, written.iter().map(|commit| commit.bytes.len()).sum::<usize>());

    append_one(log, &key(1), loaded.tip, 7).await.unwrap();
    store.refresh(&mut loaded, Freshness::Leader).await.unwrap();
    store.refresh(&mut loaded, Freshness::Leader).await.unwrap();
    assert_eq!(loaded.aggregate.dims, [0, 1, 2, 7]);
    let fresh: Loaded<Lamp> = store.load(&key(1)).await.unwrap();
    assert_eq!(fresh.aggregate, loaded.aggregate);
}

async fn a_commit_with_several_events_applies_them_in_order<F: Fixture>(fixture: F) {
    let broke = EventRecord { kind: "lamp.broke".into(), v: 1, data: serde_json::Value::Null };
    let events = vec![dimmed(1), dimmed(2), broke];
    let draft = Draft { stream: key(1), tip: None, meta: meta(Uuid::new_v4()), events };
    fixture.log().append(vec![draft]).await.unwrap();
    let loaded: Loaded<Lamp> = store(&fixture).load(&key(1)).await.unwrap();
    assert_eq!(loaded.aggregate, Lamp { dims: vec![1, 2], broken: true });
    assert_eq!((loaded.version(), loaded.events), (1, 3));
}

async fn an_unknown_event_is_told_with_its_position<F: Fixture>(fixture: F) {
    let written = append_many(fixture.log(), &key(1), 1).await;
    let mut sold = dimmed(1);
    sold.kind = "lamp.sold".to_owned();
    let draft = Draft {
        stream: key(1),
        tip: Some(written[0].tip()),
        meta: meta(Uuid::new_v4()),
        events: vec![dimmed(5), sold],
    };
    let at = fixture.log().append(vec![draft]).await.unwrap()[0].position;

    let commits = fixture.log().history(&key(1), None, Freshness::Any).await.unwrap();
    let mut loaded: Loaded<Lamp> = Loaded::absent(key(1));
    match replay(&mut loaded, &commits, &[]).unwrap_err() {
        LogError::Undecodable {
            position,
            event: 1,
            source: DecodeError::Unknown { kind, v: 1 },
        } => assert_eq!((position, kind.as_str()), (at, "lamp.sold")),
        other => panic!("{other:?}"),
    }
    assert_eq!(loaded.aggregate.dims, [0], "nothing of the bad commit is applied");
    assert_eq!(loaded.tip, Some(written[0].tip()));
}

async fn cqrs_es_works_on_the_log<F: Fixture>(fixture: F) {
    let store = store(&fixture);
    let framework = CqrsFramework::<Lamp, _>::new(store.clone(), vec![], ());
    let id = format!("{}/{}", key(1).org, key(1).id);
    for event in [LampEvent::Dimmed { percent: 3 }, LampEvent::Broke] {
        let metadata = meta(Uuid::new_v4()).to_metadata();
        framework.execute_with_metadata(&id, event, metadata).await.unwrap();
    }
    let metadata = meta(Uuid::new_v4()).to_metadata();
    let refused = framework.execute_with_metadata(&id, LampEvent::Broke, metadata).await;
    assert!(matches!(refused, Err(AggregateError::UserError(Broken))), "{refused:?}");

    let loaded: Loaded<Lamp> = store.load(&key(1)).await.unwrap();
    assert_eq!(loaded.aggregate, Lamp { dims: vec![3], broken: true });
    let events = EventStore::<Lamp>::load_events(&store, &id).await.unwrap();
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(events[1].payload, LampEvent::Broke);
    assert_eq!(events[0].metadata["via"], "\"api\"");

    let bad = EventStore::<Lamp>::load_aggregate(&store, "no-id").await;
    assert!(matches!(bad, Err(AggregateError::UnexpectedError(_))));
}

async fn cqrs_es_sees_a_conflict<F: Fixture>(fixture: F) {
    let store = store(&fixture);
    let id = format!("{}/{}", key(1).org, key(1).id);
    let stale: Loaded<Lamp> = store.load_aggregate(&id).await.unwrap();
    append_many(fixture.log(), &key(1), 1).await;
    let events = vec![LampEvent::Dimmed { percent: 1 }];
    let metadata = meta(Uuid::new_v4()).to_metadata();
    let result = EventStore::<Lamp>::commit(&store, events, stale, metadata).await;
    assert!(matches!(result, Err(AggregateError::AggregateConflict)), "{result:?}");
}
