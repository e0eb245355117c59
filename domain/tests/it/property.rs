//! Whatever is accepted works: it compiles in the evaluator, applies as the command meant it, and survives the log.

use std::collections::BTreeMap;

use cqrs_es::Aggregate as _;
use ff_domain::{Decision as _, EnvironmentKey, Flag, FlagCommand, FlagEvent, FlagState};
use ff_evaluator::{Config, EnvironmentDefinition, FlagDefinition, SegmentDefinition};
use proptest::{
    bool::weighted,
    collection::vec,
    prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest},
    sample::{select, subsequence},
    test_runner::TestCaseError,
};
use serde_json::{Value, json};

use crate::fixture::{created, facts, from, key, live, targeting};

const ENVIRONMENTS: [&str; 3] = ["dev", "prod", "never-touched"];

/// Mostly variations that the flag has at first.
fn variation() -> impl Strategy<Value = &'static str> {
    prop_oneof![9 => select(vec!["red", "green", "blue"]), 1 => select(vec!["black", "10 %"])]
}

fn environment() -> impl Strategy<Value = EnvironmentKey> {
    select(vec!["dev", "prod", "dev", "prod", "qa"]).prop_map(key)
}

fn test() -> impl Strategy<Value = Value> {
    let good = select(vec![
        json!({"attribute": "a", "operator": "eq", "value": 1}),
        json!({"attribute": "a", "operator": "in", "value": ["x", 2, null]}),
        json!({"attribute": "/a/b", "operator": "contains", "value": "x", "ignore_case": true}),
        json!({"attribute": "a", "operator": "matches", "value": "^x+$"}),
        json!({"attribute": "a", "operator": "gte", "value": 1.5}),
        json!({"attribute": "a", "operator": "after", "value": "-P7D"}),
        json!({"attribute": "a", "operator": "semver_range", "value": "~1.2"}),
        json!({"attribute": "a", "operator": "not_exists"}),
        json!({"attribute": "a", "operator": "any_of", "value": [1]}),
        json!({"attribute": "a", "operator": "size", "value": {"gte": 2}}),
        json!({"attribute": "a", "operator": "in_cidr", "value": ["10.0.0.0/8"]}),
        json!({"operator": "in_segment", "value": ["beta"]}),
        json!({"attribute": "base", "operator": "flag_is", "value": ["on"]}),
        json!({"operator": "weekday", "value": {"days": ["mon"], "time_zone": "Europe/Berlin"}}),
    ]);
    let doubtful = select(vec![
        json!({"attribute": "a", "operator": "matches", "value": "("}),
        json!({"attribute": "a", "operator": "gte", "value": "1"}),
        json!({"attribute": "a", "operator": "semver_gt", "value": "1.x"}),
        json!({"operator": "in_segment", "value": ["gone"]}),
        json!({"operator": "in_segment", "value": ["no key!"]}),
        json!({"attribute": "gone", "operator": "flag_is", "value": ["on"]}),
        json!({"attribute": "base", "operator": "flag_is", "value": ["none"]}),
        json!({"attribute": "base", "operator": "eq", "value": {"a": [1]}, "ignore_case": true}),
        json!({"attribute": "", "operator": "exists"}),
    ]);
    prop_oneof![12 => good, 1 => doubtful]
}

fn condition() -> impl Strategy<Value = Value> {
    test().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(|parts| json!({"and": parts})),
            vec(inner.clone(), 0..3).prop_map(|parts| json!({"or": parts})),
            inner.prop_map(|part| json!({"not": part})),
        ]
    })
}

