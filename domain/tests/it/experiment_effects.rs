//! What an experiment does to its layer and its project, and what is left of that when its surroundings go.

use ff_domain::{
    ExperimentCommand as Command, ExperimentError, FlagCommand, Item, Project, References,
};
use ff_evaluator::Weight;
use serde_json::{Value, json};

use crate::{
    fixture::{from, key, replace},
    shop::{PAUSE, Refused, Shop, decide, redesign},
};

#[test]
fn a_layer_gives_each_its_own() {
    let mut shop = Shop::started(json!({"layer": "main", "traffic": 30}));
    shop.draft("y", "search", json!({"layer": "main", "traffic": 50}));
    shop.run("y", Command::Start).unwrap();
    assert_eq!(shop.buckets("main", "x"), [[1000, 4000]]);
    assert_eq!(shop.buckets("main", "y"), [[4000, 9000]]);
    let slices = |name: &str| json!(shop.state(name).iteration().unwrap().definition.slices);
    assert_eq!(slices("x"), json!([{"seed": "layer:main", "ranges": [[1000, 4000]]}]));

    let mut more = shop.clone();
    let error = more.run("x", redesign(json!({"layer": "main", "traffic": 40.01})));
    let error = error.unwrap_err().by_experiment();
    let share = |percent| Weight::from_percent(percent).unwrap();
    let full = ExperimentError::LayerFull {
        layer: key("main"),
        environment: key("dev"),
        wanted: share(40.01),
        free: share(40.0),
    };
    assert_eq!(error, full);
    assert!(error.to_string().contains("has 40 percent free in environment `dev`, 40.01 are"));
    more.run("x", redesign(json!({"layer": "main", "traffic": 40}))).unwrap();
    assert_eq!(more.buckets("main", "x"), [[1000, 4000], [9000, 10_000]]);
    more.run("x", PAUSE).unwrap();
    assert_eq!(more.buckets("main", "x").len(), 2, "its users are kept for it");
    more.run("x", redesign(json!({"layer": "spare", "traffic": 1}))).unwrap();
    assert!(more.buckets("main", "x").is_empty());
    assert_eq!(more.buckets("spare", "x"), [[0, 100]]);
    more.run("x", redesign(json!({"traffic": 1}))).unwrap();
    assert!(more.buckets("spare", "x").is_empty());

    shop.run("x", Command::Stop).unwrap();
    assert!(shop.buckets("main", "x").is_empty());
}

#[test]
fn slices_say_who_takes_part() {
    let slices = |parts: Value| {
        let shop = Shop::started(parts);
        json!(shop.state("x").iteration().unwrap().definition.slices)
    };
    assert_eq!(slices(json!({})), json!([]));
    let traffic = json!({"seed": "traffic:x", "ranges": [[0, 1234]]});
    assert_eq!(slices(json!({"traffic": 12.34})), json!([traffic]));
    let holdout = json!({"seed": "layer:main", "ranges": [[1000, 10_000]]});
    assert_eq!(slices(json!({"traffic": 12.34, "holdouts": ["main"]})), json!([holdout, traffic]));
    let own = json!({"layer": "main", "traffic": 1, "holdouts": ["main"]});
    assert_eq!(slices(own), json!([{"seed": "layer:main", "ranges": [[1000, 1100]]}]));
}

#[test]
fn it_can_be_stopped_whatever_became_of_its_environment() {
    let mut shop = Shop::started(json!({"layer": "main", "traffic": 30}));
    shop.environments.remove("dev");
    let mut paused = shop.clone();
    let change = redesign(json!({"layer": "main", "traffic": 10}));
    let error = shop.run("x", change).unwrap_err().by_experiment();
    assert_eq!(error, ExperimentError::UnknownEnvironment(key("dev")));
    paused.run("x", PAUSE).unwrap();
    let error = paused.run("x", Command::Resume).unwrap_err().by_experiment();
    assert_eq!(error, ExperimentError::UnknownEnvironment(key("dev")));
    for mut shop in [shop, paused] {
        shop.run("x", Command::Stop).unwrap();
        assert_eq!(shop.here("checkout").experiment, None);
        assert!(shop.buckets("main", "x").is_empty());
        shop.run("x", decide(json!({"type": "ship", "variation": "green"}))).unwrap();
        let error = shop.run("x", Command::Ship).unwrap_err();
        assert!(matches!(error, Refused::Flag(_)), "{error:?}");
    }
}

#[test]
fn it_mentions_what_it_needs_until_it_is_stopped() {
    let audience = json!({"and": [{"operator": "in_segment", "value": ["beta"]},
        {"attribute": "base", "operator": "flag_is", "value": ["on"]}]});
    let metrics = json!({"primary": ["orders"], "secondary": ["revenue"],
        "guardrails": [{"metric": "latency", "margin": 5}]});
    let mut shop = Shop::drafted(json!({"audience": audience, "metrics": metrics}));
    let expected: References = from(json!({
        "flags": {"dev": {"base": ["on"], "checkout": ["green", "red"]}},
        "segments": ["beta"],
        "metrics": ["latency", "orders", "revenue"],
    }));
    let mentioned = |shop: &Shop| {
        let Project::Live(project) = &shop.project else { panic!("it is live") };
        project.references.get(&Item::Experiment(key("x"))).cloned()
    };
    assert_eq!(mentioned(&shop), Some(expected.clone()));
    for command in [Command::Start, PAUSE] {
        shop.run("x", command).unwrap();
        assert_eq!(mentioned(&shop), Some(expected.clone()));
    }
    let Project::Live(project) = &shop.project else { panic!("it is live") };
    for item in [Item::Metric(key("revenue")), Item::Flag(key("checkout"))] {
        assert!(project.used_by(&item).any(|by| *by == Item::Experiment(key("x"))), "{item}");
    }
    let error = shop.run_flag("checkout", FlagCommand::Archive).unwrap_err();
    assert!(matches!(error, Refused::Project(_)), "{error:?}");
    let remove = |variation: &str| FlagCommand::RemoveVariation { key: variation.to_owned() };
    shop.run_flag("checkout", replace("dev", json!({"default": {"variation": "red"}}))).unwrap();
    shop.clone().run_flag("checkout", remove("blue")).unwrap();
    shop.run("x", Command::Stop).unwrap();
    assert_eq!(mentioned(&shop), None);
    shop.run_flag("checkout", FlagCommand::Archive).unwrap();

    let mut shop = Shop::drafted(json!({}));
    shop.run("x", Command::Archive).unwrap();
    assert_eq!(mentioned(&shop), None);
    shop.metrics.remove("orders");
    let error = shop.run("x", Command::Restore).unwrap_err().by_experiment();
    let ExperimentError::Invalid(problems) = error else { panic!("{error:?}") };
    assert_eq!(problems[0].pointer, "/design/metrics/primary/0");
    shop.metrics.insert(key("orders"));
    shop.run("x", Command::Restore).unwrap();
    assert!(mentioned(&shop).is_some());
}
