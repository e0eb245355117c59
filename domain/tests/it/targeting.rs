//! Targeting: what may stand in it, and where a mistake is said to be.

use ff_domain::{
    Flag, FlagCommand, FlagError, FlagEvent,
    flag::{FlagFacts, Mentions},
};
use serde_json::{Value, json};

use crate::{
    fixture::{facts, key, live, replace, replaced, rule},
    flag::given,
};

fn problems(parts: Value) -> Vec<(String, String)> {
    let error = given([]).when(replace("dev", parts)).inspect_result().unwrap_err();
    assert_eq!(error.code(), "FF-1207");
    let FlagError::Invalid(problems) = error else { panic!("{error:?}") };
    problems.into_iter().map(|problem| (problem.pointer, problem.detail)).collect()
}

#[track_caller]
fn refused(parts: Value, pointer: &str, detail: &str) {
    let found = problems(parts);
    assert!(
        found.iter().any(|(at, what)| at == pointer && what.contains(detail)),
        "{pointer} {detail}: {found:?}"
    );
}

fn rollout(shares: Value) -> Value {
    json!({"default": {"rollout": {"variations": shares}}})
}

#[test]
fn it_is_replaced_as_a_whole_in_one_environment() {
    let all = json!({
        "off_variation": "blue",
        "prerequisites": [{"flag": "base", "variations": ["on"]}],
        "targets": [{"variation": "blue", "keys": ["u1"]}],
        "rules": [
            {"id": "r1", "if": {"and": [
                {"attribute": "country", "operator": "eq", "value": "US"},
                {"operator": "in_segment", "value": ["beta"]},
                {"attribute": "base", "operator": "flag_is", "value": ["off"]},
            ]}, "then": {"rollout": {"variations": [
                {"key": "red", "weight": 33.333}, {"key": "blue", "weight": 66.667}]}}},
        ],
        "salt": "again",
    });
    given([])
        .when(replace("dev", all.clone()))
        .then_expect_events(vec![replaced("dev", all.clone())]);
    given([replaced("dev", all.clone())])
        .when(replace("dev", all.clone()))
        .then_expect_events(vec![]);
    given([]).when(replace("dev", json!({}))).then_expect_events(vec![]);
    given([])
        .when(replace("qa", all.clone()))
        .then_expect_error(FlagError::UnknownEnvironment(key("qa")));
    let flag = live([replaced("dev", all)]);
    let state = flag.state().unwrap();
    let (dev, prod) = (state.definition(&key("dev")), state.definition(&key("prod")));
    assert_eq!((dev.off_variation.as_str(), dev.rules.len()), ("blue", 1));
    assert_eq!((prod.off_variation.as_str(), prod.rules.len()), ("red", 0));
    assert!(!dev.enabled, "it is turned on by another command");
}

#[test]
fn shares_are_the_whole() {
    let share = |key: &str, weight: f64| json!({"key": key, "weight": weight});
    let at = "/default/rollout/variations";
    refused(rollout(json!([share("red", 50.0), share("blue", 40.0)])), at, "these sum to 90");
    refused(rollout(json!([share("red", 99.999)])), at, "these sum to 99.999");
    refused(rollout(json!([])), at, "at least one");
    refused(
        rollout(json!([share("red", 50.0), share("pink", 50.0)])),
        &format!("{at}/1/key"),
        "`pink`",
    );
    refused(
        rollout(json!([share("red", 50.0), share("red", 50.0)])),
        &format!("{at}/1/key"),
        "twice",
    );
    let fine = rollout(json!([share("red", 0.0), share("blue", 0.001), share("green", 99.999)]));
    assert!(given([]).when(replace("dev", fine)).inspect_result().is_ok());
}

#[test]
fn variations_must_be_the_flag_s_own() {
    refused(json!({"off_variation": "pink"}), "/off_variation", "`pink`");
    refused(json!({"default": {"variation": "pink"}}), "/default/variation", "`pink`");
    refused(
        json!({"targets": [{"variation": "pink", "keys": ["u"]}]}),
        "/targets/0/variation",
        "`pink`",
    );
    refused(
        json!({"rules": [{"id": "r", "then": {"variation": "pink"}}]}),
        "/rules/0/then/variation",
        "`pink`",
    );
}

