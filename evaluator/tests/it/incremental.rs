//! A change makes a new config and touches nothing else.

use ff_evaluator::{
    Change, Config, Context, EnvironmentDefinition, ErrorCode, FlagDefinition, Reason,
    SegmentDefinition,
};
use jiff::Timestamp;
use serde_json::{Value, json};

fn flag(key: &str, default: &str, prerequisites: Value) -> FlagDefinition {
    serde_json::from_value(json!({
        "key": key, "type": "boolean", "enabled": true, "off_variation": "off", "default": {"variation": default},
        "variations": [{"key": "on", "value": true}, {"key": "off", "value": false}], "prerequisites": prerequisites,
    }))
    .unwrap()
}

fn config(flags: Vec<FlagDefinition>) -> (Config, Vec<String>) {
    let definition = EnvironmentDefinition {
        id: "e".to_owned(),
        salt: "s".to_owned(),
        position: "1".to_owned(),
        flags,
        segments: Vec::new(),
    };
    let (config, defects) = Config::compile(&definition);
    (config, defects.iter().map(ToString::to_string).collect())
}

fn variation(config: &Config, key: &str) -> Result<String, ErrorCode> {
    let answer = config.evaluate(key, &Context::default(), Timestamp::UNIX_EPOCH);
    answer.variation.map(str::to_owned).ok_or_else(|| answer.error.unwrap())
}

#[test]
fn a_change_is_seen_by_flags_that_refer_to_it() {
    let needs = json!([{"flag": "base", "variations": ["on"]}]);
    let (first, defects) = config(vec![flag("base", "on", json!([])), flag("top", "on", needs)]);
    assert_eq!(defects, Vec::<String>::new());
    assert_eq!(variation(&first, "top").unwrap(), "on");

    let (second, defects) =
        first.recompile("2", [Change::PutFlag(&flag("base", "off", json!([])))]);
    assert!(defects.is_empty());
    assert_eq!(second.position(), "2");
    assert_eq!(variation(&second, "top").unwrap(), "off");
    assert_eq!(variation(&first, "top").unwrap(), "on");

    let (third, defects) = second.recompile("3", [Change::RemoveFlag("base")]);
    let told: Vec<String> = defects.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["flag `top`: flag `base` does not exist in this environment"]);
    assert_eq!(variation(&third, "top"), Err(ErrorCode::General));
    assert_eq!(variation(&third, "base"), Err(ErrorCode::FlagNotFound));

    let (fourth, defects) = third.recompile("4", [Change::PutFlag(&flag("base", "on", json!([])))]);
    assert!(defects.is_empty());
    assert_eq!(variation(&fourth, "top").unwrap(), "on");
}

#[test]
fn flags_are_listed_by_key_and_keep_their_numbers() {
    let (first, _) = config(vec![flag("m", "on", json!([])), flag("a", "on", json!([]))]);
    let listed =
        |config: &Config| config.flags().map(|flag| flag.key().to_owned()).collect::<Vec<_>>();
    assert_eq!(listed(&first), ["a", "m"]);
    let (second, _) = first.recompile(
        "2",
        [
            Change::RemoveFlag("a"),
            Change::PutFlag(&flag("b", "on", json!([]))),
            Change::RemoveFlag("nothing"),
        ],
    );
    assert_eq!(listed(&second), ["b", "m"]);
    assert_eq!(second.flag("m").unwrap().index(), first.flag("m").unwrap().index());
    assert!(second.flag("a").is_none());
    let handle = first.flag("a").unwrap();
    let answer = second.evaluate_at(handle, &Context::default(), Timestamp::UNIX_EPOCH);
    assert_eq!(answer.error, Some(ErrorCode::FlagNotFound));
}

