//! Who takes part in experiments: that the parts of a definition do not disturb each other, on 100,000 users whose
//! keys never change, so that every run counts the same.

use std::collections::BTreeMap;

use ff_evaluator::{Config, Context, EnvironmentDefinition};
use jiff::Timestamp;
use serde_json::{Value, json};

const USERS: usize = 100_000;
const SALT: &str = "0123456789abcdef0123456789abcdef";

fn flag(key: &str, experiment: Value) -> Value {
    json!({
        "key": key, "type": "string", "enabled": true, "off_variation": "rest", "default": {"variation": "rest"},
        "variations": [
            {"key": "control", "value": "c"}, {"key": "treatment", "value": "t"}, {"key": "rest", "value": "r"},
        ],
        "experiment": experiment,
    })
}

fn experiment(key: &str, slices: Value, shares: [f64; 2]) -> Value {
    let [control, treatment] = shares;
    json!({
        "key": key, "rule": format!("{key}:1"), "slices": slices,
        "split": {"variations": [
            {"key": "control", "weight": control}, {"key": "treatment", "weight": treatment},
        ]},
    })
}

fn slice(seed: &str, ranges: Value) -> Value {
    json!({"seed": seed, "ranges": ranges})
}

fn config(flags: &[Value]) -> Config {
    let definition: EnvironmentDefinition = serde_json::from_value(json!({
        "id": "e", "salt": SALT, "position": "1", "flags": flags, "segments": [],
    }))
    .unwrap();
    let (config, defects) = Config::compile(&definition);
    assert!(defects.is_empty(), "{defects:?}");
    config
}

fn users() -> impl Iterator<Item = Context> {
    (0..USERS)
        .map(|user| Context::from_json(json!({"targetingKey": format!("user-{user}")})).unwrap())
}

/// The arm of whoever takes part.
fn arm<'c>(config: &'c Config, flag: &str, user: &Context) -> Option<&'c str> {
    let answer = config.evaluate(flag, user, Timestamp::UNIX_EPOCH);
    answer.experiment.and(answer.variation)
}

/// Pearson's chi-square of a table against independence of its rows and columns, and the degrees of freedom.
fn chi_square(table: &[Vec<usize>]) -> (f64, usize) {
    let float = |count: usize| f64::from(u32::try_from(count).unwrap());
    let rows: Vec<usize> = table.iter().map(|row| row.iter().sum()).collect();
    let columns: Vec<usize> =
        (0..table[0].len()).map(|column| table.iter().map(|row| row[column]).sum()).collect();
    let total = float(rows.iter().sum());
    let mut sum = 0.0;
    for (row, of_row) in table.iter().zip(&rows) {
        for (found, of_column) in row.iter().zip(&columns) {
            let expected = float(*of_row) * float(*of_column) / total;
            sum += (float(*found) - expected).powi(2) / expected;
        }
    }
    (sum, (rows.len() - 1) * (columns.len() - 1))
}

/// Independent tables stay below this in all but one of ten thousand cases (Wilson and Hilferty's
/// approximation, which allows a little more where there are few degrees of freedom).
fn limit(degrees: usize) -> f64 {
    let degrees = f64::from(u32::try_from(degrees).unwrap());
    let spread = 2.0 / (9.0 * degrees);
    degrees * (1.0 - spread + 3.719 * spread.sqrt()).powi(3)
}

fn assert_independent(table: &[Vec<usize>]) {
    let (found, degrees) = chi_square(table);
    assert!(found < limit(degrees), "{found} with {degrees} degrees of freedom: {table:?}");
}

#[test]
fn the_test_of_independence_can_fail() {
    for (degrees, quantile) in [(1, 15.137), (4, 23.513), (9, 33.720)] {
        let more = limit(degrees) / quantile - 1.0;
        assert!((0.0..0.08).contains(&more), "{degrees}: {more}");
    }
    let (found, degrees) = chi_square(&[vec![5_150, 4_850], vec![4_850, 5_150]]);
    assert_eq!(degrees, 1);
    assert!((found - 18.0).abs() < 1e-9, "{found}");
    assert!(found > limit(degrees));
    // One hash for traffic and arm puts all of one arm on one side.
    let config = config(&[flag(
        "shared",
        experiment("shared", json!([slice("shared", json!([[0, 6000]]))]), [50.0, 50.0]),
    )]);
    let mut treated = [0, 0];
    for user in users().take(10_000) {
        if let Some(arm) = arm(&config, "shared", &user) {
            treated[usize::from(arm == "treatment")] += 1;
        }
    }
    assert!(treated[0] > 4 * treated[1], "{treated:?}");
}

