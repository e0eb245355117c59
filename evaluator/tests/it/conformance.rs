//! The vectors that every SDK passes, too; see `conformance/README.md`.

use std::path::{Path, PathBuf};
use std::process::Command;

use ff_evaluator::{Config, Context, EnvironmentDefinition, ErrorCode, bucket};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Vectors<E, C> {
    environment: E,
    cases: Vec<C>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    flag: String,
    context: Value,
    now: Timestamp,
    expected: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BucketCase {
    salt: String,
    flag: String,
    user_key: String,
    bucket: u16,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance")
}

fn read(name: &str) -> String {
    let path = folder().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Answers every case of a file, and says how many there were.
fn run(name: &str) -> usize {
    let vectors: Vectors<EnvironmentDefinition, Case> = serde_json::from_str(&read(name)).unwrap();
    let (config, _) = Config::compile(&vectors.environment);
    let mut wrong = Vec::new();
    for case in &vectors.cases {
        let found = answer(&config, case);
        if found != case.expected {
            wrong.push(format!("{}: expected {}, found {found}", case.name, case.expected));
        }
    }
    assert!(
        wrong.is_empty(),
        "{name}: {} of {}\n{}",
        wrong.len(),
        vectors.cases.len(),
        wrong.join("\n")
    );
    vectors.cases.len()
}

fn answer(config: &Config, case: &Case) -> Value {
    let context = Context::from_json(case.context.clone());
    let evaluation = match &context {
        Ok(context) => config.evaluate(&case.flag, context, case.now),
        Err(_) => config.error(ErrorCode::InvalidContext),
    };
    let mut found = json!({"reason": evaluation.reason});
    let fields = [
        ("value", evaluation.value.cloned()),
        ("variation", evaluation.variation.map(Value::from)),
        ("rule", evaluation.rule.map(Value::from)),
        ("experiment", evaluation.experiment.map(Value::from)),
        ("errorCode", evaluation.error.map(|code| json!(code))),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            found[name] = value;
        }
    }
    found
}

#[test]
fn operators_compare_as_specified() {
    assert!(run("operators.json") > 1000);
}

#[test]
fn clocks_follow_their_time_zones() {
    assert!(run("clock.json") > 100);
}

#[test]
fn rollouts_give_everyone_the_specified_variation() {
    assert!(run("rollouts.json") > 300);
}

#[test]
fn experiments_take_and_split_as_specified() {
    assert!(run("experiments.json") > 600);
}

#[test]
fn targeting_follows_the_specified_order() {
    assert!(run("targeting.json") > 200);
}

#[test]
fn references_are_followed_as_specified() {
    assert!(run("references.json") > 200);
}

#[test]
fn values_are_served_as_specified() {
    assert!(run("values.json") > 15);
}

#[test]
fn contexts_are_read_as_specified() {
    assert!(run("contexts.json") > 100);
}

#[test]
fn buckets_are_the_specified_numbers() {
    #[derive(Deserialize)]
    struct File {
        cases: Vec<BucketCase>,
    }
    let file: File = serde_json::from_str(&read("buckets.json")).unwrap();
    assert!(file.cases.len() > 90);
    for case in file.cases {
        let found = bucket(&case.salt, &case.flag, &case.user_key);
        assert_eq!(found, case.bucket, "{} {} {}", case.salt, case.flag, case.user_key);
    }
}

#[test]
fn the_files_are_what_the_generator_writes() {
    let output = Command::new("python3")
        .arg("-B")
        .arg(folder().join("generate.py"))
        .arg("--check")
        .output()
        .expect("python3 runs the generator of the vectors");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
