//! Each construct of flagd's targeting with the rules that come of it. That the answers are flagd's own is tested
//! against flagd's engine, beside the other public clients.
#![allow(clippy::needless_pass_by_value, reason = "tables of JSON read better without references")]

use ff_evaluator::{
    Config, Context, EnvironmentDefinition, FlagDefinition, Outcome, ValueType, Variation,
};
use serde_json::{Value, json};

mod engine;

use super::*;

fn variants() -> Vec<String> {
    ["on", "off", "true", "false"].map(str::to_owned).to_vec()
}

fn try_translate(targeting: &Value) -> Result<Translated, Refusal> {
    translate("f", targeting, &variants(), "off")
}

/// The rules as pairs of condition and variant.
fn rules(targeting: Value) -> Value {
    let translated =
        try_translate(&targeting).unwrap_or_else(|error| panic!("{targeting}: {error}"));
    let rules = translated.rules.iter().map(|rule| {
        let Outcome::Variation(variation) = &rule.then else { panic!("a rollout") };
        json!([rule.condition, variation])
    });
    rules.collect()
}

/// The condition under which an `if` with an else branch names `on`.
fn condition(expression: Value) -> Value {
    let rules = rules(json!({"if": [expression, "on", null]}));
    assert_eq!(rules.as_array().unwrap().len(), 1, "{rules}");
    rules[0][0].clone()
}

fn refusal(targeting: Value) -> String {
    try_translate(&targeting).unwrap_err().to_string()
}

fn test(attribute: &str, operator: &str, value: Value) -> Value {
    json!({"attribute": attribute, "operator": operator, "value": value})
}

#[test]
fn no_targeting_makes_no_rules() {
    for targeting in [json!(null), json!({}), json!([]), json!(""), json!(1), json!(true)] {
        assert_eq!(rules(targeting), json!([]));
    }
}

#[test]
fn a_name_is_for_everyone() {
    assert_eq!(rules(json!("on")), json!([[null, "on"]]));
}

#[test]
fn branches_become_rules_in_order() {
    let (a, b) = (json!({"===": [{"var": "a"}, "x"]}), json!({"===": [{"var": "b"}, 1]}));
    let (is_a, is_b) = (test("a", "eq", json!("x")), test("b", "eq", json!(1)));
    assert_eq!(
        rules(json!({"if": [a, "on", b, "off", "on"]})),
        json!([[is_a, "on"], [is_b, "off"], [null, "on"]])
    );
    assert_eq!(rules(json!({"if": [a, "on"]})), json!([[is_a, "on"]]));
    assert_eq!(
        rules(json!({"if": [a, null, b, "on", null]})),
        json!([[{"and": [{"not": is_a}, is_b]}, "on"]]),
        "whoever gets the default must not reach the rules behind"
    );
    assert_eq!(
        rules(json!({"if": [a, {"if": [b, "on", "off"]}, "on"]})),
        json!([[{"and": [is_a, is_b]}, "on"], [is_a, "off"], [null, "on"]])
    );
    assert_eq!(
        rules(json!({"if": [a, {"if": [b, "on", null]}, "off"]})),
        json!([[{"and": [is_a, is_b]}, "on"], [{"not": is_a}, "off"]])
    );
}

#[test]
fn constants_fold() {
    let a = json!({"===": [{"var": "a"}, "x"]});
    assert_eq!(rules(json!({"if": [{"==": [1, "1"]}, "on", "off"]})), json!([[null, "on"]]));
    assert_eq!(
        condition(json!({"and": [true, {"or": [{"<": [2, 1]}, a]}]})),
        test("a", "eq", json!("x"))
    );
    // The reason stays DEFAULT, which it would not without any rule.
    assert_eq!(rules(json!({"if": [{"!": [true]}, "on", null]})), json!([[{"or": []}, "off"]]));
}

#[test]
fn boolean_results_name_variants() {
    let is_a = test("a", "eq", json!("x"));
    let expected = json!([[is_a, "true"], [null, "false"]]);
    assert_eq!(rules(json!({"===": [{"var": "a"}, "x"]})), expected);
    assert_eq!(rules(json!({"if": [{"===": [{"var": "a"}, "x"]}, true, false]})), expected);
    let starts = test("a", "starts_with", json!("x"));
    let text = test("a", "starts_with", json!(""));
    assert_eq!(
        rules(json!({"starts_with": [{"var": "a"}, "x"]})),
        json!([[{"and": [text, starts]}, "true"], [text, "false"]])
    );
    assert_eq!(
        rules(json!({"or": [{"===": [{"var": "a"}, "x"]}, "on"]})),
        json!([[is_a, "true"], [null, "on"]])
    );
}

