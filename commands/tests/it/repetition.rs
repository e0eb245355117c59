//! The same command again, and another one under its id.

use ff_commands::CommandError;
use ff_domain::{Experiment, ExperimentCommand, Flag, FlagCommand, flag::FlagDetails};
use ff_eventlog::EventLog;
use futures::future::join_all;
use uuid::Uuid;

use crate::fixture::{World, meta_of, on_both_logs, require, turn_off, turn_on};

on_both_logs! {
    a_repeated_command_gets_its_first_answer
    an_id_is_for_one_command
    fifty_at_once_are_one
    a_repeated_start_gets_its_first_answer
    an_effect_takes_no_id_from_the_command_that_had_it
}

async fn a_repeated_command_gets_its_first_answer<L: EventLog>(world: World<L>) {
    let id = world.flag("checkout");
    world.create_flag("checkout").await;
    let meta = meta_of(Uuid::new_v4(), "request");
    let first = world.run_as::<Flag>(id, turn_on("dev"), meta.clone()).await.unwrap();
    let later = world.run::<Flag>(id, turn_off("dev")).await.unwrap();
    for world in [&world, &world.elsewhere()] {
        let again = world.run_at::<Flag>(id, turn_on("dev"), meta.clone(), Some(1)).await.unwrap();
        assert!(again.repeated && again.changed);
        assert_eq!((again.version, again.position), (first.version, first.position));
        assert_eq!(again.aggregate, later.aggregate, "the state is the one of now");
    }
    assert_eq!(world.history::<Flag>(id).await.len(), 3);
}

async fn an_id_is_for_one_command<L: EventLog>(world: World<L>) {
    let id = world.flag("checkout");
    world.create_flag("checkout").await;
    let command = Uuid::new_v4();
    world.run_as::<Flag>(id, turn_on("dev"), meta_of(command, "one")).await.unwrap();
    let other = world.run_as::<Flag>(id, turn_on("prod"), meta_of(command, "other")).await;
    let error = other.unwrap_err();
    assert!(matches!(error, CommandError::IdempotencyMismatch), "{error:?}");
    assert_eq!(error.code(), "FF-2003");
    assert_eq!(world.history::<Flag>(id).await.len(), 2);
}

async fn fifty_at_once_are_one<L: EventLog>(world: World<L>) {
    let id = world.flag("checkout");
    world.create_flag("checkout").await;
    world.create_flag("base").await;
    let rename = FlagDetails { name: Some("Other".to_owned()), ..FlagDetails::default() };
    for command in [FlagCommand::ChangeDetails(rename), require("base", "on")] {
        let before = world.history::<Flag>(id).await.len();
        let meta = meta_of(Uuid::new_v4(), "request");
        let worlds: Vec<_> = (0..4).map(|_| world.elsewhere()).collect();
        let all = (0..50)
            .map(|n| worlds[n % worlds.len()].run_as::<Flag>(id, command.clone(), meta.clone()));
        let answers: Vec<_> = join_all(all).await.into_iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(answers.iter().filter(|done| !done.repeated).count(), 1);
        for answer in &answers {
            assert_eq!(
                (answer.version, answer.position),
                (answers[0].version, answers[0].position)
            );
        }
        assert_eq!(world.history::<Flag>(id).await.len(), before + 1);
    }
}

async fn a_repeated_start_gets_its_first_answer<L: EventLog>(world: World<L>) {
    let id = world.prepared("x", "checkout").await;
    let meta = meta_of(Uuid::new_v4(), "request");
    let start = || ExperimentCommand::Start;
    let first = world.run_as::<Experiment>(id, start(), meta.clone()).await.unwrap();
    assert_eq!(first.position, world.log.head().await.unwrap(), "the last of the batch");
    world.run::<Experiment>(id, ExperimentCommand::Stop).await.unwrap();
    for world in [&world, &world.elsewhere()] {
        let again = world.run_as::<Experiment>(id, start(), meta.clone()).await.unwrap();
        assert!(again.repeated && again.changed);
        assert_eq!((again.version, again.position), (first.version, first.position));
    }
    assert_eq!(world.here("checkout").await.experiment, None, "it is not started twice");
}

async fn an_effect_takes_no_id_from_the_command_that_had_it<L: EventLog>(world: World<L>) {
    let id = world.prepared("x", "checkout").await;
    let (flag, command) = (world.flag("checkout"), Uuid::new_v4());
    let on = world.run_as::<Flag>(flag, turn_on("dev"), meta_of(command, "on")).await.unwrap();
    // Another request under the same id, for another thing: its effect is a commit of the flag.
    let start = meta_of(command, "start");
    let started =
        world.run_as::<Experiment>(id, ExperimentCommand::Start, start.clone()).await.unwrap();
    assert!(!started.repeated);
    for world in [&world, &world.elsewhere()] {
        let again = world.run_as::<Flag>(flag, turn_on("dev"), meta_of(command, "on")).await;
        let again = again.unwrap();
        assert_eq!((again.repeated, again.version), (true, on.version));
        let again = world.run_as::<Experiment>(id, ExperimentCommand::Start, start.clone()).await;
        assert_eq!(again.unwrap().position, started.position);
    }
    // And the other way round: the id has been used up for the flag.
    world.create_flag("search").await;
    let y = world.draft("y", "search", &serde_json::json!({})).await;
    let start = meta_of(Uuid::new_v4(), "start");
    world.run_as::<Experiment>(y, ExperimentCommand::Start, start.clone()).await.unwrap();
    let later = meta_of(start.command_id, "on");
    let answer = world.run_as::<Flag>(world.flag("search"), turn_on("dev"), later).await;
    let error = answer.unwrap_err();
    assert!(matches!(error, CommandError::IdempotencyMismatch), "{error:?}");
}
