//! What an explanation looks like as JSON.

use ff_evaluator::{Config, Context};
use serde_json::{Value, json};

#[test]
fn everything_looked_at_is_shown() {
    let variations = json!([{"key": "on", "value": true}, {"key": "off", "value": false}]);
    let definition = serde_json::from_value(json!({
        "id": "e", "salt": "0123456789abcdef0123456789abcdef", "position": "9",
        "flags": [
            {"key": "base", "type": "boolean", "enabled": true, "off_variation": "off", "variations": variations,
             "default": {"variation": "on"}},
            {"key": "f", "type": "boolean", "enabled": true, "off_variation": "off", "variations": variations,
             "prerequisites": [{"flag": "base", "variations": ["on"]}],
             "rules": [
                {"id": "r1", "name": "staff", "if": {"operator": "in_segment", "value": ["staff"]}, "then": {"variation": "on"}},
                {"id": "r2", "if": {"and": [
                    {"attribute": "country", "operator": "eq", "value": "DE"},
                    {"not": {"attribute": "age", "operator": "lt", "value": 18}},
                ]}, "then": {"rollout": {"variations": [{"key": "on", "weight": 25}, {"key": "off", "weight": 75}]}}},
             ],
             "default": {"variation": "off"}},
        ],
        "segments": [{"key": "staff", "excluded": ["u-1"]}],
    }))
    .unwrap();
    let (config, _) = Config::compile(&definition);
    let context = Context::from_json(json!({"targetingKey": "u-1", "country": "DE"})).unwrap();
    let explanation = config.explain("f", &context, "2026-11-22T20:49:31Z".parse().unwrap());
    let bucket = ff_evaluator::bucket("0123456789abcdef0123456789abcdef", "f", "u-1");
    let served = if bucket < 2500 { "on" } else { "off" };
    assert_eq!(
        serde_json::to_value(&explanation).unwrap(),
        json!({
            "flag": "f", "position": "9", "at": "2026-11-22T20:49:31Z",
            "value": served == "on", "variation": served, "reason": "SPLIT", "rule": "r2",
            "steps": [{
                "step": "flag", "key": "f", "outcome": {"serves": {"variation": served, "reason": "SPLIT"}},
                "steps": [
                    {"step": "prerequisite", "flag": "base", "variations": ["on"], "outcome": {"holds": true}, "steps": [
                        {"step": "flag", "key": "base", "outcome": {"serves": {"variation": "on", "reason": "STATIC"}}},
                    ]},
                    {"step": "rule", "id": "r1", "name": "staff", "outcome": {"holds": false}, "steps": [
                        {"step": "test", "operator": "in_segment", "value": ["staff"], "outcome": {"holds": false}, "steps": [
                            {"step": "segment", "key": "staff", "outcome": {"holds": false}, "steps": [
                                {"step": "excluded", "outcome": {"holds": true}},
                            ]},
                        ]},
                    ]},
                    {"step": "rule", "id": "r2", "outcome": {"holds": true}, "steps": [
                        {"step": "and", "outcome": {"holds": true}, "steps": [
                            {"step": "test", "attribute": "country", "operator": "eq", "value": "DE", "actual": "DE",
                             "outcome": {"holds": true}},
                            {"step": "not", "outcome": {"holds": true}, "steps": [
                                {"step": "test", "attribute": "age", "operator": "lt", "value": 18, "outcome": {"holds": false}},
                            ]},
                        ]},
                    ]},
                    {"step": "rollout", "value": "u-1", "bucket": bucket,
                     "ranges": [{"variation": "on", "from": 0, "to": 2500}, {"variation": "off", "from": 2500, "to": 10000}],
                     "outcome": {"serves": {"variation": served}}},
                ],
            }],
        })
    );
}