#[test]
fn coercion_is_written_out() {
    let age = || json!({"var": "age"});
    assert_eq!(condition(json!({"==": [age(), 1]})), test("age", "in", json!(["1", 1, true])));
    assert_eq!(condition(json!({"==": [age(), "sm"]})), test("age", "eq", json!("sm")));
    assert_eq!(
        condition(json!({"!=": [age(), "sm"]})),
        json!({"not": test("age", "eq", json!("sm"))})
    );
    assert_eq!(condition(json!({"===": [age(), 1]})), test("age", "eq", json!(1)));
    assert_eq!(
        condition(json!({"<": [age(), 18]})),
        json!({"or": [
            test("age", "in", json!(["", true, false])),
            test("age", "lt", json!(18)),
            {"attribute": "age", "operator": "not_exists"},
        ]})
    );
    assert_eq!(condition(json!({">": [age(), 18]})), test("age", "gt", json!(18)));
    assert_eq!(
        condition(json!({"<": [1, age(), 5]})),
        json!({"and": [
            test("age", "gt", json!(1)),
            {"or": [
                test("age", "in", json!(["", true, false])),
                test("age", "lt", json!(5)),
                {"attribute": "age", "operator": "not_exists"},
            ]},
        ]})
    );
}

#[test]
fn text_as_number_is_noted_where_it_matters() {
    let notes = |expression: Value| {
        try_translate(&json!({"if": [expression, "on", null]})).unwrap().notes.len()
    };
    assert_eq!(notes(json!({"<": [{"var": "age"}, 18]})), 1);
    assert_eq!(notes(json!({"==": [{"var": "age"}, 18]})), 1);
    assert_eq!(notes(json!({"===": [{"var": "age"}, 18]})), 0);
    assert_eq!(notes(json!({"==": [{"var": "age"}, "18"]})), 0);
    assert_eq!(notes(json!({"in": [{"var": "age"}, [18]]})), 0);
}

#[test]
fn attributes_are_named_as_ours() {
    let eq = |name: &str| condition(json!({"===": [{"var": name}, "x"]}))["attribute"].clone();
    assert_eq!(eq("a"), "a");
    assert_eq!(eq("a.b"), "/a/b");
    assert_eq!(eq("/a"), "/~1a");
    assert_eq!(eq("targetingKey"), "targetingKey");
    assert_eq!(
        condition(json!({"===": [{"var": ["a", "x"]}, "x"]})),
        json!({"or": [test("a", "eq", json!("x")), {"attribute": "a", "operator": "not_exists"}]})
    );
    assert_eq!(condition(json!({"===": [{"var": ["a", "y"]}, "x"]})), test("a", "eq", json!("x")));
    assert_eq!(
        rules(json!({"if": [{"==": [{"var": "$flagd.flagKey"}, "f"]}, "on", "off"]})),
        json!([[null, "on"]])
    );
    for odd in [
        "user_id",
        "user_key",
        "$flagd.timestamp",
        "a..b",
        "a.0",
        "a.length",
        "a\\.b",
        "",
        "at.name",
    ] {
        assert!(try_translate(&json!({"if": [{"var": odd}, "on"]})).is_err(), "{odd}");
    }
}

#[test]
fn membership_and_parts() {
    let a = || json!({"var": "a"});
    assert_eq!(condition(json!({"in": [a(), ["x", 1]]})), test("a", "in", json!(["x", 1])));
    assert_eq!(
        condition(json!({"in": [a(), ["x", null]]})),
        json!({"or": [test("a", "eq", json!("x")), {"attribute": "a", "operator": "not_exists"}]})
    );
    assert_eq!(
        condition(json!({"in": ["x", a()]})),
        json!({"or": [test("a", "contains", json!("x")), test("a", "any_of", json!(["x"]))]})
    );
    assert_eq!(
        condition(json!({"in": [a(), "x1"]})),
        test("a", "in", json!(["", "1", "x", "x1", 1]))
    );
    assert_eq!(condition(json!({"starts_with": [a(), "x"]})), test("a", "starts_with", json!("x")));
    assert_eq!(
        condition(json!({"ends_with": ["xy", a()]})),
        test("a", "in", json!(["xy", "y", ""]))
    );
    assert!(
        refusal(json!({"if": [{"in": [a(), "x".repeat(33)]}, "on"]})).contains("32 characters")
    );
}

#[test]
fn truth_is_that_of_flagd() {
    let truthy = test("a", "not_in", json!([false, 0, "", [], {}]));
    assert_eq!(condition(json!({"var": "a"})), truthy);
    assert_eq!(condition(json!({"!!": [{"var": "a"}]})), truthy);
    assert_eq!(condition(json!({"!": {"var": "a"}})), json!({"not": truthy}));
    assert_eq!(
        condition(json!({"and": [{"var": "a"}, {"!": [{"!": [{"var": "a"}]}]}]})),
        json!({"and": [truthy, truthy]})
    );
}

