//! Experiments that meet, each side through an executor of its own.

use ff_commands::CommandError;
use ff_domain::{
    Experiment, ExperimentCommand, ExperimentError, Flag, FlagCommand, Metric, MetricCommand,
    layer::count,
};
use ff_eventlog::EventLog;
use futures::future::join_all;
use serde_json::json;

use crate::{
    fixture::{World, on_both_logs, target},
    lab::{PAUSE, draft},
};

on_both_logs! {
    one_experiment_gets_the_flag
    nobody_shares_a_layer_s_users
    targeting_and_start_lose_nothing
    a_metric_is_archived_or_measured_by
    starts_and_stops_in_one_process_never_wait_in_a_circle
}

const ROUNDS: usize = 8;

async fn one_experiment_gets_the_flag<L: EventLog>(world: World<L>) {
    let other = world.elsewhere();
    world.create_metric("orders").await;
    for round in 0..ROUNDS {
        let flag = format!("flag-{round}");
        world.create_flag(&flag).await;
        let a = world.draft(&format!("a-{round}"), &flag, &json!({})).await;
        let b = world.draft(&format!("b-{round}"), &flag, &json!({})).await;
        let (one, two) = tokio::join!(
            world.run::<Experiment>(a, ExperimentCommand::Start),
            other.run::<Experiment>(b, ExperimentCommand::Start),
        );
        assert_ne!(one.is_ok(), two.is_ok(), "{one:?} {two:?}");
        let winner = if one.is_ok() { "a" } else { "b" };
        let error = one.and(two).unwrap_err();
        let taken = matches!(error, CommandError::Rejected(ExperimentError::FlagTaken { .. }));
        let beaten = matches!(error, CommandError::FlagRejected(_));
        assert!(taken || beaten, "{error:?}");
        assert_eq!(world.here(&flag).await.experiment.unwrap().key, format!("{winner}-{round}"));
    }
}

async fn nobody_shares_a_layer_s_users<L: EventLog>(world: World<L>) {
    world.create_metric("orders").await;
    world.create_layer("main").await;
    let all = async |traffic: u32, name: &'static str| {
        let worlds: Vec<_> = (0..3).map(|_| world.elsewhere()).collect();
        let started = worlds.iter().enumerate().map(async |(n, elsewhere)| {
            let (key, flag) = (format!("{name}-{n}"), format!("{name}-flag-{n}"));
            elsewhere.create_flag(&flag).await;
            let id =
                elsewhere.draft(&key, &flag, &json!({"layer": "main", "traffic": traffic})).await;
            (id, elsewhere.run::<Experiment>(id, ExperimentCommand::Start).await)
        });
        join_all(started).await
    };
    // All three fit.
    let fitting = all(30, "fits").await;
    assert!(fitting.iter().all(|(_, answer)| answer.is_ok()), "{fitting:?}");
    let mut given = Vec::new();
    for n in 0..3 {
        let ranges = world.buckets("main", &format!("fits-{n}")).await;
        assert_eq!(count(&ranges), 3000);
        given.extend(ranges);
    }
    given.sort_unstable();
    assert!(given.windows(2).all(|pair| pair[0][1] <= pair[1][0]), "{given:?}");
    assert_eq!(given[0][0], 1000, "the held out stay out");
    for (id, _) in fitting {
        world.run::<Experiment>(id, ExperimentCommand::Stop).await.unwrap();
    }
    // One fits; the others hear how much is left.
    let crowd = all(50, "crowd").await;
    let (lucky, refused): (Vec<_>, Vec<_>) = crowd.into_iter().partition(|(_, a)| a.is_ok());
    assert_eq!((lucky.len(), refused.len()), (1, 2));
    for (_, answer) in refused {
        match answer.unwrap_err() {
            CommandError::Rejected(ExperimentError::LayerFull { free, .. }) => {
                assert_eq!(free.thousandths(), 40_000);
            }
            error => panic!("{error:?}"),
        }
    }
}

