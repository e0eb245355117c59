//! The life of an experiment and its iterations. What it does to its surroundings is in `experiment_effects`.

use ff_domain::{
    Experiment, ExperimentCommand as Command, ExperimentError, ExperimentEvent, FlagCommand,
    experiment::{Decided, ExperimentDetails, Status, Verdict, derived_salt},
};
use serde_json::{Value, json};

use crate::{
    fixture::{from, key, replace},
    shop::{PAUSE, Refused, Shop, decide, design, draft, redesign},
};

fn wrong_status(refused: Result<(), Refused>) -> &'static str {
    match refused.unwrap_err().by_experiment() {
        ExperimentError::WrongStatus { remedy, .. } => remedy,
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_lives() {
    let mut shop = Shop::drafted(json!({}));
    assert_eq!(shop.state("x").status, Status::Draft);
    assert_eq!(shop.here("checkout").experiment, None);

    shop.run("x", Command::Start).unwrap();
    assert_eq!(shop.state("x").status, Status::Running);
    let served = shop.here("checkout").experiment.unwrap();
    assert_eq!((served.key.as_str(), served.rule.as_str()), ("x", "x:1"));
    let definition = shop.flags["checkout"].state().unwrap().definition(&key("dev"));
    assert_eq!(definition.experiment.as_ref(), Some(&served));

    let reason = Some("Too slow.".to_owned());
    shop.run("x", Command::Pause { reason }).unwrap();
    assert_eq!((shop.state("x").status, shop.here("checkout").experiment), (Status::Paused, None));
    shop.run("x", Command::Resume).unwrap();
    assert_eq!(shop.here("checkout").experiment, Some(served));
    assert_eq!(shop.state("x").iterations.len(), 1, "nothing has changed meanwhile");

    shop.run("x", Command::Stop).unwrap();
    assert_eq!((shop.state("x").status, shop.here("checkout").experiment), (Status::Stopped, None));
    let iteration = shop.state("x").iteration().unwrap();
    assert_eq!(iteration.ended_at.unwrap().to_string(), "2026-01-01T00:05:00Z");

    shop.run("x", decide(json!({"type": "ship", "variation": "green"}))).unwrap();
    let Decided { outcome, reason, .. } = shop.state("x").decision.clone().unwrap();
    assert_eq!(outcome, Verdict::Ship { variation: key("green") });
    assert_eq!(reason, "It is so.");
    shop.run("x", Command::Ship).unwrap();
    assert_eq!(shop.state("x").shipped, Some(key("green")));
    let default = shop.here("checkout").targeting.default;
    assert_eq!(default, from(json!({"variation": "green"})));
    shop.run("x", Command::Archive).unwrap();
    assert!(matches!(shop.experiments["x"], Experiment::Archived(_)));
    shop.run("x", Command::Restore).unwrap();
    assert_eq!(shop.state("x").status, Status::Decided);
}

#[test]
fn what_is_so_already_changes_nothing() {
    let mut shop = Shop::started(json!({}));
    let same = |shop: &mut Shop, command: Command| {
        let before = shop.experiments.clone();
        shop.run("x", command).unwrap();
        assert_eq!(shop.experiments, before);
    };
    same(&mut shop, Command::Start);
    same(&mut shop, Command::Resume);
    same(&mut shop, redesign(json!({})));
    shop.run("x", PAUSE).unwrap();
    same(&mut shop, PAUSE);
    shop.run("x", Command::Stop).unwrap();
    same(&mut shop, Command::Stop);
    let keep = || decide(json!({"type": "keep_control"}));
    shop.run("x", keep()).unwrap();
    same(&mut shop, keep());
    same(&mut shop, redesign(json!({})));
    same(&mut shop, Command::Stop);
    shop.run("x", Command::Archive).unwrap();
    same(&mut shop, Command::Archive);
}

#[test]
fn each_step_has_its_time() {
    let ship = || decide(json!({"type": "ship", "variation": "green"}));
    let mut shop = Shop::drafted(json!({}));
    for command in [PAUSE, Command::Resume, Command::Stop, ship(), Command::Ship] {
        assert_eq!(wrong_status(shop.run("x", command)), "start it first");
    }
    shop.run("x", Command::Start).unwrap();
    for command in [ship(), Command::Ship, Command::Archive] {
        assert_eq!(wrong_status(shop.run("x", command)), "stop it first");
    }
    shop.run("x", PAUSE).unwrap();
    assert_eq!(wrong_status(shop.run("x", Command::Start)), "resume it instead");
    assert_eq!(wrong_status(shop.run("x", Command::Archive)), "stop it first");
    shop.run("x", Command::Stop).unwrap();
    for command in [Command::Start, Command::Resume, PAUSE] {
        assert_eq!(wrong_status(shop.run("x", command)), "draft another one");
    }
    assert_eq!(wrong_status(shop.run("x", Command::Ship)), "decide it first");
    shop.run("x", decide(json!({"type": "inconclusive"}))).unwrap();
    assert_eq!(wrong_status(shop.run("x", ship())), "a decision stands");
    let error = shop.run("x", Command::Ship).unwrap_err();
    assert_eq!(error, Refused::Experiment(ExperimentError::NothingToShip(key("x"))));
    let error = shop.run("x", Command::Restore).unwrap_err().by_experiment();
    assert_eq!(error, ExperimentError::NotArchived(key("x")));
    shop.run("x", Command::Archive).unwrap();
    let error = shop.run("x", PAUSE).unwrap_err().by_experiment();
    assert_eq!(error, ExperimentError::Archived(key("x")));
    let error = shop.run("y", Command::Start).unwrap_err().by_experiment();
    assert_eq!(error, ExperimentError::NotFound);
    let again = Command::Create(Box::new(draft("x", "checkout", json!({}))));
    let error = shop.run("x", again).unwrap_err().by_experiment();
    assert_eq!(error, ExperimentError::AlreadyExists(key("x")));
}

#[test]
fn a_decision_is_about_what_was_compared() {
    let mut shop = Shop::started(json!({}));
    shop.run("x", Command::Stop).unwrap();
    for (variation, detail) in [("blue", "did not compare"), ("red", "is the control")] {
        let ship = decide(json!({"type": "ship", "variation": variation}));
        let error = shop.run("x", ship).unwrap_err().by_experiment();
        let ExperimentError::Invalid(problems) = error else { panic!("{error:?}") };
        assert_eq!(problems[0].pointer, "/outcome/variation");
        assert!(problems[0].detail.contains(detail), "{problems:?}");
    }
    let unreasoned = Command::Decide { outcome: Verdict::KeepControl, reason: " ".to_owned() };
    let error = shop.run("x", unreasoned).unwrap_err().by_experiment();
    let ExperimentError::Invalid(problems) = error else { panic!("{error:?}") };
    assert_eq!(problems[0].pointer, "/reason");
}

#[test]
fn details_change_one_by_one() {
    let mut shop = Shop::drafted(json!({}));
    let details = ExperimentDetails {
        name: Some("Green".to_owned()),
        hypothesis: Some("Calms.".to_owned()),
        tags: Some(["colour".to_owned()].into()),
        owner: Some(None),
    };
    shop.run("x", Command::ChangeDetails(details)).unwrap();
    let state = shop.state("x");
    assert_eq!((state.name.as_str(), state.hypothesis.as_str()), ("Green", "Calms."));
    assert_eq!(state.tags, ["colour".to_owned()].into());
    let blank = ExperimentDetails { name: Some(String::new()), ..ExperimentDetails::default() };
    let error = shop.run("x", Command::ChangeDetails(blank)).unwrap_err().by_experiment();
    assert!(matches!(error, ExperimentError::Invalid(_)), "{error:?}");
}

#[test]
fn whatever_shares_users_out_anew_opens_an_iteration() {
    let three = json!([{"key": "red", "weight": 40}, {"key": "green", "weight": 40},
                       {"key": "blue", "weight": 20}]);
    let beta = json!({"operator": "in_segment", "value": ["beta"]});
    // What changes, and whether users are shuffled.
    let changes = [
        (json!({"arms": three}), true),
        (json!({"control": "green"}), true),
        (json!({"bucket_by": "account"}), true),
        (json!({"layer": "spare"}), true),
        (json!({"traffic": 20}), false),
        (json!({"audience": beta}), false),
        (json!({"holdouts": ["main"]}), false),
    ];
    for (change, shuffled) in changes {
        for paused in [false, true] {
            let mut shop = Shop::started(json!({}));
            if paused {
                shop.run("x", PAUSE).unwrap();
            }
            shop.run("x", redesign(change.clone())).unwrap();
            let state = shop.state("x");
            assert_eq!(state.design, design(change.clone()));
            let [first, second] = &state.iterations[..] else { panic!("{change}") };
            assert_eq!(first.ended_at, Some(second.started_at));
            assert_eq!((second.number, second.ended_at), (2, None));
            assert_eq!(second.definition.rule, "x:2");
            let salt = shuffled.then(|| derived_salt(state.id(), 2));
            assert_eq!(second.definition.salt, salt, "{change}");
            let served = (!paused).then(|| second.definition.clone());
            assert_eq!(shop.here("checkout").experiment, served, "{change}");
        }
    }
}

#[test]
fn what_only_measures_opens_none() {
    let mut shop = Shop::started(json!({}));
    let metrics =
        json!({"primary": ["revenue"], "guardrails": [{"metric": "latency", "margin": 1}]});
    let change = json!({"metrics": metrics, "analysis": {"method": "always_valid"}});
    shop.run("x", redesign(change.clone())).unwrap();
    assert_eq!(shop.state("x").iterations.len(), 1);
    assert_eq!(shop.state("x").design, design(change.clone()));
    shop.run("x", Command::Stop).unwrap();
    shop.run("x", redesign(json!({}))).unwrap();
    let remedy = wrong_status(shop.run("x", redesign(json!({"traffic": 20}))));
    assert_eq!(remedy, "only its metrics and its analysis can be changed");
    shop.run("x", decide(json!({"type": "keep_control"}))).unwrap();
    let remedy = wrong_status(shop.run("x", redesign(change)));
    assert_eq!(remedy, "its design stays as it was decided on");
}

#[test]
fn shuffling_can_be_asked_for_and_refused() {
    let with = |parts: Value, reshuffle| Command::ReplaceDesign {
        design: Box::new(design(parts)),
        reshuffle: Some(reshuffle),
    };
    let mut shop = Shop::started(json!({}));
    let salt = |shop: &Shop| shop.state("x").iteration().unwrap().definition.salt.clone();
    shop.run("x", with(json!({"control": "green"}), false)).unwrap();
    assert_eq!((shop.state("x").iterations.len(), salt(&shop)), (2, None));
    shop.run("x", with(json!({"control": "green"}), true)).unwrap();
    let third = Some(derived_salt(shop.state("x").id(), 3));
    assert_eq!((shop.state("x").iterations.len(), salt(&shop)), (3, third.clone()));
    // The salt stays while users may stay where they are.
    shop.run("x", redesign(json!({"control": "green", "traffic": 10}))).unwrap();
    assert_eq!((shop.state("x").iterations.len(), salt(&shop)), (4, third));
    assert_eq!(salt(&shop).unwrap().len(), 32);
}

#[test]
fn the_next_experiment_of_a_flag_is_shuffled() {
    let mut shop = Shop::started(json!({}));
    assert_eq!(shop.state("x").iteration().unwrap().definition.salt, None);
    shop.draft("y", "checkout", json!({}));
    let error = shop.run("y", Command::Start).unwrap_err().by_experiment();
    let taken = ExperimentError::FlagTaken {
        flag: key("checkout"),
        environment: key("dev"),
        by: "x".to_owned(),
    };
    assert_eq!(error, taken);
    shop.run("x", Command::Stop).unwrap();
    shop.run("y", Command::Start).unwrap();
    let salt = derived_salt(shop.state("y").id(), 1);
    assert_eq!(shop.state("y").iteration().unwrap().definition.salt, Some(salt));
    // Elsewhere it is the first.
    let mut elsewhere = draft("z", "checkout", json!({}));
    elsewhere.environment = key("prod");
    shop.run("z", Command::Create(Box::new(elsewhere))).unwrap();
    shop.run("z", Command::Start).unwrap();
    assert_eq!(shop.state("z").iteration().unwrap().definition.salt, None);
}

#[test]
fn a_paused_experiment_leaves_its_flag_to_others() {
    let mut shop = Shop::started(json!({}));
    shop.run("x", PAUSE).unwrap();
    shop.draft("y", "checkout", json!({}));
    shop.run("y", Command::Start).unwrap();
    let error = shop.run("x", Command::Resume).unwrap_err().by_experiment();
    assert!(matches!(error, ExperimentError::FlagTaken { .. }), "{error:?}");
    shop.run("y", Command::Stop).unwrap();
    shop.run("x", Command::Resume).unwrap();
}

#[test]
fn what_changed_in_the_flag_during_a_pause_opens_an_iteration() {
    let revalue = |variation: &str| FlagCommand::ChangeVariation {
        key: variation.to_owned(),
        name: None,
        value: Some(json!("#123")),
    };
    let needs = json!([{"flag": "base", "variations": ["on"]}]);
    let cases = [
        (replace("dev", json!({"salt": "anew"})), true),
        (replace("dev", json!({"prerequisites": needs})), true),
        (revalue("green"), true),
        (revalue("blue"), false),
        (replace("dev", json!({"default": {"variation": "blue"}})), false),
        (FlagCommand::TurnOn { environment: key("dev") }, false),
    ];
    for (change, opens) in cases {
        let mut shop = Shop::started(json!({}));
        shop.run("x", PAUSE).unwrap();
        shop.run_flag("checkout", change.clone()).unwrap();
        shop.run("x", Command::Resume).unwrap();
        let state = shop.state("x");
        assert_eq!(state.iterations.len(), if opens { 2 } else { 1 }, "{change:?}");
        assert_eq!(shop.here("checkout").experiment.as_ref(), state.served());
        if opens {
            let salt = Some(derived_salt(state.id(), 2));
            assert_eq!(state.iteration().unwrap().definition.salt, salt);
        }
    }
}

#[test]
fn time_does_not_run_backwards() {
    let mut shop = Shop::started(json!({}));
    shop.minutes -= 60;
    shop.run("x", redesign(json!({"traffic": 10}))).unwrap();
    shop.run("x", Command::Stop).unwrap();
    for iteration in &shop.state("x").iterations {
        assert!(iteration.ended_at.unwrap() >= iteration.started_at, "{iteration:?}");
    }
}

#[test]
fn an_iteration_stands_whole_in_its_event() {
    let shop = Shop::started(json!({"traffic": 50}));
    let iteration = shop.state("x").iteration().unwrap().clone();
    let event = ExperimentEvent::IterationStarted { iteration: Box::new(iteration.clone()) };
    let written = serde_json::to_value(&event).unwrap();
    assert_eq!(written["data"]["iteration"]["definition"]["rule"], "x:1");
    assert_eq!(written["data"]["iteration"]["traffic"], 50);
    let salt = derived_salt(shop.state("x").id(), 1);
    assert!(salt.bytes().all(|byte| byte.is_ascii_hexdigit()) && salt.len() == 32);
    assert_ne!(salt, derived_salt(shop.state("x").id(), 2));
}
