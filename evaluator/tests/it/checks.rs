//! What `validate` finds, and where; what `references` names.

use ff_evaluator::{
    Condition, FlagDefinition, SegmentDefinition, references, segment_references, used_variations,
    validate, validate_condition, validate_segment,
};
use serde_json::{Value, json};

fn flag(changes: Value) -> FlagDefinition {
    let mut flag = json!({
        "key": "f", "type": "boolean", "enabled": true, "off_variation": "off", "default": {"variation": "on"},
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}],
    });
    for (name, value) in changes.as_object().unwrap() {
        flag[name] = value.clone();
    }
    serde_json::from_value(flag).unwrap()
}

/// An experiment on the flag that is sound but for these changes.
fn experiment(changes: Value) -> Value {
    let mut experiment = json!({
        "key": "e", "rule": "e:1",
        "split": {"variations": [{"key": "on", "weight": 50}, {"key": "off", "weight": 50}]},
    });
    for (name, value) in changes.as_object().unwrap() {
        experiment[name] = value.clone();
    }
    json!({"experiment": experiment})
}

fn found(changes: Value) -> Vec<String> {
    validate(&flag(changes)).iter().map(ToString::to_string).collect()
}

fn condition_problem(condition: Value) -> String {
    let condition: Condition = serde_json::from_value(condition).unwrap();
    let problems: Vec<String> =
        validate_condition(&condition).iter().map(ToString::to_string).collect();
    problems.join("; ")
}

#[test]
fn a_sound_flag_has_no_problem() {
    assert_eq!(found(json!({})), Vec::<String>::new());
    let slices = vec![json!({"seed": "layer:l", "ranges": [[0, 1], [9_999, 10_000]]}); 32];
    assert_eq!(found(experiment(json!({"slices": slices}))), Vec::<String>::new());
}

