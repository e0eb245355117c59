//! What an evaluation does with definitions that the domain would refuse.

use ff_evaluator::{Condition, Config, Context, EnvironmentDefinition, ErrorCode};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A segment that refers to another one as deep inside conditions as they nest.
fn segment(key: &str, refers_to: &str) -> Value {
    let mut condition = json!({"operator": "in_segment", "value": refers_to});
    for level in 1..Condition::MAX_DEPTH {
        condition =
            if level % 2 == 0 { json!({"and": [condition]}) } else { json!({"not": condition}) };
    }
    json!({"key": key, "rules": [condition]})
}

#[test]
fn the_deepest_circle_ends_on_the_stack_of_a_thread() {
    let definition: EnvironmentDefinition = serde_json::from_value(json!({
        "id": "e", "salt": "s", "position": "1",
        "flags": [{
            "key": "f", "type": "boolean", "enabled": true, "off_variation": "off", "default": {"variation": "off"},
            "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
            "rules": [{"if": {"operator": "in_segment", "value": "a"}, "then": {"variation": "on"}}],
        }],
        "segments": [segment("a", "b"), segment("b", "a")],
    }))
    .unwrap();
    let (config, defects) = Config::compile(&definition);
    assert!(defects.is_empty(), "{defects:?}");
    let now = Timestamp::UNIX_EPOCH;
    assert_eq!(config.evaluate("f", &Context::default(), now).error, Some(ErrorCode::General));
    let explanation = config.explain("f", &Context::default(), now);
    assert_eq!(explanation.error, Some(ErrorCode::General));
    assert!(serde_json::to_string(&explanation).unwrap().len() > 1000);
}

#[test]
fn rules_that_refer_to_each_other_many_times_end_soon() {
    let flag = |n: usize| {
        let next =
            json!({"attribute": format!("f{}", n + 1), "operator": "flag_is", "value": "off"});
        let rules = json!([{"if": {"and": [next.clone(), next.clone(), next]}, "then": {"variation": "off"}}]);
        json!({
            "key": format!("f{n}"), "type": "boolean", "enabled": true, "off_variation": "off",
            "variations": [{"key": "off", "value": false}], "default": {"variation": "off"},
            "rules": if n == 14 { json!([]) } else { rules },
        })
    };
    let flags: Vec<Value> = (0..15).map(flag).collect();
    let definition: EnvironmentDefinition = serde_json::from_value(json!({
        "id": "e", "salt": "s", "position": "1", "flags": flags, "segments": [],
    }))
    .unwrap();
    let (config, _) = Config::compile(&definition);
    let error = |key| config.evaluate(key, &Context::default(), Timestamp::UNIX_EPOCH).error;
    assert_eq!(error("f0"), Some(ErrorCode::General));
    assert_eq!(error("f10"), None);
}
