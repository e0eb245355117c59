//! The power calculator: numbers of the textbook, and promises that contradict nothing.

use ff_analytics::plan::Method;
use ff_analytics::planning::{Baseline, PowerInput, PowerOutput, power};
use ff_analytics::stats::Alpha;
use ff_analytics::stats::power::{Power, proportion_size};
use serde_json::json;

fn mean() -> PowerInput {
    serde_json::from_value(json!({
        "metric": { "kind": "mean", "mean": 10.0, "variance": 25.0 },
        "users_per_day": 1000.0,
        "minimum_effect": 0.02,
        "method": "fixed",
    }))
    .unwrap()
}

fn rate() -> PowerInput {
    PowerInput { metric: Baseline::Binomial { rate: 0.1 }, minimum_effect: Some(0.1), ..mean() }
}

fn total(input: &PowerInput) -> u64 {
    let output = power(input).unwrap();
    output.sample.unwrap().known().unwrap().total
}

#[test]
fn a_mean_by_hand() {
    let output = power(&mean()).unwrap();
    let sample = output.sample.as_ref().unwrap().known().unwrap();
    // (1.959964 + 0.841621)² × 25 × 2 / 0.2² = 9811.1 an arm.
    assert_eq!(sample.per_arm, [9812, 9812]);
    assert_eq!((sample.total, sample.days), (19_624, 20));
    assert_eq!(output.durations.len(), 8);
    // After one week, 3500 an arm: 2.801585 × √(25 × 2 / 3500) = 0.33485.
    let week = &output.durations[0];
    assert_eq!((week.users, week.per_arm.as_slice()), (7000, [3500, 3500].as_slice()));
    let found = week.detectable.known().unwrap();
    assert!((found.absolute - 0.334_853).abs() < 1e-5, "{found:?}");
    assert!((found.relative.unwrap() - 0.033_485_3).abs() < 1e-6);
}

#[test]
fn a_rate_is_fleiss() {
    let output = power(&rate()).unwrap();
    let sample = output.sample.as_ref().unwrap().known().unwrap();
    let expected =
        proportion_size([0.1, 0.11], Alpha::FIVE_PERCENT, Power::EIGHTY_PERCENT).unwrap();
    assert_eq!(sample.per_arm[0], expected.pooled.ceil() as u64);
    assert_eq!(sample.per_arm[0], 14_751);
}

#[test]
fn the_effect_planned_for_is_what_the_planned_users_find() {
    for input in [
        mean(),
        rate(),
        PowerInput { covariate_correlation: 0.5, ..mean() },
        PowerInput { minimum_effect: Some(-0.1), ..rate() },
        PowerInput { method: Method::ObrienFleming, weights: vec![3.0, 1.0], ..rate() },
        PowerInput { method: Method::AlwaysValid, weights: vec![1.0, 2.0, 4.0], ..mean() },
    ] {
        // As many users in a week as are needed.
        let weekly =
            PowerInput { users_per_day: total(&input) as f64 / 7.0 + 0.5, ..input.clone() };
        let week = &power(&weekly).unwrap().durations[0];
        let found = week.detectable.known().unwrap().relative.unwrap();
        let wanted = input.minimum_effect.unwrap();
        assert!((found / wanted - 1.0).abs() < 2e-3, "{input:?} {found}");
        let chance = *week.power.as_ref().unwrap().known().unwrap();
        assert!((chance - 0.8).abs() < 2e-3, "{input:?} {chance}");
    }
}

#[test]
fn what_makes_it_longer_and_shorter() {
    let base = total(&mean());
    let ratio = |input: PowerInput| total(&input) as f64 / base as f64;
    let near = |seen: f64, expected: f64| assert!((seen - expected).abs() < 2e-3, "{seen}");
    near(ratio(PowerInput { covariate_correlation: 0.8, ..mean() }), 0.36);
    let looks = |method| PowerInput { method, looks: 5, ..mean() };
    near(ratio(looks(Method::ObrienFleming)), 1.0284);
    near(ratio(looks(Method::Pocock)), 1.2286);
    assert!(ratio(looks(Method::AlwaysValid)) > 1.5);
    // Nine to one: (1 + 1/9) / 2 of the control's users, ten ninths of them in all.
    near(ratio(PowerInput { weights: vec![9.0, 1.0], ..mean() }), 5.0 * 10.0 / 9.0 / 2.0);
    // Two comparisons: the level is halved, z = 2.241403.
    let (z, two) = ((2.241_403 + 0.841_621_f64).powi(2), 2.801_585_f64.powi(2));
    near(ratio(PowerInput { comparisons: Some(2), ..mean() }), z / two);
    assert_eq!(power(&mean()).unwrap().alpha_per_comparison, 0.05);
}

#[test]
fn longer_finds_smaller() {
    for input in [
        mean(),
        rate(),
        PowerInput { metric: Baseline::Mean { mean: -3.0, variance: 9.0 }, ..mean() },
    ] {
        let PowerOutput { durations, .. } = power(&input).unwrap();
        let sizes: Vec<f64> =
            durations.iter().map(|week| week.detectable.known().unwrap().absolute.abs()).collect();
        assert!(sizes.windows(2).all(|pair| pair[1] < pair[0]), "{sizes:?}");
    }
}

#[test]
fn every_wrong_field_is_named() {
    let wrong = PowerInput {
        metric: Baseline::Binomial { rate: 1.5 },
        users_per_day: f64::NAN,
        covariate_correlation: 1.0,
        minimum_effect: Some(0.0),
        alpha: 0.0,
        power: 1.0,
        weights: vec![1.0, -1.0],
        comparisons: Some(0),
        method: Method::Pocock,
        looks: 0,
    };
    let errors = power(&wrong).unwrap_err();
    let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    for expected in [
        "/metric/rate",
        "/users_per_day",
        "/covariate_correlation",
        "/minimum_effect",
        "/alpha",
        "/power",
        "/weights/1",
        "/comparisons",
        "/looks",
    ] {
        assert!(pointers.contains(&expected), "{expected} is not in {pointers:?}");
    }
    let too_much = PowerInput { minimum_effect: Some(20.0), ..rate() };
    assert_eq!(power(&too_much).unwrap_err()[0].pointer, "/minimum_effect");
    let unknown = json!({ "metric": { "kind": "mean", "mean": 1.0, "variance": 1.0 }, "users": 3 });
    assert!(serde_json::from_value::<PowerInput>(unknown).is_err());
}

#[test]
fn too_few_users_have_a_typed_answer() {
    let output = power(&PowerInput { users_per_day: 0.1, ..rate() }).unwrap();
    let document = serde_json::to_value(&output).unwrap();
    assert_eq!(document["durations"][0]["detectable"]["outcome"], "too_few");
    assert!(!document.to_string().contains("null"), "{document}");
    let without = power(&PowerInput { minimum_effect: None, ..mean() }).unwrap();
    assert!(without.sample.is_none() && without.durations[0].power.is_none());
}
