//! Commands that meet. Each side goes through an executor of its own, as in two processes, so that nothing but the
//! log is between them.

use std::collections::BTreeSet;

use ff_commands::CommandError;
use ff_domain::{Flag, FlagCommand, ProjectError, Segment, SegmentCommand, flag::FlagDetails};
use ff_eventlog::EventLog;
use futures::future::join_all;
use serde_json::json;

use crate::fixture::{World, for_segment, meta, new_flag, on_both_logs, require, turn_on};

on_both_logs! {
    a_hundred_commands_in_one_process_all_succeed
    a_hundred_commands_from_everywhere_lose_nothing
    two_creators_of_one_key
    a_circle_of_flags_is_never_closed
    a_circle_of_segments_is_never_closed
    a_segment_is_archived_or_mentioned
    a_variation_is_removed_or_waited_for
}

/// How often a race is run: often enough that every order is met.
const ROUNDS: usize = 12;

fn rename(n: usize) -> FlagCommand {
    FlagCommand::ChangeDetails(FlagDetails {
        name: Some(format!("n{n}")),
        ..FlagDetails::default()
    })
}

async fn a_hundred_commands_in_one_process_all_succeed<L: EventLog>(world: World<L>) {
    let id = world.flag("checkout");
    world.create_flag("checkout").await;
    let all = (0..100).map(|n| world.run::<Flag>(id, rename(n)));
    let versions: BTreeSet<u64> =
        join_all(all).await.into_iter().map(|done| done.unwrap().version).collect();
    assert_eq!(versions, (2..=101).collect());
    assert_eq!(world.load::<Flag>(id).await.1, 101);
}

async fn a_hundred_commands_from_everywhere_lose_nothing<L: EventLog>(world: World<L>) {
    let id = world.flag("checkout");
    world.create_flag("checkout").await;
    let worlds: Vec<_> = (0..5).map(|_| world.elsewhere()).collect();
    let all = (0..100).map(|n| {
        let world = &worlds[n % worlds.len()];
        async move {
            let meta = meta();
            (meta.command_id, world.run_as::<Flag>(id, rename(n), meta).await)
        }
    });
    let mut acknowledged = BTreeSet::new();
    for (command, answer) in join_all(all).await {
        match answer {
            Ok(done) => assert!(acknowledged.insert((done.version, command))),
            Err(CommandError::Busy) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(!acknowledged.is_empty());
    let history: BTreeSet<_> = world.history::<Flag>(id).await[1..]
        .iter()
        .map(|commit| (commit.commit.version, commit.commit.command_id))
        .collect();
    assert_eq!(history, acknowledged);
    let versions: Vec<u64> = history.iter().map(|(version, _)| *version).collect();
    assert_eq!(versions, (2..).take(versions.len()).collect::<Vec<u64>>());
}

async fn two_creators_of_one_key<L: EventLog>(world: World<L>) {
    let other = world.elsewhere();
    for round in 0..ROUNDS {
        let key = format!("flag-{round}");
        let id = world.flag(&key);
        let (one, two) = tokio::join!(
            world.run::<Flag>(id, new_flag(world.project, &key)),
            other.run::<Flag>(id, new_flag(world.project, &key)),
        );
        assert_ne!(one.is_ok(), two.is_ok(), "{one:?} {two:?}");
        assert_eq!(world.history::<Flag>(id).await.len(), 1);
    }
}

async fn a_circle_of_flags_is_never_closed<L: EventLog>(world: World<L>) {
    let other = world.elsewhere();
    for round in 0..ROUNDS {
        let (a, b) = (format!("a-{round}"), format!("b-{round}"));
        world.create_flag(&a).await;
        world.create_flag(&b).await;
        let (one, two) = tokio::join!(
            world.run::<Flag>(world.flag(&a), require(&b, "on")),
            other.run::<Flag>(world.flag(&b), require(&a, "on")),
        );
        match (one, two) {
            (Ok(_), Err(CommandError::ProjectRejected(ProjectError::Cycle(_))))
            | (Err(CommandError::ProjectRejected(ProjectError::Cycle(_))), Ok(_)) => {}
            both => panic!("{both:?}"),
        }
    }
}

async fn a_circle_of_segments_is_never_closed<L: EventLog>(world: World<L>) {
    let other = world.elsewhere();
    let include = |segment: &str| {
        let members = json!({"rules": [{"operator": "in_segment", "value": [segment]}]});
        SegmentCommand::ReplaceMembers(serde_json::from_value(members).unwrap())
    };
    for round in 0..ROUNDS {
        let (a, b) = (format!("a-{round}"), format!("b-{round}"));
        world.create_segment(&a).await;
        world.create_segment(&b).await;
        let (one, two) = tokio::join!(
            world.run::<Segment>(world.segment(&a), include(&b)),
            other.run::<Segment>(world.segment(&b), include(&a)),
        );
        match (one, two) {
            (Ok(_), Err(CommandError::ProjectRejected(ProjectError::Cycle(_))))
            | (Err(CommandError::ProjectRejected(ProjectError::Cycle(_))), Ok(_)) => {}
            both => panic!("{both:?}"),
        }
    }
}

async fn a_segment_is_archived_or_mentioned<L: EventLog>(world: World<L>) {
    let other = world.elsewhere();
    for round in 0..ROUNDS {
        let (flag, segment) = (format!("flag-{round}"), format!("segment-{round}"));
        world.create_flag(&flag).await;
        world.create_segment(&segment).await;
        let (mentioned, archived) = tokio::join!(
            world.run::<Flag>(world.flag(&flag), for_segment(&segment)),
            other.run::<Segment>(world.segment(&segment), SegmentCommand::Archive),
        );
        assert_ne!(mentioned.is_ok(), archived.is_ok(), "{mentioned:?} {archived:?}");
        let (flag, _) = world.load::<Flag>(world.flag(&flag)).await;
        let (segment, _) = world.load::<Segment>(world.segment(&segment)).await;
        let mentions = !flag.state().unwrap().references().segments.is_empty();
        assert_ne!(mentions, matches!(segment, Segment::Archived(_)));
    }
}

async fn a_variation_is_removed_or_waited_for<L: EventLog>(world: World<L>) {
    let other = world.elsewhere();
    let remove = || FlagCommand::RemoveVariation { key: "spare".to_owned() };
    for round in 0..ROUNDS {
        let (waiting, base) = (format!("waiting-{round}"), format!("base-{round}"));
        world.create_flag(&waiting).await;
        world.create_flag(&base).await;
        let (waits, removed) = tokio::join!(
            world.run::<Flag>(world.flag(&waiting), require(&base, "spare")),
            other.run::<Flag>(world.flag(&base), remove()),
        );
        assert_ne!(waits.is_ok(), removed.is_ok(), "{waits:?} {removed:?}");
        // The flags themselves are as usable as before.
        world.run::<Flag>(world.flag(&waiting), turn_on("dev")).await.unwrap();
    }
}
