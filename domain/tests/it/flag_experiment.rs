//! What a flag allows and refuses while it serves an experiment, and how a winner is put where the experiment stood.

use ff_domain::{FlagCommand, FlagError, FlagEvent};
use ff_evaluator::ExperimentDefinition;
use serde_json::{Value, json};

use crate::{
    fixture::{from, key, live, replace, replaced, rule, targeting},
    flag::given,
};

fn definition(parts: Value) -> ExperimentDefinition {
    let mut all = json!({"key": "x", "rule": "x:1", "split": {"variations": [
        {"key": "red", "weight": 50}, {"key": "green", "weight": 50}]}});
    let Value::Object(parts) = parts else { panic!("parts are an object") };
    all.as_object_mut().unwrap().extend(parts);
    from(all)
}

fn served(parts: Value) -> FlagEvent {
    FlagEvent::ExperimentServed { environment: key("dev"), definition: Box::new(definition(parts)) }
}

fn serve(parts: Value) -> FlagCommand {
    FlagCommand::ServeExperiment {
        environment: key("dev"),
        definition: Box::new(definition(parts)),
    }
}

fn end(experiment: &str) -> FlagCommand {
    FlagCommand::EndExperiment { environment: key("dev"), experiment: key(experiment) }
}

fn ended() -> FlagEvent {
    FlagEvent::ExperimentEnded { environment: key("dev"), experiment: key("x") }
}

fn ship(audience: Option<Value>) -> FlagCommand {
    FlagCommand::ShipVariation {
        environment: key("dev"),
        experiment: key("x"),
        variation: key("blue"),
        audience: audience.map(from),
    }
}

fn locked(what: &'static str) -> FlagError {
    FlagError::LockedByExperiment { what, experiment: "x".to_owned(), environment: key("dev") }
}

#[test]
fn it_serves_one_experiment_in_an_environment() {
    given([]).when(serve(json!({}))).then_expect_events(vec![served(json!({}))]);
    let running = || given([served(json!({}))]);
    running().when(serve(json!({}))).then_expect_events(vec![]);
    let next = json!({"rule": "x:2"});
    running().when(serve(next.clone())).then_expect_events(vec![served(next)]);
    running().when(serve(json!({"key": "y", "rule": "y:1"}))).then_expect_error(
        FlagError::OtherExperiment { experiment: "x".to_owned(), environment: key("dev") },
    );
    running().when(end("x")).then_expect_events(vec![ended()]);
    running().when(end("y")).then_expect_events(vec![]);
    given([]).when(end("x")).then_expect_events(vec![]);
    given([FlagEvent::Archived {}]).when(end("x")).then_expect_events(vec![]);
    let nowhere = FlagCommand::ServeExperiment {
        environment: key("qa"),
        definition: Box::new(definition(json!({}))),
    };
    given([]).when(nowhere).then_expect_error(FlagError::UnknownEnvironment(key("qa")));

    let dev = key("dev");
    let here = live([served(json!({})), ended()]).state().unwrap().environment(&dev);
    assert!(here.experiment.is_none() && here.experimented);
    assert!(!live([]).state().unwrap().environment(&dev).experimented);
}

#[test]
fn what_it_shall_serve_is_sound() {
    let arm = |key: &str, weight: u32| json!({"key": key, "weight": weight});
    for (parts, pointer) in [
        (json!({"split": {"variations": [arm("pink", 50), arm("red", 50)]}}), "/split"),
        (json!({"split": {"variations": [arm("green", 5), arm("red", 50)]}}), "/split"),
        (json!({"slices": [{"seed": "s", "ranges": [[5, 5]]}]}), "/slices"),
        (json!({"if": {"operator": "in_segment", "value": ["gone"]}}), "/if"),
        (json!({"if": {"attribute": "gone", "operator": "flag_is", "value": ["on"]}}), "/if"),
    ] {
        let error = given([]).when(serve(parts.clone())).inspect_result().unwrap_err();
        let FlagError::Invalid(problems) = error else { panic!("{error:?}") };
        assert!(problems.iter().all(|p| p.pointer.starts_with(pointer)), "{parts} {problems:?}");
    }
    let beta = json!({"if": {"operator": "in_segment", "value": ["beta"]}});
    given([]).when(serve(beta.clone())).then_expect_events(vec![served(beta)]);
}