#[test]
fn problems_of_a_flag_name_their_place() {
    let share = |key: &str, weight: f64| json!({"key": key, "weight": weight});
    let rollout = |shares: Value| json!({"rollout": {"variations": shares}});
    let cases = [
        (json!({"off_variation": "x"}), "/off_variation: the flag has no variation `x`"),
        (
            json!({"default": {"variation": "x"}}),
            "/default/variation: the flag has no variation `x`",
        ),
        (
            json!({"default": rollout(json!([share("on", 50.0), share("off", 40.0)]))}),
            "/default/rollout/variations: weights must sum to 100, these sum to 90",
        ),
        (
            json!({"default": rollout(json!([]))}),
            "/default/rollout/variations: a rollout needs at least one variation",
        ),
        (
            json!({"default": rollout(json!([share("on", 50.0), share("on", 50.0)]))}),
            "/default/rollout/variations/1/key: variation `on` is listed twice",
        ),
        (
            json!({"default": {"rollout": {"variations": [share("on", 100.0)], "bucket_by": ""}}}),
            "/default/rollout/bucket_by: name an attribute, or leave `bucket_by` out for the targeting key",
        ),
        (
            json!({"rules": [{"then": rollout(json!([share("x", 100.0)]))}]}),
            "/rules/0/then/rollout/variations/0/key: the flag has no variation `x`",
        ),
        (
            json!({"rules": [{"id": "r", "then": {"variation": "on"}}, {"id": "r", "then": {"variation": "on"}}]}),
            "/rules/1/id: rule id `r` is used twice",
        ),
        (
            json!({"rules": [{"if": {"and": [{"or": []}, {"attribute": "a", "operator": "matches", "value": "("}]},
                              "then": {"variation": "on"}}]}),
            "/rules/0/if/and/1/value: no usable regular expression: unclosed group",
        ),
        (
            json!({"targets": [{"variation": "x", "keys": ["u"]}]}),
            "/targets/0/variation: the flag has no variation `x`",
        ),
        (
            json!({"prerequisites": [{"flag": "g", "variations": []}]}),
            "/prerequisites/0/variations: name at least one",
        ),
        (
            experiment(json!({"split": {"variations": [share("on", 50.0), share("x", 50.0)]}})),
            "/experiment/split/variations/1/key: the flag has no variation `x`",
        ),
        (
            experiment(json!({"split": {"variations": [share("on", 50.0), share("off", 49.999)]}})),
            "/experiment/split/variations: weights must sum to 100, these sum to 99.999",
        ),
        (
            experiment(json!({"split": {"variations": [share("on", 100.0)], "bucket_by": ""}})),
            "/experiment/split/bucket_by: name an attribute, or leave `bucket_by` out for the targeting key",
        ),
        (
            experiment(
                json!({"if": {"not": {"attribute": "a", "operator": "matches", "value": "("}}}),
            ),
            "/experiment/if/not/value: no usable regular expression: unclosed group",
        ),
        (
            experiment(
                json!({"slices": [{"seed": "layer:l", "ranges": [[0, 10_000]]}, {"seed": "", "ranges": []}]}),
            ),
            "/experiment/slices/1/seed: give it a name, this is empty",
        ),
        (
            experiment(json!({"slices": [{"seed": "layer:l", "ranges": [[0, 1], [5, 5]]}]})),
            "/experiment/slices/0/ranges/1: a range is `[from, to]` with 0 <= from < to <= 10000, this is [5, 5]",
        ),
        (
            experiment(json!({"slices": [{"seed": "layer:l", "ranges": [[9_000, 10_001]]}]})),
            "/experiment/slices/0/ranges/0: a range is `[from, to]` with 0 <= from < to <= 10000, this is [9000, 10001]",
        ),
        (
            experiment(json!({"slices": vec![json!({"seed": "layer:l", "ranges": [[0, 1]]}); 33]})),
            "/experiment/slices: an experiment has at most 32 slices, this has 33",
        ),
        (experiment(json!({"key": ""})), "/experiment/key: give it a name, this is empty"),
        (experiment(json!({"rule": ""})), "/experiment/rule: give it a name, this is empty"),
        (
            json!({"variations": [{"key": "on", "value": true}, {"key": "off", "value": 0}]}),
            "/variations/1/value: the value must be of type boolean, this is a number",
        ),
        (
            json!({"variations": [{"key": "on", "value": true}, {"key": "off", "value": true}, {"key": "on", "value": true}]}),
            "/variations/2/key: variation `on` is listed twice",
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(found(changes), [expected]);
    }
    assert_eq!(
        found(json!({"variations": []}))[0],
        "/variations: a flag needs at least one variation"
    );
}

#[test]
fn problems_of_a_test_say_what_would_do() {
    let cases = [
        (json!({"operator": "eq", "value": 1}), "/attribute: `eq` needs an `attribute`"),
        (
            json!({"attribute": "", "operator": "exists"}),
            "/attribute: `exists` needs an `attribute`",
        ),
        (json!({"attribute": "a", "operator": "eq"}), "/value: `eq` needs a `value`"),
        (
            json!({"attribute": "a", "operator": "eq", "value": null}),
            "/value: `eq` needs a `value`",
        ),
        (
            json!({"attribute": "a", "operator": "exists", "value": 1}),
            "/value: `exists` takes no `value`",
        ),
        (
            json!({"attribute": "a", "operator": "in_segment", "value": "s"}),
            "/attribute: `in_segment` takes no `attribute`",
        ),
        (
            json!({"attribute": "a", "operator": "in", "value": "x"}),
            "/value: `in` compares with a list, this is a text",
        ),
        (json!({"attribute": "a", "operator": "in", "value": []}), "/value: name at least one"),
        (
            json!({"attribute": "a", "operator": "contains", "value": ["x", 1]}),
            "/value/1: `contains` compares with a text or a list of texts, this is a number",
        ),
        (
            json!({"attribute": "a", "operator": "gt", "value": "1"}),
            "/value: `gt` compares with a number, this is a text",
        ),
        (
            json!({"attribute": "a", "operator": "size", "value": {"over": 1}}),
            "/value/over: `size` compares with a length, or an object with some of `eq`, `gt`, `gte`, `lt` and `lte`",
        ),
        (
            json!({"attribute": "a", "operator": "size", "value": -1}),
            "/value: `size` compares with a length, an integer from 0, this is a number",
        ),
        (
            json!({"attribute": "a", "operator": "before", "value": "yesterday"}),
            "/value: no instant like `2026-01-31T09:00:00Z`, and no duration like `-P7D`",
        ),
        (
            json!({"attribute": "a", "operator": "in_cidr", "value": ["10.0.0.0/8", "10.0.0.0/33"]}),
            "/value/1: no network like `10.0.0.0/8`, and no IP address",
        ),
        (
            json!({"operator": "time_of_day", "value": {"from": "9", "to": "17:00", "time_zone": "Europe/Berlin"}}),
            "/value/from: no time of day like `09:00`",
        ),
        (
            json!({"operator": "time_of_day", "value": {"from": "09:00", "to": "09:00", "time_zone": "UTC"}}),
            "/value/to: `from` and `to` are the same",
        ),
        (
            json!({"operator": "time_of_day", "value": {"from": "09:00", "to": "17:00"}}),
            "/value: `time_of_day` compares with an object of `from`, `to` and `time_zone`",
        ),
        (
            json!({"operator": "weekday", "value": {"days": ["mon", "monday"], "time_zone": "UTC"}}),
            "/value/days/1: no day of the week: use `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`",
        ),
        (
            json!({"operator": "weekday", "value": {"days": ["mon"], "time_zone": "Berlin"}}),
            "/value/time_zone: no time zone like `Europe/Berlin`",
        ),
    ];
    for (condition, expected) in cases {
        assert_eq!(condition_problem(condition), expected);
    }
    for (operator, value, start) in [
        ("semver_gt", "1.2", "/value: no semantic version like `1.4.0`: "),
        ("semver_range", "a", "/value: no version range like "),
        (
            "matches",
            "\\w{500}",
            "/value: no usable regular expression: it needs more than 65536 bytes",
        ),
    ] {
        let problem =
            condition_problem(json!({"attribute": "a", "operator": operator, "value": value}));
        assert!(problem.starts_with(start), "{problem}");
    }
}

#[test]
fn case_can_be_ignored_in_text_only() {
    let with = |operator: &str, value: Value| {
        condition_problem(
            json!({"attribute": "a", "operator": operator, "value": value, "ignore_case": true}),
        )
    };
    for operator in ["eq", "neq", "contains", "starts_with", "ends_with", "matches"] {
        assert_eq!(with(operator, json!("x")), "", "{operator}");
    }
    assert_eq!(with("in", json!(["x", "y"])), "");
    for (operator, value) in [
        ("gt", json!(1)),
        ("eq", json!(1)),
        ("in", json!(["x", 1])),
        ("eq", json!(["x"])),
        ("any_of", json!(["x"])),
    ] {
        assert!(
            with(operator, value).contains("/ignore_case: `ignore_case` works for"),
            "{operator}"
        );
    }
}

#[test]
fn nesting_is_limited_also_for_what_was_never_json() {
    let mut condition: Condition =
        serde_json::from_value(json!({"attribute": "a", "operator": "exists"})).unwrap();
    for _ in 1..Condition::MAX_DEPTH {
        condition = Condition::Not { not: Box::new(condition) };
    }
    assert_eq!(validate_condition(&condition), []);
    condition = Condition::Not { not: Box::new(condition) };
    let problems = validate_condition(&condition);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].to_string().ends_with("/not: conditions nest at most 32 deep"));
}

