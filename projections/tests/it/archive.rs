//! The past of an aggregate.

use ff_domain::{Flag, FlagEvent};
use ff_eventlog::Position;
use ff_projections::{QueryError, queries::Page};

use crate::world::{SOMEONE, World, at, environment, flag_id, new_flag, renamed};

#[tokio::test]
async fn an_aggregate_is_known_as_it_was_at_any_position() {
    let mut world = World::new().await;
    world.found().await;
    let before = world.last;
    let id = flag_id("a").0;
    let created = world.create_flag(new_flag("a")).await;
    let both = [renamed("second"), FlagEvent::TurnedOn { environment: environment("staging") }];
    let changed = world.write::<Flag>(id, &both).await;
    let elsewhere = world.create_flag(new_flag("b")).await;
    let archived = world.change_flag("a", FlagEvent::Archived {}).await;
    let running = world.project();
    world.caught_up().await;

    let queries = &world.queries;
    let as_of = async |position| queries.as_of::<Flag>(id, position).await.unwrap();
    assert_eq!(as_of(before).await, None);
    let Some(Flag::Live(first)) = as_of(created).await else { panic!("it is live") };
    assert_eq!(first.name, "The a");
    for position in [changed, elsewhere] {
        let Some(Flag::Live(second)) = as_of(position).await else { panic!("it is live") };
        assert_eq!(second.name, "second");
        assert!(second.environments[&environment("staging")].enabled);
    }
    assert!(matches!(as_of(archived).await, Some(Flag::Archived(_))));

    let future = Position::new(1, 1000);
    let behind = queries.as_of::<Flag>(id, future).await;
    assert!(matches!(behind, Err(QueryError::Behind { .. })), "{behind:?}");
    running.stop().await;
}

#[tokio::test]
async fn its_history_comes_in_pages() {
    let mut world = World::new().await;
    world.found().await;
    let created = world.create_flag(new_flag("a")).await;
    let both = [renamed("x"), FlagEvent::Archived {}];
    let changed = world.write::<Flag>(flag_id("a").0, &both).await;
    let running = world.project();
    world.caught_up().await;
    running.stop().await;

    let page = Page::new(Some(2), None).unwrap();
    let first = world.queries.history::<Flag>(flag_id("a").0, &page).await.unwrap();
    let kinds = |items: &[ff_projections::queries::HistoryEntry]| {
        items.iter().map(|e| (e.position, e.version, e.event.kind.clone())).collect::<Vec<_>>()
    };
    assert_eq!(
        kinds(&first.items),
        [(created, 1, "flag.created".to_owned()), (changed, 2, "flag.renamed".to_owned())]
    );
    assert_eq!((first.items[0].actor.id, first.items[0].at), (SOMEONE.0, at(6)));
    assert_eq!(first.items[0].comment.as_deref(), Some("why 6"));
    let next = page.after(first.next_cursor.unwrap());
    let second = world.queries.history::<Flag>(flag_id("a").0, &next).await.unwrap();
    assert_eq!(kinds(&second.items), [(changed, 2, "flag.archived".to_owned())]);
    assert_eq!(second.next_cursor, None);
}