async fn targeting_and_start_lose_nothing<L: EventLog>(world: World<L>) {
    let other = world.elsewhere();
    world.create_metric("orders").await;
    for round in 0..ROUNDS {
        let (flag, key) = (format!("flag-{round}"), format!("x-{round}"));
        world.create_flag(&flag).await;
        let id = world.draft(&key, &flag, &json!({})).await;
        // Half of the time it is something that a running experiment locks.
        let locks = round % 2 == 0;
        let parts =
            if locks { json!({"salt": "anew"}) } else { json!({"default": {"variation": "off"}}) };
        let (replaced, started) = tokio::join!(
            world.run::<Flag>(world.flag(&flag), target(&parts)),
            other.run::<Experiment>(id, ExperimentCommand::Start),
        );
        started.unwrap();
        let (loaded, _) = world.load::<Flag>(world.flag(&flag)).await;
        let here = loaded.state().unwrap().environment(&"dev".parse().unwrap());
        assert_eq!(here.experiment.unwrap().key, key);
        match replaced {
            Ok(_) if locks => assert_eq!(here.targeting.salt.as_deref(), Some("anew")),
            Ok(_) => assert_eq!(json!(here.targeting.default), json!({"variation": "off"})),
            Err(error) => assert!(locks && error.code() == "FF-1208", "{error:?}"),
        }
        // What the iteration stands on is what the flag had when it began.
        world.run::<Experiment>(id, PAUSE).await.unwrap();
        world.run::<Experiment>(id, ExperimentCommand::Resume).await.unwrap();
        assert_eq!(world.state_of(id).await.iterations.len(), 1);
    }
}

async fn a_metric_is_archived_or_measured_by<L: EventLog>(world: World<L>) {
    let other = world.elsewhere();
    world.create_flag("checkout").await;
    for round in 0..ROUNDS {
        let (name, key) = (format!("metric-{round}"), format!("x-{round}"));
        let metric = world.create_metric(&name).await;
        let parts = json!({"metrics": {"primary": [name]}});
        let create = draft(world.project, &key, "checkout", &parts);
        let (drafted, archived) = tokio::join!(
            world.run::<Experiment>(world.experiment(&key), create),
            other.run::<Metric>(metric, MetricCommand::Archive),
        );
        assert_ne!(drafted.is_ok(), archived.is_ok(), "{drafted:?} {archived:?}");
    }
}

/// Turns are taken in one order, whoever begins.
async fn starts_and_stops_in_one_process_never_wait_in_a_circle<L: EventLog>(world: World<L>) {
    world.create_metric("orders").await;
    world.create_layer("main").await;
    world.create_layer("spare").await;
    for n in 0..4 {
        let flag = format!("flag-{}", n % 2);
        if n < 2 {
            world.create_flag(&flag).await;
        }
        let layer = if n % 2 == 0 { "main" } else { "spare" };
        world.draft(&format!("x-{n}"), &flag, &json!({"layer": layer, "traffic": 20})).await;
    }
    let all = (0..48).map(async |n: usize| {
        let id = world.experiment(&format!("x-{}", n % 4));
        let moved = if n.is_multiple_of(3) { "main" } else { "spare" };
        let command = match n % 5 {
            0 => PAUSE,
            1 => ExperimentCommand::Resume,
            2 => crate::lab::redesign(&json!({"layer": moved, "traffic": 10})),
            _ => ExperimentCommand::Start,
        };
        let toggled = match n % 2 {
            0 => target(&json!({"default": {"variation": "off"}})),
            _ => FlagCommand::TurnOn { environment: "dev".parse().unwrap() },
        };
        let flag = world.flag(&format!("flag-{}", n % 2));
        let (answer, toggled) =
            tokio::join!(world.run::<Experiment>(id, command), world.run::<Flag>(flag, toggled));
        toggled.unwrap();
        match answer {
            Ok(_) | Err(CommandError::Rejected(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    });
    join_all(all).await;
}