#[test]
fn a_broken_flag_harms_only_itself() {
    let mut broken = flag("broken", "nothing", json!([]));
    broken.client_side = true;
    let (config, defects) =
        config(vec![broken, flag("fine", "on", json!([])), flag("fine", "off", json!([]))]);
    assert_eq!(
        defects,
        [
            "flag `broken`: /default/variation: the flag has no variation `nothing`",
            "flag `fine`: the key is used twice, the first is served",
        ]
    );
    assert_eq!(variation(&config, "broken"), Err(ErrorCode::ParseError));
    assert_eq!(variation(&config, "fine").unwrap(), "on");
    assert!(config.flag("broken").unwrap().client_side());
}

#[test]
fn segments_change_under_their_flags() {
    let mut in_segment = flag("f", "off", json!([]));
    in_segment.rules = serde_json::from_value(json!([
        {"id": "r", "if": {"operator": "in_segment", "value": "s"}, "then": {"variation": "on"}},
    ]))
    .unwrap();
    let (first, defects) = config(vec![in_segment]);
    assert_eq!(defects, ["flag `f`: segment `s` does not exist in this environment"]);
    assert_eq!(variation(&first, "f"), Err(ErrorCode::General));
    let segment: SegmentDefinition =
        serde_json::from_value(json!({"key": "s", "rules": [{"and": []}]})).unwrap();
    let (second, defects) = first.recompile("2", [Change::PutSegment(&segment)]);
    assert!(defects.is_empty());
    let answer = second.evaluate("f", &Context::default(), Timestamp::UNIX_EPOCH);
    assert_eq!((answer.reason, answer.rule), (Reason::TargetingMatch, Some("r")));
    let (_, defects) = second.recompile("3", [Change::RemoveSegment("s")]);
    assert_eq!(defects.len(), 1);
}

#[test]
fn an_experiment_comes_changes_and_goes() {
    let with = |condition: Value| {
        let mut flag = flag("f", "off", json!([]));
        flag.experiment = serde_json::from_value(json!({
            "key": "e", "rule": "e:1", "if": condition, "split": {"variations": [{"key": "on", "weight": 100}]},
        }))
        .unwrap();
        flag
    };
    let user = Context::from_json(json!({"targetingKey": "u"})).unwrap();
    let answer = |config: &Config| {
        let answer = config.evaluate("f", &user, Timestamp::UNIX_EPOCH);
        (answer.reason, answer.rule.map(str::to_owned), answer.experiment.map(str::to_owned))
    };
    let taken = (Reason::Split, Some("e:1".to_owned()), Some("e".to_owned()));
    let (first, _) = config(vec![flag("f", "off", json!([]))]);
    assert_eq!(answer(&first), (Reason::Static, None, None));
    let in_segment = with(json!({"operator": "in_segment", "value": "s"}));
    let (second, defects) = first.recompile("2", [Change::PutFlag(&in_segment)]);
    let told: Vec<String> = defects.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["flag `f`: segment `s` does not exist in this environment"]);
    let segment = |rules: Value| {
        serde_json::from_value::<SegmentDefinition>(json!({"key": "s", "rules": rules})).unwrap()
    };
    let (third, defects) =
        second.recompile("3", [Change::PutSegment(&segment(json!([{"and": []}])))]);
    assert!(defects.is_empty());
    assert_eq!(answer(&third), taken);
    let (fourth, _) = third.recompile("4", [Change::PutSegment(&segment(json!([])))]);
    assert_eq!(answer(&fourth), (Reason::Default, None, None));
    let mut off = with(json!({"and": []}));
    off.enabled = false;
    let (fifth, _) = fourth.recompile("5", [Change::PutFlag(&off)]);
    assert_eq!(answer(&fifth), (Reason::Disabled, None, None));
    let (sixth, _) = fifth.recompile("6", [Change::PutFlag(&flag("f", "off", json!([])))]);
    assert_eq!(answer(&sixth), (Reason::Static, None, None));
    assert_eq!(answer(&third), taken, "requests under way finish on what they began with");
}