#[test]
fn what_it_stands_on_is_locked() {
    let running = || given([served(json!({}))]);
    running().when(FlagCommand::Archive).then_expect_error(locked("it cannot be archived"));
    let remove = FlagCommand::RemoveVariation { key: "red".to_owned() };
    running()
        .when(remove)
        .then_expect_error(locked("a variation that it compares cannot be removed"));
    let change = |variation: &str, name: Option<&str>, value: Option<Value>| {
        let (key, name) = (variation.to_owned(), name.map(str::to_owned));
        FlagCommand::ChangeVariation { key, name, value }
    };
    running()
        .when(change("red", None, Some(json!("#e00"))))
        .then_expect_error(locked("a variation that it compares keeps its value"));
    running()
        .when(replace("dev", json!({"salt": "anew"})))
        .then_expect_error(locked("the salt stays"));
    let needs = json!({"prerequisites": [{"flag": "base", "variations": ["on"]}]});
    running()
        .when(replace("dev", needs.clone()))
        .then_expect_error(locked("the prerequisites stay"));

    // The rest is free: other variations, names, other environments, rules, targets, the default and the switch.
    let free = [
        change("red", Some("Red"), Some(json!("#f00"))),
        change("blue", None, Some(json!("#00e"))),
        FlagCommand::RemoveVariation { key: "blue".to_owned() },
        replace("prod", json!({"salt": "anew"})),
        replace("prod", needs),
        replace("dev", json!({"default": {"variation": "red"}})),
        replace("dev", rule(json!({"operator": "in_segment", "value": ["beta"]}))),
        replace("dev", json!({"targets": [{"variation": "blue", "keys": ["u"]}]})),
        FlagCommand::TurnOn { environment: key("dev") },
    ];
    for command in free {
        let events = running().when(command.clone()).inspect_result();
        assert_eq!(events.map(|events| events.len()), Ok(1), "{command:?}");
    }
    let on = FlagEvent::TurnedOn { environment: key("dev") };
    let off = FlagCommand::TurnOff { environment: key("dev") };
    let events = given([served(json!({})), on]).when(off).inspect_result().unwrap();
    assert_eq!(events, [FlagEvent::TurnedOff { environment: key("dev") }]);
    given([served(json!({})), ended()])
        .when(FlagCommand::Archive)
        .then_expect_events(vec![FlagEvent::Archived {}]);
}

#[test]
fn it_mentions_whom_the_experiment_asks_for() {
    let both = json!({"and": [{"operator": "in_segment", "value": ["beta"]},
        {"attribute": "base", "operator": "flag_is", "value": ["on"]}]});
    let flag = live([served(json!({"if": both}))]);
    let references = flag.state().unwrap().references();
    let expected = json!({"flags": {"dev": {"base": ["on"]}}, "segments": ["beta"]});
    assert_eq!(json!(references), expected);
    let definition = flag.state().unwrap().definition(&key("dev"));
    assert_eq!(definition.experiment.unwrap().rule, "x:1");
    assert!(flag.state().unwrap().definition(&key("prod")).experiment.is_none());
    let bare = live([]);
    assert!(bare.project_command(&flag).is_some() && flag.project_command(&bare).is_some());
}

#[test]
fn a_winner_is_put_where_the_experiment_stood() {
    let everyone = given([]).when(ship(None)).inspect_result().unwrap();
    assert_eq!(everyone, [replaced("dev", json!({"default": {"variation": "blue"}}))]);

    let beta = json!({"operator": "in_segment", "value": ["beta"]});
    let winner = |condition: Option<Value>| {
        let mut rule = json!({"id": "shipped:x", "name": "Winner of x",
            "then": {"variation": "blue"}});
        if let Some(condition) = condition {
            rule["if"] = condition;
        }
        rule
    };
    let audience = given([]).when(ship(Some(beta.clone()))).inspect_result().unwrap();
    let expected = replaced("dev", json!({"rules": [winner(Some(beta.clone()))]}));
    assert_eq!(audience, [expected]);

    let aimed = rule(json!({"attribute": "a", "operator": "exists"}));
    let in_front = given([replaced("dev", aimed.clone())]).when(ship(None)).inspect_result();
    let rules = json!({"rules": [winner(None), aimed["rules"][0]]});
    assert_eq!(in_front.unwrap(), [replaced("dev", rules.clone())]);
    given([replaced("dev", rules)]).when(ship(None)).then_expect_events(vec![]);

    let gone = ship(Some(json!({"operator": "in_segment", "value": ["gone"]})));
    let error = given([]).when(gone).inspect_result().unwrap_err();
    assert!(matches!(error, FlagError::Invalid(_)), "{error:?}");
    let unknown = FlagCommand::ShipVariation {
        environment: key("dev"),
        experiment: key("x"),
        variation: key("pink"),
        audience: None,
    };
    let error = given([]).when(unknown).inspect_result().unwrap_err();
    assert!(matches!(error, FlagError::UnknownVariation { .. }), "{error:?}");
    assert_eq!(targeting(json!({})).rules, []);
}

#[test]
fn what_must_be_looked_up_for_an_experiment() {
    let beta = json!({"operator": "in_segment", "value": ["beta"]});
    let needs = json!({"prerequisites": [{"flag": "base", "variations": ["on"]}]});
    let flag = live([replaced("dev", needs)]);
    let mentions = flag.mentions(&serve(json!({"if": beta})));
    assert_eq!(mentions.segments, [key("beta")].into());
    assert_eq!((mentions.environments, mentions.flags.len()), ([key("dev")].into(), 0));
    let mentions = flag.mentions(&ship(Some(beta)));
    assert_eq!(mentions.segments, [key("beta")].into());
    assert_eq!(mentions.flags.len(), 1, "the whole targeting is checked");
    assert_eq!(flag.mentions(&end("x")).environments, [].into());
}