fn outcome() -> impl Strategy<Value = Value> {
    let rollout =
        (subsequence(vec!["red", "green", "blue"], 1..=3), 0..=100_000_u32, weighted(0.8))
            .prop_map(|(keys, first, whole)| {
                // Shares that are the whole, or mostly not.
                let weight = |thousandths: u32| f64::from(thousandths) / 1000.0;
                let first = if keys.len() == 1 && whole { 100_000 } else { first };
                let rest = if whole { 100_000 - first } else { first / 2 };
                let weights = [weight(first), weight(rest), 0.0, 0.0];
                let shares = keys.iter().zip(weights);
                let shares: Vec<_> =
                    shares.map(|(key, weight)| json!({"key": key, "weight": weight})).collect();
                json!({"rollout": {"variations": shares}})
            });
    prop_oneof![2 => variation().prop_map(|key| json!({"variation": key})), 1 => rollout]
}

fn parts() -> impl Strategy<Value = Value> {
    let rule = (select(vec!["r1", "r2", "r3", "r4", "r5", "r6"]), condition(), outcome())
        .prop_map(|(id, condition, then)| json!({"id": id, "if": condition, "then": then}));
    let prerequisite = (
        prop_oneof![6 => Just("base"), 1 => select(vec!["gone", "checkout", "no key!"])],
        prop_oneof![6 => select(vec!["on", "off"]), 1 => select(vec!["none", " on"])],
    )
        .prop_map(|(flag, variation)| json!({"flag": flag, "variations": [variation]}));
    let target = (variation(), vec(select(vec!["u1", "u2", ""]), 0..3))
        .prop_map(|(variation, keys)| json!({"variation": variation, "keys": keys}));
    let prerequisites = prop_oneof![3 => Just(vec![]), 1 => vec(prerequisite, 1..2)];
    (variation(), outcome(), vec(rule, 0..3), prerequisites, vec(target, 0..3)).prop_map(
        |(off, default, rules, prerequisites, targets)| {
            json!({"off_variation": off, "default": default, "rules": rules,
                   "prerequisites": prerequisites, "targets": targets})
        },
    )
}

fn command() -> impl Strategy<Value = FlagCommand> {
    let added = (select(vec!["black", "10 %", "red", " x"]), select(vec![json!("v"), json!(1)]))
        .prop_map(|(key, value)| {
            FlagCommand::AddVariation(from(json!({"key": key, "value": value})))
        });
    let changed = (variation(), select(vec![json!("w"), json!(true)])).prop_map(|(key, value)| {
        FlagCommand::ChangeVariation { key: key.to_owned(), name: None, value: Some(value) }
    });
    prop_oneof![
        2 => environment().prop_map(|environment| FlagCommand::TurnOn { environment }),
        1 => environment().prop_map(|environment| FlagCommand::TurnOff { environment }),
        6 => (environment(), parts()).prop_map(|(environment, parts)| {
            FlagCommand::ReplaceTargeting { environment, targeting: Box::new(targeting(parts)) }
        }),
        2 => added,
        1 => changed,
        2 => variation().prop_map(|key| FlagCommand::RemoveVariation { key: key.to_owned() }),
        1 => Just(FlagCommand::Archive),
        1 => Just(FlagCommand::Restore),
    ]
}

/// The environment with everything that a live flag may mention.
fn defects(flag: &FlagState, environment: &EnvironmentKey) -> Vec<String> {
    let base: FlagDefinition = from(json!({
        "key": "base", "type": "boolean", "enabled": true, "off_variation": "off",
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
        "default": {"variation": "on"}}));
    let beta: SegmentDefinition = from(json!({"key": "beta"}));
    let (_, defects) = Config::compile(&EnvironmentDefinition {
        id: "environment".to_owned(),
        salt: "00112233445566778899aabbccddeeff".to_owned(),
        position: "1".to_owned(),
        flags: vec![base, flag.definition(environment)],
        segments: vec![beta],
    });
    defects.iter().map(ToString::to_string).collect()
}

