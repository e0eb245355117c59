//! The environments and contexts that are measured.

use ff_evaluator::{Config, Context, EnvironmentDefinition};
use serde_json::{Value, json};

/// Keys of the flags that are measured one by one.
pub(crate) const SIMPLY_ON: &str = "simply-on";
pub(crate) const OFF: &str = "off";
pub(crate) const NO_RULE: &str = "no-rule";
pub(crate) const ONE_RULE: &str = "one-rule";
pub(crate) const TEN_RULES: &str = "ten-rules";
pub(crate) const EXPERIMENT: &str = "experiment";

/// 1,000 flags, so that finding one is part of what is measured.
pub(crate) fn large() -> Config {
    let mut flags = vec![
        on(SIMPLY_ON),
        off(OFF),
        rolled_out(NO_RULE),
        with_rules(ONE_RULE, 1),
        with_rules(TEN_RULES, 10),
        experimented(EXPERIMENT),
    ];
    flags.extend((0..994).map(|n| on(&format!("flag-{n}"))));
    compile(&flags)
}

/// 100 flags: 10 off, 30 simply on, 40 with one rule, 20 with ten.
pub(crate) fn hundred() -> Config {
    let flags: Vec<Value> = (0..100)
        .map(|n| {
            let key = format!("flag-{n}");
            match n % 10 {
                0 => off(&key),
                1..4 => on(&key),
                4..8 => with_rules(&key, 1),
                _ => with_rules(&key, 10),
            }
        })
        .collect();
    compile(&flags)
}

/// A user for whom the last rule holds.
pub(crate) fn user() -> Context {
    let attributes = json!({
        "targetingKey": "user-12345", "country": "DE", "plan": "pro", "email": "someone@example.com",
        "age": 42, "version": "2.3.1",
    });
    Context::from_json(attributes).expect("an object with a text as key is a context")
}

fn compile(flags: &[Value]) -> Config {
    let definition: EnvironmentDefinition = serde_json::from_value(json!({
        "id": "bench", "salt": "0123456789abcdef0123456789abcdef", "position": "1", "flags": flags, "segments": [],
    }))
    .expect("the flags follow the model");
    let (config, defects) = Config::compile(&definition);
    assert!(defects.is_empty(), "{defects:?}");
    config
}

fn on(key: &str) -> Value {
    flag(key, true, &[], &json!({"variation": "on"}))
}

fn off(key: &str) -> Value {
    flag(key, false, &[], &json!({"variation": "on"}))
}

fn rolled_out(key: &str) -> Value {
    flag(
        key,
        true,
        &[],
        &json!({"rollout": {"variations": [{"key": "on", "weight": 50}, {"key": "off", "weight": 50}]}}),
    )
}

/// An audience, a layer and the traffic take [`user`], and an arm is dealt: three hashes.
fn experimented(key: &str) -> Value {
    let everyone = json!([[0, 5000], [5000, 10_000]]);
    let mut flag = flag(key, true, &[], &json!({"variation": "off"}));
    flag["experiment"] = json!({
        "key": "speed", "rule": "speed:1", "if": {"attribute": "country", "operator": "eq", "value": "DE"},
        "slices": [{"seed": "layer:shop", "ranges": everyone}, {"seed": "traffic:speed", "ranges": everyone}],
        "split": {"variations": [{"key": "on", "weight": 50}, {"key": "off", "weight": 50}]},
    });
    flag
}

/// Each rule has two conditions and a 50/50 rollout; only the last holds for [`user`]. The others fail at the first
/// or at the second condition, in turn.
fn with_rules(key: &str, count: usize) -> Value {
    let rule = |n: usize| {
        let country = if n + 1 == count { "DE".to_owned() } else { format!("X{n}") };
        let mut parts = [
            json!({"attribute": "plan", "operator": "in", "value": ["pro", "team"]}),
            json!({"attribute": "country", "operator": "eq", "value": country}),
        ];
        if n.is_multiple_of(2) {
            parts.reverse();
        }
        json!({
            "id": format!("rule-{n}"),
            "if": {"and": parts},
            "then": {"rollout": {"variations": [{"key": "on", "weight": 50}, {"key": "off", "weight": 50}]}},
        })
    };
    let rules: Vec<Value> = (0..count).map(rule).collect();
    flag(key, true, &rules, &json!({"variation": "off"}))
}

fn flag(key: &str, enabled: bool, rules: &[Value], default: &Value) -> Value {
    json!({
        "key": key, "type": "boolean", "enabled": enabled, "off_variation": "off", "rules": rules, "default": default,
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
    })
}
