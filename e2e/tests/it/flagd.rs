//! What `ff import flagd` makes of a file answers exactly as flagd's own engine answers on that file: every flag,
//! for every combination of kinds of values of the attributes it looks at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use ff_evaluator::{Config, Context, EnvironmentDefinition};
use serde_json::{Map, Value, json};

/// An attribute by its JSON pointer, and the values it has; `None` is not there at all.
type Values = (&'static str, Vec<Option<Value>>);

/// The values that every attribute has: of each kind, and on both sides of what the files compare with.
fn kinds() -> Vec<Option<Value>> {
    let mut values = vec![None];
    values.extend(
        [
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(1),
            json!(18),
            json!(""),
            json!("1"),
            json!("18"),
        ]
        .map(Some),
    );
    values
}

fn and(more: Value) -> Vec<Option<Value>> {
    let Value::Array(more) = more else { panic!("a list") };
    kinds().into_iter().chain(more.into_iter().map(Some)).collect()
}

/// Every combination of the values.
fn contexts(attributes: &[Values]) -> Vec<Value> {
    let mut contexts = vec![json!({})];
    for (pointer, values) in attributes {
        contexts = contexts
            .iter()
            .flat_map(|context| {
                values.iter().map(move |value| {
                    let mut context = context.clone();
                    if let Some(value) = value {
                        put(&mut context, pointer, value);
                    }
                    context
                })
            })
            .collect();
    }
    assert!(contexts.len() >= 300, "{} contexts are too few", contexts.len());
    contexts
}

fn put(context: &mut Value, pointer: &str, value: &Value) {
    let mut at = context;
    for name in pointer[1..].split('/') {
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        at = at.as_object_mut().unwrap().entry(name).or_insert(Value::Null);
    }
    *at = value.clone();
}

/// What one side answers: value, variation, reason. `None` for an error.
type Answers = BTreeMap<(String, usize), Option<(Value, Option<String>, String)>>;

struct Imported {
    definition: EnvironmentDefinition,
    notes: Vec<Value>,
    refused: BTreeMap<String, String>,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/flagd").join(name)
}

fn output(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?} failed (`make bins e2e-clients` builds what it needs):\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// The binary under test: beside this test's own executable, or what `FF_BIN` names.
fn ff() -> PathBuf {
    let beside = || {
        let test = std::env::current_exe().unwrap();
        test.parent().and_then(Path::parent).expect("a test is two folders deep").join("ff")
    };
    std::env::var_os("FF_BIN").map_or_else(beside, PathBuf::from)
}

fn import(file: &Path) -> Imported {
    let printed = output(Command::new(ff()).args(["import", "flagd", "--print-config"]).arg(file));
    let printed: Value = serde_json::from_slice(&printed).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Imported {
        definition: serde_json::from_value(printed.clone()).unwrap(),
        notes: printed["notes"].as_array().unwrap().clone(),
        refused: printed["refused"]
            .as_array()
            .unwrap()
            .iter()
            .map(|refused| (text(&refused["flag"]), text(&refused["reason"])))
            .collect(),
    }
}

fn flagd_answers(file: &Path, contexts: &[Value]) -> Answers {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("contexts.json");
    std::fs::write(&list, serde_json::to_vec(contexts).unwrap()).unwrap();
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    let lines = output(
        Command::new("node").arg("flagd-answers.mjs").arg(file).arg(list).current_dir(clients),
    );
    String::from_utf8(lines)
        .unwrap()
        .lines()
        .map(|line| {
            let answer: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| answer[name].as_str().map(str::to_owned);
            let index = usize::try_from(answer["context"].as_u64().unwrap()).unwrap();
            let given = text("errorCode").is_none();
            let given =
                given.then(|| (answer["value"].clone(), text("variant"), text("reason").unwrap()));
            ((text("flag").unwrap(), index), given)
        })
        .collect()
}

fn our_answers(definition: &EnvironmentDefinition, contexts: &[Value]) -> Answers {
    let (config, defects) = Config::compile(definition);
    assert!(defects.is_empty(), "{defects:?}");
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let contexts: Vec<Context> =
        contexts.iter().map(|context| Context::from_json(context.clone()).unwrap()).collect();
    let mut answers = Answers::new();
    for flag in &definition.flags {
        for (index, context) in contexts.iter().enumerate() {
            let answer = config.evaluate(&flag.key, context, now);
            let given = answer.value.map(|value| {
                let variation = answer.variation.map(str::to_owned);
                (value.clone(), variation, answer.reason.openfeature().to_owned())
            });
            answers.insert((flag.key.clone(), index), given);
        }
    }
    answers
}

/// Whether a note says that this context is one of the few that are not kept.
fn excepted(notes: &[Value], flag: &str, context: &Value) -> bool {
    notes.iter().filter(|note| note["flag"] == flag).any(|note| {
        let Some(attribute) = note["attribute"].as_str() else { return false };
        let pointer =
            if attribute.starts_with('/') { attribute.to_owned() } else { format!("/{attribute}") };
        let Some(value) = context.pointer(&pointer) else { return false };
        match note["kind"].as_str() {
            Some("text_as_number") => {
                // `1` and `18` are spelled as the language spells them, so equality is kept for them; orders are not.
                value.as_str().is_some_and(|text| text.trim().parse::<f64>().is_ok())
            }
            Some("number_as_version") => value
                .as_f64()
                .is_some_and(|number| number.fract() != 0.0 && number.to_string().contains(".0")),
            _ => false,
        }
    })
}

fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() < f64::EPSILON,
        _ => ours == theirs,
    }
}