#[test]
fn versions_in_every_spelling() {
    let holds = |operator: &str, version: Value| {
        let sem_ver = json!({"sem_ver": [{"var": "v"}, operator, "1.2.3"]});
        serves(&json!({"if": [sem_ver, "on", null]}), json!({"v": version})) == "on"
    };
    for same in ["1.2.3", "v1.2.3", "V1.2.3", " 1.2.3", "1.2.3+b"] {
        assert!(
            holds("=", json!(same)) && holds(">=", json!(same)) && !holds("<", json!(same)),
            "{same}"
        );
    }
    for older in [
        json!("1.2"),
        json!("v1"),
        json!("1.2.3-rc.1"),
        json!("v1.2.2"),
        json!(1),
        json!(1.2),
        json!(0.9),
    ] {
        assert!(
            holds("<", older.clone()) && holds("!=", older.clone()) && !holds(">", older.clone()),
            "{older}"
        );
    }
    for newer in [
        json!("1.3"),
        json!("v2"),
        json!("1.2.4-rc.1"),
        json!("10.0.0"),
        json!(1.3),
        json!(1.25),
        json!(2),
    ] {
        assert!(
            holds(">", newer.clone()) && holds("!=", newer.clone()) && !holds("<=", newer.clone()),
            "{newer}"
        );
    }
    for none in [
        json!("01.2.3"),
        json!("x"),
        json!("1.2.3.4"),
        json!(null),
        json!(true),
        json!(-1),
        json!(""),
    ] {
        for operator in ["=", "!=", "<", "<=", ">", ">=", "^", "~"] {
            assert!(!holds(operator, none.clone()), "{operator} {none}");
        }
    }
    for (version, same_major, same_minor) in [
        ("1.9", true, false),
        ("1.2.9-a", true, true),
        ("v1.2", true, true),
        ("2.0.0-rc", false, false),
        ("1", true, false),
    ] {
        assert_eq!(holds("^", json!(version)), same_major, "{version}");
        assert_eq!(holds("~", json!(version)), same_minor, "{version}");
    }
}

#[test]
fn what_cannot_be_written_is_refused_with_its_place() {
    let on = |expression: Value| refusal(json!({"if": [expression, "on"]}));
    assert!(on(json!({"fractional": [["on", 1]]})).starts_with("targeting/if/0: `fractional`"));
    assert!(
        on(json!({"and": [true, {"+": [{"var": "a"}, 1]}]}))
            .starts_with("targeting/if/0/and/1: `+`")
    );
    assert!(
        on(json!({"==": [{"var": "a"}, {"var": "b"}]}))
            .contains("only an attribute with a constant")
    );
    assert!(on(json!({"<": [{"var": "a"}, 1e300]})).contains("too large"));
    assert!(on(json!({"<": [{"var": "a"}, "\u{ffff}"]})).contains("in order"));
    assert!(on(json!({"===": [{"var": "a.b"}, null]})).contains("told apart"));
    assert!(on(json!({"$ref": "x"})).contains("evaluator `x`"));
    assert!(on(json!({"sem_ver": [{"var": "a"}, ">", "1.0.0-a"]})).contains("version `1.0.0-a`"));
    assert!(
        refusal(json!({"if": [{"var": "a"}, "no"]}))
            .starts_with("targeting/if/1: there is no variant `no`")
    );
    assert!(refusal(json!({"var": "a"})).contains("an attribute cannot name"));
    assert!(refusal(json!({"a": 1, "b": 2})).contains("this has 2"));
}

/// The variant that the translated flag serves.
fn serves(targeting: &Value, context: Value) -> String {
    let translated =
        try_translate(targeting).unwrap_or_else(|error| panic!("{targeting}: {error}"));
    let flag = FlagDefinition {
        key: "f".to_owned(),
        kind: ValueType::String,
        variations: variants()
            .into_iter()
            .map(|key| Variation { value: Value::from(key.as_str()), key, name: None })
            .collect(),
        enabled: true,
        off_variation: "off".to_owned(),
        prerequisites: Vec::new(),
        targets: Vec::new(),
        experiment: None,
        rules: translated.rules,
        default: Outcome::Variation("off".to_owned()),
        salt: None,
        client_side: false,
    };
    let environment = EnvironmentDefinition {
        id: "e".to_owned(),
        salt: "0".repeat(32),
        position: "0".to_owned(),
        flags: vec![flag],
        segments: Vec::new(),
    };
    let (config, defects) = Config::compile(&environment);
    assert!(defects.is_empty(), "{targeting}: {defects:?}");
    let context = Context::from_json(context).unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    config.evaluate("f", &context, now).variation.unwrap_or_default().to_owned()
}