#[test]
fn conditions_must_make_sense() {
    let test = |operator: &str, value: Value| {
        rule(json!({"and": [{"attribute": "a", "operator": operator, "value": value}]}))
    };
    let value = "/rules/0/if/and/0/value";
    refused(test("matches", json!("(")), value, "regular expression");
    refused(test("semver_range", json!("^^1")), value, "version range");
    refused(test("semver_gt", json!("one")), value, "semantic version");
    refused(test("before", json!("tomorrow")), value, "instant");
    refused(test("in", json!("x")), value, "`in` compares with");
    refused(test("gt", json!("1")), value, "`gt` compares with");
    refused(rule(json!({"operator": "eq", "value": 1})), "/rules/0/if/attribute", "needs an");
    let twice = json!({"rules": [
        {"id": "r", "then": {"variation": "red"}}, {"id": "r", "then": {"variation": "red"}}]});
    refused(twice, "/rules/1/id", "used twice");
}

#[test]
fn mentions_must_lead_somewhere() {
    let needs = |flag: &str, variation: &str| json!({"prerequisites": [{"flag": flag, "variations": [variation]}]});
    refused(needs("gone", "on"), "/prerequisites/0", "no flag `gone`");
    refused(needs("base", "pink"), "/prerequisites/0", "no variation `pink`");
    refused(needs("checkout", "red"), "/prerequisites/0/flag", "its own prerequisite");
    refused(
        json!({"prerequisites": [{"flag": "base", "variations": []}]}),
        "/prerequisites/0/variations",
        "at least one",
    );
    let segment = json!({"not": {"operator": "in_segment", "value": ["beta", "gone"]}});
    refused(rule(segment), "/rules/0/if", "no segment `gone`");
    let flag = json!({"attribute": "gone", "operator": "flag_is", "value": ["on"]});
    refused(rule(flag), "/rules/0/if", "no flag `gone`");
    let other = json!({"attribute": "base", "operator": "flag_is", "value": ["pink"]});
    refused(rule(other), "/rules/0/if", "no variation `pink`");
    // Names that cannot even be keys lead nowhere either.
    refused(needs("no key!", "on"), "/prerequisites/0", "no flag `no key!`");
    refused(needs("base", " on"), "/prerequisites/0", "no variation ` on`");
    let segment = json!({"operator": "in_segment", "value": ["no key!"]});
    refused(rule(segment), "/rules/0/if", "no segment `no key!`");
}

#[test]
fn a_flag_that_asks_for_itself_in_a_rule_is_a_circle() {
    let own = rule(json!({"attribute": "checkout", "operator": "flag_is", "value": ["red"]}));
    let references = live([replaced("dev", own)]).state().unwrap().references();
    assert!(references.mention(&ff_domain::Item::Flag(key("checkout"))), "the project refuses it");
}

#[test]
fn lists_have_limits() {
    let rules = |count: usize| -> Value {
        (0..count).map(|n| json!({"id": format!("r{n}"), "then": {"variation": "red"}})).collect()
    };
    assert!(given([]).when(replace("dev", json!({"rules": rules(200)}))).inspect_result().is_ok());
    refused(json!({"rules": rules(201)}), "/rules", "at most 200");
    let keys: Vec<String> = (0..10_001).map(|n| format!("u{n}")).collect();
    refused(json!({"targets": [{"variation": "red", "keys": keys}]}), "/targets", "at most 10000");
}

#[test]
fn a_command_says_what_must_be_looked_up() {
    let parts = json!({
        "prerequisites": [{"flag": "base", "variations": ["on"]}],
        "rules": [{"id": "r", "if": {"or": [
            {"operator": "not_in_segment", "value": ["beta"]},
            {"attribute": "other", "operator": "flag_is", "value": ["a", "b"]},
        ]}, "then": {"variation": "red"}}],
    });
    let expected = FlagFacts {
        environments: [key("dev")].into(),
        flags: [(key("base"), [key("on")].into()), (key("other"), [key("a"), key("b")].into())]
            .into(),
        segments: [key("beta")].into(),
    };
    let looked_up = |mentions: Mentions| FlagFacts {
        environments: mentions.environments,
        flags: mentions.flags,
        segments: mentions.segments,
    };
    let command = replace("dev", parts.clone());
    assert_eq!(looked_up(live([]).mentions(&command)), expected);
    assert_eq!(looked_up(Flag::Absent.mentions(&command)), FlagFacts::default());
    let archived = live([replaced("dev", parts), FlagEvent::Archived {}]);
    let on_return = FlagFacts { environments: Default::default(), ..expected };
    assert_eq!(looked_up(archived.mentions(&FlagCommand::Restore)), on_return);
    assert_eq!(looked_up(live([]).mentions(&FlagCommand::Archive)), FlagFacts::default());
    assert_ne!(facts(), FlagFacts::default());
}