/// Compares all answers on a file. Every flag must have been asked something, and answer in more than one way unless
/// it is listed as `constant`.
fn compare(name: &str, attributes: &[Values], constant: &[&str]) {
    let file = fixture(name);
    let imported = import(&file);
    assert!(imported.refused.is_empty(), "{:?}", imported.refused);
    let contexts = contexts(attributes);
    let ours = our_answers(&imported.definition, &contexts);
    let theirs = flagd_answers(&file, &contexts);
    assert_eq!(ours.len(), theirs.len());
    let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for ((flag, index), theirs) in &theirs {
        let context = &contexts[*index];
        let Some((value, variant, reason)) = theirs else { continue };
        if excepted(&imported.notes, flag, context) {
            continue;
        }
        let place = format!("{name}: flag {flag} for {context}");
        let answer = ours[&(flag.clone(), *index)].as_ref();
        let (our_value, our_variation, our_reason) =
            answer.unwrap_or_else(|| panic!("{place}: no answer"));
        assert_eq!(our_reason, reason, "{place}");
        // flagd leaves the value of a disabled flag to the caller.
        if reason != "DISABLED" {
            assert_eq!(our_variation, variant, "{place}");
            assert!(same(our_value, value), "{place}: {our_value} instead of {value}");
        }
        seen.entry(flag).or_default().insert(format!("{variant:?} {reason}"));
    }
    for flag in &imported.definition.flags {
        let ways = seen.get(flag.key.as_str()).map_or(0, BTreeSet::len);
        let expected = if constant.contains(&flag.key.as_str()) { 1..=1 } else { 2..=9 };
        assert!(
            expected.contains(&ways),
            "{name}: flag {} was seen to answer in {ways} ways",
            flag.key
        );
    }
}

#[test]
fn comparisons_answer_as_flagd_does() {
    compare(
        "comparisons.json",
        &[
            ("/plan", and(json!(["pro", "free", "pr", "n", "N", "zz"]))),
            ("/age", and(json!([-1, 1.5, 64, 65, 5e20, "old"]))),
            ("/beta", and(json!(["x"]))),
        ],
        &[],
    );
}

