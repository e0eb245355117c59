//! A single evaluation allocates nothing. Counted by the allocator itself, in a process of its own with one test,
//! so that nothing else allocates meanwhile.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::System;

use ff_evaluator::{Config, Context, EnvironmentDefinition, Reason};
use jiff::Timestamp;
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn config() -> Config {
    let test = |attribute: &str, operator: &str, value: Value| json!({"attribute": attribute, "operator": operator, "value": value});
    let folded = |operator: &str, value: Value| json!({"attribute": "email", "operator": operator, "value": value, "ignore_case": true});
    let rollout = json!({"rollout": {"variations": [{"key": "on", "weight": 50}, {"key": "off", "weight": 50}]}});
    let flag = |key: &str, enabled: bool, rules: &[Value], default: &Value| {
        json!({
            "key": key, "type": "boolean", "enabled": enabled, "off_variation": "off", "rules": rules,
            "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}], "default": default,
        })
    };
    let all = json!({"and": [
        test("country", "in", json!(["DE", "AT"])),
        test("/address/zip", "starts_with", json!(["10", "20"])),
        test("age", "gte", json!(18)),
        test("version", "semver_range", json!("^2.1")),
        test("version", "semver_gt", json!("2.0.0-alpha")),
        test("email", "matches", json!("^[a-z]+@example\\.com$")),
        folded("contains", json!("@EXAMPLE")),
        folded("in", json!(["SomeOne@Example.com", "other@example.com"])),
        folded("ends_with", json!(".COM")),
        test("since", "before", json!("-P1D")),
        test("ip", "in_cidr", json!(["10.0.0.0/8", "2001:db8::/32"])),
        test("roles", "any_of", json!(["admin"])),
        test("roles", "size", json!({"gte": 1})),
        {"operator": "in_segment", "value": "everyone"},
        test("dark-mode", "flag_is", json!("on")),
        {"operator": "time_of_day", "value": {"from": "09:00", "to": "08:00", "time_zone": "Europe/Berlin"}},
        {"not": test("missing", "neq", json!("x"))},
    ]});
    let mut experiment = flag("experiment", true, &[], &json!({"variation": "off"}));
    experiment["experiment"] = json!({
        "key": "e", "rule": "e:1", "if": test("country", "exists", Value::Null), "split": rollout["rollout"],
        "slices": [{"seed": "layer:l", "ranges": [[0, 10_000]]}, {"seed": "traffic:e", "ranges": [[0, 10_000]]}],
    });
    let definition: EnvironmentDefinition = serde_json::from_value(json!({
        "id": "e", "salt": "0123456789abcdef0123456789abcdef", "position": "7",
        "flags": [
            flag("dark-mode", true, &[], &json!({"variation": "on"})),
            flag("off", false, &[], &json!({"variation": "on"})),
            experiment,
            flag("rollout", true, &[], &rollout),
            flag("everything", true, &[json!({"id": "r", "if": all, "then": rollout})], &json!({"variation": "off"})),
        ],
        "segments": [{"key": "everyone", "rules": [test("country", "exists", Value::Null)]}],
    }))
    .unwrap();
    let (config, defects) = Config::compile(&definition);
    assert!(defects.is_empty(), "{defects:?}");
    config
}

#[test]
fn an_evaluation_allocates_nothing() {
    let config = config();
    let user = Context::from_json(json!({
        "targetingKey": "user-12345", "country": "DE", "address": {"zip": "10115"}, "age": 42, "version": "2.3.1",
        "email": "someone@example.com", "since": "2026-01-01T00:00:00Z", "ip": "10.1.2.3", "roles": ["admin", "dev"],
    }))
    .unwrap();
    let now: Timestamp = "2026-11-22T20:49:31Z".parse().unwrap();
    let evaluate = |key| config.evaluate(key, &user, now).reason;
    let expected = [
        ("dark-mode", Reason::Static),
        ("off", Reason::Disabled),
        ("experiment", Reason::Split),
        ("rollout", Reason::Split),
        ("everything", Reason::Split),
        ("nothing", Reason::Error),
    ];
    // The first time, regular expressions set up their working memory for this thread.
    for (key, reason) in expected {
        assert_eq!(evaluate(key), reason, "{key}");
    }
    for (key, reason) in expected {
        let region = Region::new(ALLOCATOR);
        let answer = evaluate(key);
        let change = region.change();
        assert_eq!(answer, reason);
        assert_eq!(change.allocations + change.reallocations, 0, "{key}: {change:?}");
    }
    // The counter does count.
    let region = Region::new(ALLOCATOR);
    drop(std::hint::black_box(config.explain("rollout", &user, now)));
    assert!(region.change().allocations > 0);
}
