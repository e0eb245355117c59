//! What makes a design, with the place of each mistake.

use ff_domain::{
    Experiment, ExperimentCommand as Command, ExperimentError, experiment::ExperimentMentions,
};
use serde_json::{Value, json};

use crate::{
    fixture::{key, pointers},
    shop::{Shop, draft, redesign},
};

fn refused(parts: Value, pointer: &str, detail: &str) {
    let mut shop = Shop::drafted(json!({}));
    let error = shop.run("x", redesign(parts.clone())).unwrap_err().by_experiment();
    let ExperimentError::Invalid(problems) = &error else { panic!("{error:?}") };
    let found = pointers(problems);
    assert!(
        found.iter().any(|(at, what)| *at == pointer && what.contains(detail)),
        "{pointer} {detail}: {found:?}"
    );
    // The same at another place in a new experiment.
    let new = Command::Create(Box::new(draft("y", "checkout", parts)));
    let error = shop.run("y", new).unwrap_err().by_experiment();
    let ExperimentError::Invalid(problems) = &error else { panic!("{error:?}") };
    let below = format!("/design{pointer}");
    assert!(problems.iter().any(|problem| problem.pointer == below), "{problems:?}");
}

fn accepted(parts: Value) {
    Shop::drafted(json!({})).run("x", redesign(parts)).unwrap();
}

#[test]
fn arms_are_variations_of_the_flag() {
    let arm = |key: &str, weight: f64| json!({"key": key, "weight": weight});
    refused(json!({"arms": [arm("red", 100.0)]}), "/arms", "2 to 20 arms");
    refused(json!({"arms": [arm("red", 50.0), arm("green", 49.0)]}), "/arms", "sum to 99");
    refused(json!({"arms": [arm("red", 50.0), arm("red", 50.0)]}), "/arms/1/key", "listed twice");
    refused(
        json!({"arms": [arm("red", 50.0), arm("pink", 50.0)]}),
        "/arms/1/key",
        "no variation `pink`",
    );
    refused(json!({"control": "blue"}), "/control", "one of the arms");
    accepted(json!({"arms": [arm("red", 0.0), arm("green", 99.999), arm("blue", 0.001)]}));
}

#[test]
fn traffic_is_a_whole_number_of_buckets() {
    refused(json!({"traffic": 0}), "/traffic", "above 0");
    refused(json!({"traffic": 10.005}), "/traffic", "steps of 0.01");
    accepted(json!({"traffic": 0.01}));
}

#[test]
fn an_audience_leads_somewhere() {
    let audience = |condition: Value| json!({"audience": condition});
    let segment = |key: &str| json!({"operator": "in_segment", "value": [key]});
    accepted(audience(json!({"and": [segment("beta")]})));
    refused(audience(json!({"not": segment("gone")})), "/audience", "no segment `gone`");
    refused(
        audience(json!({"attribute": "a", "operator": "matches", "value": "("})),
        "/audience/value",
        "regular expression",
    );
    let flag_is = |flag: &str, variation: &str| {
        audience(json!({"attribute": flag, "operator": "flag_is", "value": [variation]}))
    };
    accepted(flag_is("base", "on"));
    refused(flag_is("gone", "on"), "/audience", "no flag `gone`");
    refused(flag_is("base", "none"), "/audience", "no variation `none`");
    refused(flag_is("checkout", "red"), "/audience", "cannot depend on what it serves");
}

#[test]
fn layers_are_bucketed_by_the_same() {
    refused(json!({"layer": "gone"}), "/layer", "no layer `gone`");
    refused(json!({"holdouts": ["gone"]}), "/holdouts/0", "no layer `gone`");
    refused(json!({"holdouts": ["spare"]}), "/holdouts/0", "holds nobody out");
    refused(json!({"layer": "main", "bucket_by": "account"}), "/layer", "the targeting key");
    refused(
        json!({"holdouts": ["main"], "bucket_by": "account"}),
        "/holdouts/0",
        "set `bucket_by`",
    );
    refused(json!({"bucket_by": " "}), "/bucket_by", "name an attribute");
    accepted(json!({"layer": "spare", "holdouts": ["main"], "traffic": 10}));
}