#[test]
fn texts_and_lists_answer_as_flagd_does() {
    compare(
        "texts.json",
        &[
            ("/country", and(json!(["DE", "DE,AT", "D", "de", "DEUTSCHLAND", ",", "null", 20]))),
            ("/email", and(json!(["anna@example.com", "x@example.com.org", "anna"]))),
            (
                "/user",
                vec![
                    None,
                    Some(json!(null)),
                    Some(json!(0)),
                    Some(json!("")),
                    Some(json!({"role": "admin"})),
                    Some(json!({"role": ""})),
                    Some(json!({"role": null})),
                ],
            ),
            ("/targetingKey", vec![None, Some(json!("anna")), Some(json!("zoe"))]),
        ],
        &["own-key"],
    );
}

#[test]
fn versions_answer_as_flagd_does() {
    let versions = json!([
        "1.2.3",
        "v1.2.3",
        "V1.2.3",
        " 1.2.3 ",
        "vv1.2.3",
        "1.2",
        "v1",
        "1.2.4",
        "1.2.2",
        "1.3.0",
        "1.1.9",
        "2.0.0",
        "0.9.9",
        "10.0.0",
        "1.10.0",
        "v1.10",
        "1.9.99",
        "1.2.3-rc.1",
        "v1.2.3-rc.1",
        "1.2.4-rc.1",
        "2.0.0-rc.1",
        "v2.0.0-rc.1",
        "2.0.0-rc.2",
        "2.0.0-rc.1+build",
        "1.2.3+build.5",
        "01.2.3",
        "1.02.3",
        "1.2.3.4",
        "latest",
        "1.2.3-",
        "-1.2.3",
        1.2,
        1.3,
        1.9,
        2,
        2.1,
        0.5,
        -1,
        -0.5,
        1.05,
        1.25,
    ]);
    let others = (0..20).map(|number| Some(json!(number))).collect();
    compare(
        "versions.json",
        &[("/version", and(versions)), ("/unrelated", others)],
        &["unknown-operator", "no-version"],
    );
}

#[test]
fn branches_answer_as_flagd_does() {
    compare(
        "branches.json",
        &[
            ("/plan", and(json!(["pro", "free"]))),
            ("/age", and(json!([19, 17.5]))),
            ("/beta", and(json!(["x"]))),
        ],
        &["constant-true", "always-default"],
    );
}

#[test]
fn values_of_every_type_answer_as_flagd_does() {
    let others = (0..40).map(|number| Some(json!(number))).collect();
    compare(
        "values.json",
        &[("/beta", kinds()), ("/unrelated", others)],
        &["static-boolean", "static-null", "static-empty", "bare-name", "disabled"],
    );
}

#[test]
fn what_cannot_be_kept_is_refused_with_its_place() {
    let imported = import(&fixture("refused.json"));
    let kept: Vec<&str> = imported.definition.flags.iter().map(|flag| flag.key.as_str()).collect();
    assert!(kept.is_empty(), "{kept:?} must be refused");
    for (flag, part) in [
        ("fractional", "targeting: `fractional`"),
        ("fractional-inside", "targeting/if/1: `fractional`"),
        ("arithmetic", "targeting/if/0/>/0: `+`"),
        ("unknown-operator", "targeting/if/0: `matches`"),
        ("two-operators", "has 2"),
        ("two-attributes", "only an attribute with a constant"),
        ("timestamp", "`$flagd.timestamp`"),
        ("user-id", "`user_id` stands in"),
        ("attribute-as-result", "cannot name a variant"),
        ("unknown-variant", "targeting/if/1: there is no variant `sometimes`"),
        ("unknown-evaluator", "evaluator `nowhere`"),
        ("always-an-error", "error for everyone"),
        ("pre-release-order", "version `2.0.0-rc.1`"),
        ("text-length", "`email.length`"),
        ("mixed-values", "boolean and string"),
        ("no-default", "defaultVariant"),
        ("bad key", "its key is none here"),
    ] {
        let reason = imported.refused.get(flag).unwrap_or_else(|| panic!("{flag} is not listed"));
        assert!(reason.contains(part), "{flag}: {reason}");
    }
    assert_eq!(imported.refused.len(), 17);
}