#[test]
fn the_arm_does_not_depend_on_the_bucket_of_the_traffic() {
    let slices = json!([slice("traffic:speed", json!([[0, 8000]]))]);
    let config = config(&[flag("speed", experiment("speed", slices, [50.0, 50.0]))]);
    // Rows are tenths of the buckets of the traffic, columns are arms.
    let mut table = vec![vec![0, 0]; 8];
    let mut taken = 0;
    for (number, user) in users().enumerate() {
        let bucket = ff_evaluator::bucket(SALT, "traffic:speed", &format!("user-{number}"));
        let arm = arm(&config, "speed", &user);
        assert_eq!(arm.is_some(), bucket < 8000, "user {number}");
        if let Some(arm) = arm {
            table[usize::from(bucket / 1000)][usize::from(arm == "treatment")] += 1;
            taken += 1;
        }
    }
    // Five standard deviations of a share of 80 percent of 100,000.
    assert!((80_000_usize).abs_diff(taken) < 633, "{taken}");
    assert_independent(&table);
}

#[test]
fn experiments_on_different_flags_do_not_depend_on_each_other() {
    let traffic = |key: &str, to: u16| json!([slice(&format!("traffic:{key}"), json!([[0, to]]))]);
    let config = config(&[
        flag("price", experiment("price", traffic("price", 7000), [50.0, 50.0])),
        flag("colour", experiment("colour", traffic("colour", 5000), [20.0, 80.0])),
    ]);
    // Out, control, treatment of one against the same of the other.
    let place = |arm: Option<&str>| match arm {
        None => 0,
        Some("control") => 1,
        Some(_) => 2,
    };
    let mut table = vec![vec![0; 3]; 3];
    for user in users() {
        let (price, colour) = (arm(&config, "price", &user), arm(&config, "colour", &user));
        table[place(price)][place(colour)] += 1;
    }
    assert_independent(&table);
}

#[test]
fn experiments_in_one_layer_never_share_a_user() {
    let part = |ranges: Value| json!([slice("layer:checkout", ranges)]);
    let parts = BTreeMap::from([
        ("first", json!([[1000, 4000], [9000, 9500]])),
        ("second", json!([[4000, 4001], [4500, 9000]])),
        ("third", json!([[4001, 4500], [9500, 10000]])),
    ]);
    let flags: Vec<Value> = parts
        .iter()
        .map(|(key, ranges)| flag(key, experiment(key, part(ranges.clone()), [50.0, 50.0])))
        .collect();
    let config = config(&flags);
    let mut taken: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
    for user in users() {
        let of: Vec<&str> =
            parts.keys().copied().filter(|key| arm(&config, key, &user).is_some()).collect();
        *taken.entry(of).or_default() += 1;
    }
    let of = |experiments: &[&str]| taken.get(experiments).copied().unwrap_or_default();
    assert_eq!(taken.len(), 4, "{taken:?}");
    // What is in none is what the layer holds out. Five standard deviations around the shares.
    for (found, expected) in [
        (of(&[]), 10_000_usize),
        (of(&["first"]), 35_000),
        (of(&["second"]), 45_010),
        (of(&["third"]), 9_990),
    ] {
        assert!(found.abs_diff(expected) < 790, "{found} instead of {expected}");
    }
}

#[test]
fn another_salt_deals_the_arms_anew_and_takes_the_same_users() {
    let slices = json!([slice("traffic:again", json!([[0, 5000]]))]);
    let mut second = experiment("again", slices.clone(), [50.0, 50.0]);
    second["salt"] = json!("fedcba9876543210fedcba9876543210");
    let first = config(&[flag("again", experiment("again", slices, [50.0, 50.0]))]);
    let second = config(&[flag("again", second)]);
    let mut table = vec![vec![0, 0]; 2];
    for user in users() {
        let arms = (arm(&first, "again", &user), arm(&second, "again", &user));
        assert_eq!(arms.0.is_some(), arms.1.is_some());
        if let (Some(before), Some(after)) = arms {
            table[usize::from(before == "treatment")][usize::from(after == "treatment")] += 1;
        }
    }
    assert_independent(&table);
}

#[test]
fn more_traffic_moves_nobody_to_another_arm() {
    let with = |to: u16| {
        let slices = json!([slice("traffic:grow", json!([[0, to]]))]);
        config(&[flag("grow", experiment("grow", slices, [50.0, 50.0]))])
    };
    let (less, more) = (with(2000), with(6000));
    for user in users().take(20_000) {
        if let Some(before) = arm(&less, "grow", &user) {
            assert_eq!(arm(&more, "grow", &user), Some(before));
        }
    }
}