#[test]
fn references_name_flags_variations_and_segments() {
    let flag = flag(json!({
        "prerequisites": [{"flag": "g", "variations": ["on"]}],
        "targets": [{"variation": "off", "keys": ["u"]}],
        "rules": [{"if": {"not": {"or": [
            {"attribute": "g", "operator": "flag_is", "value": ["x", "y"]},
            {"operator": "not_in_segment", "value": ["s", "t"]},
            {"operator": "in_segment", "value": "u"},
        ]}}, "then": {"variation": "on"}}],
    }));
    let references = references(&flag);
    assert_eq!(format!("{:?}", references.flags), r#"{"g": {"on", "x", "y"}}"#);
    assert_eq!(format!("{:?}", references.segments), r#"{"s", "t", "u"}"#);
    assert_eq!(used_variations(&flag).into_iter().collect::<Vec<_>>(), ["off", "on"]);
}

#[test]
fn references_of_an_experiment_count_likewise() {
    let flag = flag(experiment(json!({
        "if": {"or": [
            {"attribute": "g", "operator": "flag_is", "value": "x"}, {"operator": "in_segment", "value": "s"},
        ]},
    })));
    let references = references(&flag);
    assert_eq!(format!("{:?}", references.flags), r#"{"g": {"x"}}"#);
    assert_eq!(format!("{:?}", references.segments), r#"{"s"}"#);
    let mut flag = flag;
    flag.default = serde_json::from_value(json!({"variation": "off"})).unwrap();
    assert_eq!(used_variations(&flag).into_iter().collect::<Vec<_>>(), ["off", "on"]);
}

#[test]
fn an_experiment_has_no_unknown_fields_and_is_written_as_it_is_read() {
    let written = experiment(json!({
        "if": {"attribute": "a", "operator": "exists"}, "salt": "s",
        "slices": [{"seed": "traffic:e", "ranges": [[0, 100]]}],
        "split": {"variations": [{"key": "on", "weight": 33.333}, {"key": "off", "weight": 66.667}],
                  "bucket_by": "company", "hash": "sha256-10000"},
    }));
    let flag = flag(written.clone());
    assert_eq!(serde_json::to_value(&flag).unwrap()["experiment"], written["experiment"]);
    for unknown in
        [json!({"arms": []}), json!({"slices": [{"seed": "s", "ranges": [], "from": 1}]})]
    {
        let unknown = experiment(unknown)["experiment"].clone();
        assert!(serde_json::from_value::<ff_evaluator::ExperimentDefinition>(unknown).is_err());
    }
}

#[test]
fn a_segment_is_checked_likewise() {
    let segment: SegmentDefinition = serde_json::from_value(json!({
        "key": "s", "rules": [{"and": []}, {"operator": "in_segment", "value": [1, "t"]}],
    }))
    .unwrap();
    let problems: Vec<String> =
        validate_segment(&segment).iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "/rules/1/value/0: `in_segment` compares with a text or a list of texts, this is a number"
        ]
    );
    assert!(segment_references(&segment).segments.contains("t"));
}
