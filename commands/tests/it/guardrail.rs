//! Guardrails: a breach leads to one command, once, and to none when it comes too late.

use ff_commands::{
    ActorKind, CausationKind,
    guardrail::{Acted, Action, Breach, GuardrailManager},
};
use ff_domain::{Experiment, ExperimentCommand, ExperimentId, Flag, experiment::Status};
use ff_eventlog::EventLog;
use futures::future::join_all;
use jiff::Timestamp;
use serde_json::json;

use crate::{
    fixture::{World, on_both_logs, turn_on},
    lab::redesign,
};

on_both_logs! {
    a_breach_pauses_once
    a_breach_turns_the_flag_off_once
    a_breach_of_the_past_does_nothing
    many_processes_are_one
}

fn at() -> Timestamp {
    "2026-01-02T00:00:00Z".parse().unwrap()
}

fn breach(experiment: ExperimentId, iteration: u32, action: Action) -> Breach {
    Breach {
        experiment,
        iteration,
        metric: "latency".parse().unwrap(),
        variation: "on".parse().unwrap(),
        evidence: "12.5 ms slower, at least 7 ms at 95 percent".to_owned(),
        action,
    }
}

fn manager<L: EventLog>(world: &World<L>) -> GuardrailManager<L> {
    GuardrailManager::new(world.elsewhere().executor)
}

async fn started<L: EventLog>(world: &World<L>) -> ExperimentId {
    let id = world.prepared("x", "checkout").await;
    world.run::<Flag>(world.flag("checkout"), turn_on("dev")).await.unwrap();
    world.run::<Experiment>(id, ExperimentCommand::Start).await.unwrap();
    id
}

async fn a_breach_pauses_once<L: EventLog>(world: World<L>) {
    let id = started(&world).await;
    let breach = breach(id, 1, Action::Pause);
    let acted = manager(&world).act(world.org, &breach, at()).await.unwrap();
    assert_eq!(acted, Acted::Now(world.log.head().await.unwrap()));
    assert_eq!(world.state_of(id).await.status, Status::Paused);
    assert_eq!(world.here("checkout").await.experiment, None);

    let commit = world.history::<Experiment>(id).await.pop().unwrap().commit;
    assert_eq!(commit.command_id, breach.command_id());
    assert_eq!(
        (commit.actor.kind, commit.causation.kind),
        (ActorKind::System, CausationKind::Guardrail)
    );
    assert_eq!(commit.at, at());
    let comment =
        "guardrail `latency` is breached by `on`: 12.5 ms slower, at least 7 ms at 95 percent";
    assert_eq!(commit.comment.as_deref(), Some(comment));

    let again = manager(&world).act(world.org, &breach, at()).await.unwrap();
    assert_eq!(again, Acted::Moot);
    // What people do then stands, also against another metric of the same iteration.
    world.run::<Experiment>(id, ExperimentCommand::Resume).await.unwrap();
    let other = Breach { metric: "errors".parse().unwrap(), ..breach };
    let again = manager(&world).act(world.org, &other, at()).await.unwrap();
    assert!(matches!(again, Acted::Before(_)), "{again:?}");
    assert_eq!(world.state_of(id).await.status, Status::Running);
}

async fn a_breach_turns_the_flag_off_once<L: EventLog>(world: World<L>) {
    let id = started(&world).await;
    let flag = world.flag("checkout");
    let breach = breach(id, 1, Action::TurnOff);
    let acted = manager(&world).act(world.org, &breach, at()).await.unwrap();
    assert_eq!(acted, Acted::Now(world.log.head().await.unwrap()));
    let enabled = async || {
        let (flag, _) = world.load::<Flag>(flag).await;
        flag.state().unwrap().environment(&"dev".parse().unwrap()).enabled
    };
    assert!(!enabled().await);
    assert_eq!(world.state_of(id).await.status, Status::Running);
    let commit = world.history::<Flag>(flag).await.pop().unwrap().commit;
    assert_eq!(commit.causation.kind, CausationKind::Guardrail);
    assert!(commit.comment.unwrap().contains("12.5 ms"));
    world.run::<Flag>(flag, turn_on("dev")).await.unwrap();
    let again = manager(&world).act(world.org, &breach, at()).await.unwrap();
    assert!(matches!(again, Acted::Before(_)), "{again:?}");
    assert!(enabled().await);
}

async fn a_breach_of_the_past_does_nothing<L: EventLog>(world: World<L>) {
    let id = started(&world).await;
    world.run::<Experiment>(id, redesign(&json!({"traffic": 50}))).await.unwrap();
    let head = world.log.head().await.unwrap();
    let manager = manager(&world);
    for action in [Action::Pause, Action::TurnOff] {
        for iteration in [1, 3] {
            let breach = breach(id, iteration, action);
            assert_eq!(manager.act(world.org, &breach, at()).await.unwrap(), Acted::Moot);
        }
    }
    let unknown = breach(world.experiment("unknown"), 1, Action::Pause);
    assert_eq!(manager.act(world.org, &unknown, at()).await.unwrap(), Acted::Moot);
    assert_eq!(world.log.head().await.unwrap(), head);
    world.run::<Experiment>(id, ExperimentCommand::Stop).await.unwrap();
    for action in [Action::Pause, Action::TurnOff] {
        let late = breach(id, 2, action);
        assert_eq!(manager.act(world.org, &late, at()).await.unwrap(), Acted::Moot);
    }
}

async fn many_processes_are_one<L: EventLog>(world: World<L>) {
    let id = started(&world).await;
    for action in [Action::TurnOff, Action::Pause] {
        let breach = breach(id, 1, action);
        let managers: Vec<_> = (0..4).map(|_| manager(&world)).collect();
        let asked = (0..12).map(|n| managers[n % 4].act(world.org, &breach, at()));
        let answers = join_all(asked).await;
        let now = answers.iter().filter(|answer| matches!(answer, Ok(Acted::Now(_)))).count();
        assert_eq!(now, 1, "{answers:?}");
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
    assert_eq!(world.history::<Experiment>(id).await.len(), 3);
    assert_eq!(world.history::<Flag>(world.flag("checkout")).await.len(), 5);
}