#[test]
fn metrics_are_known_and_named_once() {
    let metrics = |json: Value| json!({"metrics": json});
    refused(metrics(json!({"primary": []})), "/metrics/primary", "at least one");
    refused(metrics(json!({"primary": ["gone"]})), "/metrics/primary/0", "no metric `gone`");
    refused(
        metrics(json!({"primary": ["orders"], "secondary": ["revenue", "orders"]})),
        "/metrics/secondary/1",
        "listed twice",
    );
    let guardrail = |margin: f64| {
        metrics(json!({"primary": ["orders"],
            "guardrails": [{"metric": "latency", "margin": margin, "on_breach": "report"}]}))
    };
    refused(guardrail(100.0), "/metrics/guardrails/0/margin", "below 100");
    accepted(guardrail(0.0));
    let many: Vec<String> = (0..101).map(|n| format!("m{n}")).collect();
    refused(metrics(json!({"primary": many})), "/metrics", "at most 100");
}

#[test]
fn an_analysis_can_be_done() {
    let analysis = |json: Value| json!({"analysis": json});
    for (place, wrong) in [
        ("confidence", json!(100)),
        ("confidence", json!(49.9)),
        ("power", json!(100)),
        ("planned_users", json!(0)),
        ("planned_users", json!(1_000_000_000_001_u64)),
        ("look_every_hours", json!(0)),
        ("look_every_hours", json!(2161)),
        ("minimum_effect", json!(0)),
        ("breakdowns", json!(["a", "b", "c", "d", "e", "f"])),
    ] {
        refused(analysis(json!({place: wrong})), &format!("/analysis/{place}"), "");
    }
    refused(analysis(json!({"method": "fixed"})), "/analysis/planned_users", "how many users");
    refused(analysis(json!({"breakdowns": ["a", "a"]})), "/analysis/breakdowns/1", "twice");
    refused(analysis(json!({"breakdowns": [""]})), "/analysis/breakdowns/0", "printable");
    accepted(analysis(json!({"method": "fixed", "planned_users": 1000, "breakdowns": ["os"]})));
}

#[test]
fn it_is_drafted_where_and_on_what_there_is() {
    let mut shop = Shop::default();
    shop.environments.clear();
    let mut new = draft("x", "gone", json!({}));
    new.name = String::new();
    let error = shop.run("x", Command::Create(Box::new(new))).unwrap_err().by_experiment();
    let ExperimentError::Invalid(problems) = error else { panic!("{error:?}") };
    let places: Vec<&str> = pointers(&problems).iter().map(|(at, _)| *at).collect();
    assert_eq!(places, ["/name", "/environment", "/flag"]);
}

#[test]
fn a_draft_is_checked_again_when_it_starts() {
    let mut shop = Shop::drafted(json!({"holdouts": ["main"]}));
    shop.run_layer("main", ff_domain::LayerCommand::Archive).unwrap();
    let error = shop.run("x", Command::Start).unwrap_err().by_experiment();
    let ExperimentError::Invalid(problems) = error else { panic!("{error:?}") };
    assert_eq!(problems[0].pointer, "/design/holdouts/0");
    shop.run_layer("main", ff_domain::LayerCommand::Restore).unwrap();
    shop.run("x", Command::Start).unwrap();
}

#[test]
fn a_command_says_what_must_be_looked_up() {
    let audience = json!({"or": [{"operator": "in_segment", "value": ["beta", "no key!"]},
        {"attribute": "base", "operator": "flag_is", "value": ["on"]}]});
    let parts = json!({"layer": "main", "holdouts": ["spare"], "audience": audience,
        "metrics": {"primary": ["orders"], "guardrails": [{"metric": "latency", "margin": 1}]}});
    let expected = ExperimentMentions {
        environment: Some(key("dev")),
        flag: Some(key("checkout")),
        metrics: [key("orders"), key("latency")].into(),
        layers: [key("main"), key("spare")].into(),
        segments: [key("beta")].into(),
        flags: [key("base")].into(),
    };
    let create = Command::Create(Box::new(draft("x", "checkout", parts.clone())));
    assert_eq!(Experiment::Absent.mentions(&create), expected);
    assert_eq!(Experiment::Absent.mentions(&Command::Start), ExperimentMentions::default());
    let shop = Shop::drafted(json!({}));
    let drafted = &shop.experiments["x"];
    assert_eq!(drafted.mentions(&redesign(parts)), expected);
    assert_eq!(drafted.mentions(&Command::Start).metrics, [key("orders")].into());
    assert_eq!(drafted.mentions(&Command::Stop), ExperimentMentions::default());
}