/// What a command means for a flag, told without events.
fn expected(before: &Flag, command: &FlagCommand) -> Flag {
    let state = before.state().unwrap().clone();
    let environments: BTreeMap<_, _> = state.environments.clone();
    let with = |environment: &EnvironmentKey,
                change: &dyn Fn(&mut ff_domain::flag::FlagEnvironment)| {
        let mut environments = environments.clone();
        let mut one = state.environment(environment);
        change(&mut one);
        environments.insert(environment.clone(), one);
        Flag::Live(FlagState { environments, ..state.clone() })
    };
    let with_variations = |change: &dyn Fn(&mut Vec<ff_evaluator::Variation>)| {
        let mut variations = state.variations.clone();
        change(&mut variations);
        Flag::Live(FlagState { variations, ..state.clone() })
    };
    match command {
        FlagCommand::TurnOn { environment } => with(environment, &|one| one.enabled = true),
        FlagCommand::TurnOff { environment } => with(environment, &|one| one.enabled = false),
        FlagCommand::ReplaceTargeting { environment, targeting } => {
            with(environment, &|one| one.targeting = (**targeting).clone())
        }
        FlagCommand::AddVariation(new) => with_variations(&|all| all.push(new.clone())),
        FlagCommand::RemoveVariation { key } => {
            with_variations(&|all| all.retain(|variation| variation.key != *key))
        }
        FlagCommand::ChangeVariation { key, value, .. } => with_variations(&|all| {
            let variation = all.iter_mut().find(|variation| variation.key == *key).unwrap();
            variation.value = value.clone().unwrap();
        }),
        FlagCommand::Archive => Flag::Archived(state.clone()),
        FlagCommand::Restore => Flag::Live(state.clone()),
        // Not among the commands above; experiments have properties of their own.
        FlagCommand::Create(_)
        | FlagCommand::ChangeDetails(_)
        | FlagCommand::ServeExperiment { .. }
        | FlagCommand::EndExperiment { .. }
        | FlagCommand::ShipVariation { .. } => before.clone(),
    }
}

fn check(flag: &mut Flag, command: &FlagCommand) -> Result<(), TestCaseError> {
    let before = flag.clone();
    let Ok(events) = flag.decide(command.clone(), &facts()) else {
        prop_assert_eq!(&*flag, &before);
        return Ok(());
    };
    for event in &events {
        let text = serde_json::to_string(event).unwrap();
        prop_assert_eq!(&serde_json::from_str::<FlagEvent>(&text).unwrap(), event);
        flag.apply(event.clone());
    }
    if events.is_empty() {
        // Nothing to do means that it is so already, whether it was ever said or not.
        for environment in ENVIRONMENTS.map(key) {
            let already = expected(&before, command);
            let (now, then) = (flag.state().unwrap(), already.state().unwrap());
            prop_assert_eq!(now.environment(&environment), then.environment(&environment));
        }
    } else {
        prop_assert_eq!(&*flag, &expected(&before, command));
    }
    if let Flag::Live(state) = flag {
        for environment in ENVIRONMENTS.map(key) {
            let defects = defects(state, &environment);
            prop_assert!(defects.is_empty(), "{defects:?}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn whatever_is_accepted_works(commands in vec(command(), 1..12)) {
        let mut flag = live([]);
        for command in &commands {
            check(&mut flag, command)?;
        }
    }

    #[test]
    fn a_replayed_flag_is_the_decided_one(commands in vec(command(), 1..12)) {
        let mut flag = live([]);
        let mut history = vec![created()];
        for command in commands {
            let events = flag.decide(command, &facts()).unwrap_or_default();
            events.iter().cloned().for_each(|event| flag.apply(event));
            history.extend(events);
        }
        prop_assert_eq!(crate::fixture::after::<Flag>(history), flag);
    }
}

/// The strategies are worth nothing if hardly anything they make is accepted.
#[test]
fn a_good_part_of_what_is_tried_is_accepted() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..400 {
        let command = command().new_tree(&mut runner).unwrap().current();
        if !matches!(command, FlagCommand::ReplaceTargeting { .. }) {
            continue;
        }
        match live([]).decide(command, &facts()) {
            Ok(_) => accepted += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(accepted > 20 && refused > 20, "{accepted} accepted, {refused} refused");
}
