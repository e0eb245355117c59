//! No figures make the results panic, and nothing that is computed is NaN, infinite or null.

use std::collections::BTreeMap;

use ff_analytics::figures::{ArmFigures, Figures, QuantileFigures, Sums};
use ff_analytics::plan::{Arm, ExperimentPlan, Method, MetricKind, Take, Term};
use ff_analytics::report::results;
use num_bigint::BigInt;
use proptest::prelude::*;
use serde_json::Value;

use super::lab::{
    State, binomial, figures, guardrail, lower, mean, metric, normal, plan, primary, share,
};

/// Every null outside of what is copied from the plan.
fn nulls(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Null => found.push(path.to_owned()),
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at, item)| nulls(&format!("{path}/{at}"), item, found));
        }
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "metric" && *name != "analysis")
            .for_each(|(name, field)| nulls(&format!("{path}/{name}"), field, found)),
        _ => {}
    }
}

fn sound(plan: &ExperimentPlan, figures: &Figures) {
    let found = results(plan, figures);
    let mut holes = Vec::new();
    nulls("", &serde_json::to_value(&found).unwrap(), &mut holes);
    assert!(holes.is_empty(), "{holes:?}");
    assert_eq!(found, results(plan, figures));
}

fn every_kind() -> ExperimentPlan {
    let term = |event: &str| Term { event: event.to_owned(), take: Take::Count };
    plan(vec![
        primary(mean("revenue")),
        primary(metric("rate", MetricKind::Ratio { numerator: term("a"), denominator: term("b") })),
        primary(binomial("bought")),
        primary(metric("p99", MetricKind::Quantile { event: "latency".to_owned(), q: 0.99 })),
        primary(metric(
            "came_back",
            MetricKind::Retention { event: "open".to_owned(), from_day: 1, to_day: 7 },
        )),
        guardrail(mean("profit"), 0.01),
        guardrail(lower(binomial("errors")), 0.5),
    ])
}

fn quantile() -> impl Strategy<Value = ArmFigures> {
    let numbers =
        (0_u64..5000, 0_u64..9000, -1e6f64..1e6, 0.0f64..10.0, 0_u64..9000, 0_u64..99_999);
    numbers.prop_map(|(users, events, value, width, below, squares)| {
        ArmFigures::Quantile(QuantileFigures {
            q: 0.99,
            alpha: 0.05,
            users,
            events,
            value,
            lower: (squares % 3 > 0).then_some(value - width),
            upper: Some(value + width),
            below,
            below_squared: squares,
            below_by_events: squares,
            events_squared: squares * 2,
        })
    })
}

fn arm() -> impl Strategy<Value = ArmFigures> {
    let users = prop::sample::select(vec![0_u64, 1, 2, 3, 50, 100, 5000, 1_000_000_000]);
    let wild =
        (users.clone(), prop::collection::vec(any::<i64>(), 17)).prop_map(|(users, numbers)| {
            let mut sums = Sums { users, ..Sums::default() };
            let big = |at: usize| BigInt::from(numbers[at]) * BigInt::from(numbers[(at + 1) % 17]);
            sums.sums = std::array::from_fn(big);
            sums.products = std::array::from_fn(|at| big(at + 4) * numbers[at]);
            sums.third = big(14);
            sums.absolute = big(15);
            sums.largest = big(16);
            ArmFigures::Sums(sums)
        });
    prop_oneof![
        Just(ArmFigures::Nothing),
        (users.clone(), -20.0f64..20.0, prop::sample::select(vec![0.0, 1e-9, 1.0, 400.0]))
            .prop_map(|(users, mean, variance)| normal(users, mean, variance)),
        (users, 0.0f64..=1.0).prop_map(|(n, rate)| share(n, (n as f64 * rate) as u64)),
        quantile(),
        wild,
    ]
}

fn states() -> impl Strategy<Value = Vec<State>> {
    let metrics = prop::collection::vec(prop::collection::vec(arm(), 0..4), 0..8);
    prop::collection::vec((-30_i64..900, metrics), 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_figures(states in states(), method in 0_usize..4, planned in prop::option::of(0_u64..3000), third in any::<bool>()) {
        let mut plan = every_kind();
        plan.analysis.method =
            [Method::ObrienFleming, Method::Pocock, Method::AlwaysValid, Method::Fixed][method];
        plan.analysis.planned_users = planned;
        if third {
            plan.iterations[0].arms.push(Arm { variation: "none".to_owned(), weight: 0 });
        }
        sound(&plan, &figures(&states));
    }
}

#[test]
fn chosen_extremes() {
    let cases: BTreeMap<&str, [ArmFigures; 2]> = [
        ("nobody", [normal(0, 0.0, 0.0), normal(0, 0.0, 0.0)]),
        ("one arm is empty", [normal(1000, 5.0, 1.0), ArmFigures::Nothing]),
        ("all the same", [normal(1000, 5.0, 0.0), normal(1000, 5.0, 0.0)]),
        ("constant but apart", [normal(1000, 5.0, 0.0), normal(1000, 6.0, 0.0)]),
        ("a billion users", [normal(1_000_000_000, 5.0, 1.0), normal(1_000_000_000, 5.001, 1.0)]),
        ("a negative control", [normal(1000, -5.0, 1.0), normal(1000, -4.0, 1.0)]),
        ("a control of zero", [normal(1000, 0.0, 1.0), normal(1000, 1.0, 1.0)]),
        ("a control of nearly zero", [normal(1000, 0.01, 1.0), normal(1000, 1.0, 1.0)]),
        ("far apart", [normal(1000, 5.0, 1e-6), normal(1000, 900.0, 1e-6)]),
        ("nobody converts", [share(1000, 0), share(1000, 0)]),
        ("everybody does", [share(1000, 1000), share(1000, 1000)]),
    ]
    .into();
    for (name, [control, treatment]) in cases {
        for metric in [mean("m"), lower(mean("m"))] {
            let plan = plan(vec![primary(metric.clone()), guardrail(metric, 0.01)]);
            let arms = vec![control.clone(), treatment.clone()];
            let given = vec![arms.clone(), arms];
            println!("{name}");
            sound(&plan, &figures(&[(24, given.clone()), (48, given.clone()), (49, given)]));
        }
    }
}

#[test]
fn a_negative_control_turns_no_guardrail_round() {
    // Profit of -5 falls to -5.5: harm, though both are below zero.
    let given = vec![vec![normal(9000, -5.0, 1.0), normal(9000, -5.5, 1.0)]];
    let plan = plan(vec![guardrail(mean("profit"), 0.01)]);
    let found = results(&plan, &figures(&[(24, given)]));
    assert_eq!(found.breaches().len(), 1);
    let lift =
        found.metrics[0].comparisons[0].decision.known().unwrap().lift.known().unwrap().estimate;
    assert!((lift + 0.1).abs() < 1e-9, "{lift}");
    let same = vec![vec![normal(900_000, -5.0, 1.0), normal(900_000, -5.0, 1.0)]];
    assert!(results(&plan, &figures(&[(24, same)])).breaches().is_empty());
}