#[test]
fn an_experiment_is_explained_with_its_slices_and_its_split() {
    let salt = "0123456789abcdef0123456789abcdef";
    let definition = serde_json::from_value(json!({
        "id": "e", "salt": salt, "position": "9", "segments": [],
        "flags": [{
            "key": "f", "type": "boolean", "enabled": true, "off_variation": "off", "default": {"variation": "off"},
            "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
            "experiment": {
                "key": "speed", "rule": "speed:2", "if": {"attribute": "country", "operator": "eq", "value": "DE"},
                "slices": [
                    {"seed": "layer:shop", "ranges": [[0, 10000]]}, {"seed": "traffic:speed", "ranges": [[0, 5000]]},
                    {"seed": "layer:all", "ranges": [[0, 10000]]},
                ],
                "split": {"bucket_by": "company",
                          "variations": [{"key": "on", "weight": 25}, {"key": "off", "weight": 75}]},
            },
        }],
    }))
    .unwrap();
    let (config, _) = Config::compile(&definition);
    let explain = |context: Value| {
        let context = Context::from_json(context).unwrap();
        serde_json::to_value(config.explain("f", &context, jiff::Timestamp::UNIX_EPOCH)).unwrap()
    };
    let bucket = |seed: &str, unit: &str| ff_evaluator::bucket(salt, seed, unit);
    let user = |wanted: bool| {
        (0..)
            .map(|n| format!("c{n}"))
            .find(|unit| (bucket("traffic:speed", unit) < 5000) == wanted)
            .unwrap()
    };
    let audience = |holds: bool, actual: &str| {
        json!({"step": "test", "attribute": "country", "operator": "eq", "value": "DE", "actual": actual,
               "outcome": {"holds": holds}})
    };
    let slice = |seed: &str, unit: &str, to: u16, holds: bool| {
        json!({"step": "slice", "seed": seed, "bucket": bucket(seed, unit), "ranges": [[0, to]],
               "outcome": {"holds": holds}})
    };

    let inside = user(true);
    let served = if bucket("f", &inside) < 2500 { "on" } else { "off" };
    let found = explain(json!({"country": "DE", "company": inside}));
    assert_eq!((&found["rule"], &found["experiment"]), (&json!("speed:2"), &json!("speed")));
    assert_eq!(
        found["steps"],
        json!([{
            "step": "flag", "key": "f", "outcome": {"serves": {"variation": served, "reason": "SPLIT"}},
            "steps": [
                {"step": "experiment", "key": "speed", "rule": "speed:2", "bucket_by": "company", "value": inside,
                 "outcome": {"holds": true}, "steps": [
                    audience(true, "DE"), slice("layer:shop", &inside, 10_000, true),
                    slice("traffic:speed", &inside, 5000, true), slice("layer:all", &inside, 10_000, true),
                ]},
                {"step": "rollout", "bucket_by": "company", "value": inside, "bucket": bucket("f", &inside),
                 "ranges": [{"variation": "on", "from": 0, "to": 2500}, {"variation": "off", "from": 2500, "to": 10000}],
                 "outcome": {"serves": {"variation": served}}},
            ],
        }])
    );

    let outside = user(false);
    let found = explain(json!({"country": "DE", "company": outside}));
    assert_eq!((found.get("rule"), found.get("experiment")), (None, None));
    assert_eq!(
        found["steps"][0]["steps"],
        json!([
            {"step": "experiment", "key": "speed", "rule": "speed:2", "bucket_by": "company", "value": outside,
             "outcome": {"holds": false}, "steps": [
                audience(true, "DE"), slice("layer:shop", &outside, 10_000, true),
                slice("traffic:speed", &outside, 5000, false),
            ]},
        ])
    );

    let found = explain(json!({"country": "FR", "targetingKey": "u"}));
    assert_eq!(found["reason"], "DEFAULT");
    assert_eq!(
        found["steps"][0]["steps"],
        json!([
            {"step": "experiment", "key": "speed", "rule": "speed:2", "bucket_by": "company",
             "outcome": {"holds": false}, "steps": [audience(false, "FR")]},
        ])
    );
}

#[test]
fn an_unknown_flag_is_explained_by_its_error() {
    let definition = serde_json::from_value(json!({
        "id": "e", "salt": "s", "position": "9", "flags": [], "segments": [],
    }))
    .unwrap();
    let (config, _) = Config::compile(&definition);
    let explanation = config.explain("f", &Context::default(), jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(
        serde_json::to_value(&explanation).unwrap(),
        json!({"flag": "f", "position": "9", "at": "1970-01-01T00:00:00Z", "reason": "ERROR",
               "error": "FLAG_NOT_FOUND", "steps": []})
    );
}
