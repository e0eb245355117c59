//! Whatever is asked of experiments, their flags and their layers: what one says is what the others do.

use ff_domain::{
    EnvironmentKey, Experiment, ExperimentCommand as Command, ExperimentState, Flag, FlagCommand,
    Item, LayerCommand, Project,
    experiment::{Design, Status, Verdict},
};
use ff_evaluator::{Config, EnvironmentDefinition};
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest},
    sample::select,
    test_runner::TestCaseError,
};
use serde_json::{Value, json};

use crate::{
    fixture::{from, key, targeting},
    shop::{PAUSE, Shop, design, draft},
};

/// Whom a command is for.
#[derive(Debug, Clone)]
enum Asked {
    Experiment(&'static str, Command),
    Flag(&'static str, FlagCommand),
    Layer(&'static str, LayerCommand),
    Environment(bool),
}

const EXPERIMENTS: [(&str, &str); 3] = [("x", "checkout"), ("y", "checkout"), ("z", "search")];

fn parts() -> impl Strategy<Value = Value> {
    let arms = select(vec![
        json!([{"key": "red", "weight": 50}, {"key": "green", "weight": 50}]),
        json!([{"key": "red", "weight": 0}, {"key": "green", "weight": 99.5},
               {"key": "blue", "weight": 0.5}]),
        json!([{"key": "red", "weight": 50}, {"key": "pink", "weight": 50}]),
    ]);
    let layer = select(vec![json!(null), json!("main"), json!("spare"), json!("gone")]);
    let holdouts = select(vec![json!([]), json!([]), json!(["main"]), json!(["spare"])]);
    let audience = select(vec![
        json!(null),
        json!(null),
        json!({"operator": "in_segment", "value": ["beta"]}),
        json!({"attribute": "base", "operator": "flag_is", "value": ["on"]}),
    ]);
    let traffic = select(vec![1, 30, 45, 90, 100]);
    (arms, layer, holdouts, audience, traffic).prop_map(
        |(arms, layer, holdouts, audience, traffic)| {
            json!({"arms": arms, "layer": layer, "holdouts": holdouts, "audience": audience,
                   "traffic": traffic})
        },
    )
}

fn experiment_command() -> impl Strategy<Value = Asked> {
    let redesigned = (parts(), select(vec![None, None, Some(true), Some(false)])).prop_map(
        |(parts, reshuffle)| Command::ReplaceDesign { design: Box::new(design(parts)), reshuffle },
    );
    let outcome = select(vec![Verdict::Ship { variation: key("green") }, Verdict::KeepControl]);
    let decided = outcome.prop_map(|outcome| Command::Decide { outcome, reason: "so".to_owned() });
    let command = prop_oneof![
        6 => Just(Command::Start),
        3 => Just(PAUSE),
        3 => Just(Command::Resume),
        2 => Just(Command::Stop),
        6 => redesigned,
        1 => decided,
        1 => Just(Command::Ship),
        1 => Just(Command::Archive),
        1 => Just(Command::Restore),
    ];
    let created = (select(EXPERIMENTS.to_vec()), parts()).prop_map(|((name, flag), parts)| {
        Asked::Experiment(name, Command::Create(Box::new(draft(name, flag, parts))))
    });
    let changed = (select(EXPERIMENTS.to_vec()), command)
        .prop_map(|((name, _), command)| Asked::Experiment(name, command));
    prop_oneof![1 => created, 6 => changed]
}

fn other_command() -> impl Strategy<Value = Asked> {
    let dev = || key("dev");
    let replaced = select(vec![
        json!({}),
        json!({"salt": "anew"}),
        json!({"prerequisites": [{"flag": "base", "variations": ["on"]}]}),
        json!({"default": {"variation": "red"}}),
    ])
    .prop_map(move |parts| FlagCommand::ReplaceTargeting {
        environment: dev(),
        targeting: Box::new(targeting(parts)),
    });
    let value = select(vec!["#f00", "#123"]).prop_map(|value| FlagCommand::ChangeVariation {
        key: "red".to_owned(),
        name: None,
        value: Some(json!(value)),
    });
    let flag = prop_oneof![
        replaced,
        value,
        Just(FlagCommand::TurnOn { environment: key("dev") }),
        Just(FlagCommand::TurnOff { environment: key("dev") }),
        Just(FlagCommand::RemoveVariation { key: "blue".to_owned() }),
        Just(FlagCommand::Archive),
        Just(FlagCommand::Restore),
    ];
    let flag = (select(vec!["checkout", "search"]), flag)
        .prop_map(|(name, command)| Asked::Flag(name, command));
    let layer = select(vec![LayerCommand::Archive, LayerCommand::Restore]);
    let layer = (select(vec!["main", "spare"]), layer)
        .prop_map(|(name, command)| Asked::Layer(name, command));
    let environment = select(vec![true, true, false]).prop_map(Asked::Environment);
    prop_oneof![8 => flag, 1 => layer, 1 => environment]
}

fn obey(shop: &mut Shop, asked: Asked) -> bool {
    let mut after = shop.clone();
    let answer = match asked {
        Asked::Experiment(name, command) => after.run(name, command),
        Asked::Flag(name, command) => after.run_flag(name, command),
        Asked::Layer(name, command) => after.run_layer(name, command),
        Asked::Environment(live) => {
            if live {
                after.environments.insert(key("dev"));
            } else {
                after.environments.remove("dev");
            }
            Ok(())
        }
    };
    let accepted = answer.is_ok();
    if accepted {
        *shop = after;
    }
    accepted
}

fn check(shop: &Shop) -> Result<(), TestCaseError> {
    for flag in shop.flags.values() {
        check_flag(shop, flag)?;
    }
    for layer in shop.layers.values() {
        let state = layer.state().unwrap();
        let mut given = Vec::new();
        for (experiment, ranges) in state.allocations.values().flatten() {
            let holder = shop.state(experiment.as_str());
            prop_assert_eq!(holder.held(), Some((&state.key, ranges.as_slice())));
            given.extend(ranges.iter().copied());
        }
        given.sort_unstable();
        prop_assert!(given.windows(2).all(|pair| pair[0][1] <= pair[1][0]), "{given:?}");
        prop_assert!(given.iter().all(|range| state.holdout_end() <= range[0]), "{given:?}");
    }
    for experiment in shop.experiments.values() {
        check_experiment(shop, experiment, experiment.state().unwrap())?;
    }
    Ok(())
}

fn check_flag(shop: &Shop, flag: &Flag) -> Result<(), TestCaseError> {
    let state = flag.state().unwrap();
    let served = state.environment(&key("dev")).experiment;
    let running: Vec<_> = shop
        .experiments
        .values()
        .filter_map(Experiment::state)
        .filter(|experiment| experiment.flag == state.key && experiment.status == Status::Running)
        .collect();
    prop_assert!(running.len() <= 1);
    let expected = running.first().and_then(|experiment| experiment.served());
    prop_assert_eq!(served.as_ref(), expected, "the flag serves the one that runs");
    let dev: EnvironmentKey = key("dev");
    let base = json!({"key": "base", "type": "boolean", "enabled": true, "off_variation": "off",
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
        "default": {"variation": "on"}});
    let (_, defects) = Config::compile(&EnvironmentDefinition {
        id: "environment".to_owned(),
        salt: "00112233445566778899aabbccddeeff".to_owned(),
        position: "1".to_owned(),
        flags: vec![from(base), state.definition(&dev)],
        segments: vec![from(json!({"key": "beta"}))],
    });
    prop_assert!(defects.is_empty(), "{defects:?}");
    Ok(())
}

fn check_experiment(
    shop: &Shop,
    experiment: &Experiment,
    state: &ExperimentState,
) -> Result<(), TestCaseError> {
    let archived = matches!(experiment, Experiment::Archived(_));
    prop_assert!(!(archived && state.status.is_open()));
    let Project::Live(project) = &shop.project else { panic!("it is live") };
    let mentioned = project.references.get(&Item::Experiment(state.key.clone()));
    let expected = Some(state.references()).filter(|all| !archived && !all.is_empty());
    prop_assert_eq!(mentioned, expected.as_ref());
    for (index, iteration) in state.iterations.iter().enumerate() {
        let last = index + 1 == state.iterations.len();
        prop_assert_eq!(iteration.number as usize, index + 1);
        prop_assert_eq!(iteration.ended_at.is_none(), last && state.status.is_open());
        prop_assert!(iteration.ended_at.is_none_or(|end| iteration.started_at <= end));
    }
    prop_assert_eq!(state.iterations.is_empty(), state.status == Status::Draft);
    if let Some(last) = state.iteration().filter(|_| state.status.is_open()) {
        let Design { arms, control, traffic, .. } = &state.design;
        prop_assert_eq!((&last.arms, &last.control, &last.traffic), (arms, control, traffic));
    }
    // While it runs, what it stands on is as it was when the iteration began: so a pause changes nothing.
    if state.status == Status::Running && shop.environments.contains("dev") {
        let mut paused = shop.clone();
        paused.run(state.key.as_str(), PAUSE).unwrap();
        paused.run(state.key.as_str(), Command::Resume).unwrap();
        prop_assert_eq!(paused.state(state.key.as_str()), state);
    }
    Ok(())
}

proptest! {
    #[test]
    fn all_agree(asked in vec(prop_oneof![3 => experiment_command(), 1 => other_command()], 1..40)) {
        let mut shop = Shop::default();
        for (name, flag) in EXPERIMENTS {
            shop.draft(name, flag, json!({}));
        }
        for asked in asked {
            let _ = obey(&mut shop, asked);
            check(&shop)?;
        }
    }
}

#[test]
fn enough_is_accepted_and_enough_is_refused() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut accepted, mut refused, mut started) = (0, 0, 0);
    for _ in 0..40 {
        let mut shop = Shop::default();
        for (name, flag) in EXPERIMENTS {
            shop.draft(name, flag, json!({}));
        }
        let sequence = vec(prop_oneof![3 => experiment_command(), 1 => other_command()], 20..40);
        for asked in sequence.new_tree(&mut runner).unwrap().current() {
            if obey(&mut shop, asked) { accepted += 1 } else { refused += 1 }
        }
        let iterations = shop.experiments.values().filter_map(Experiment::state);
        started += iterations.map(|state| state.iterations.len()).sum::<usize>();
    }
    assert!(accepted > 200 && refused > 200 && started > 40, "{accepted} {refused} {started}");
}
