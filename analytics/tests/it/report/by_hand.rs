//! Numbers that can be computed on paper, and transformations whose effect is known.

use ff_analytics::figures::{ArmFigures, Breakdown, Figures, QuantileFigures};
use ff_analytics::plan::{
    Correction, ExperimentPlan, Method, MetricKind, MetricUse, Role, Take, Term,
};
use ff_analytics::report::{Comparison, Results, Verdict, results};
use ff_analytics::stats::lift::LiftSet;
use proptest::prelude::*;
use serde_json::json;

use super::lab::{
    binomial, days, figures, lower, mean, metric, normal, plan, primary, share, with_covariate,
};
use crate::calibration::random::Random;

fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance * b.abs().max(1e-12), "{a} is not {b}");
}

fn only(results: &Results) -> &Comparison {
    &results.metrics[0].comparisons[0]
}

/// One look at all planned users.
fn fixed(metrics: Vec<MetricUse>) -> ExperimentPlan {
    let mut fixed = plan(metrics);
    fixed.analysis.method = Method::Fixed;
    fixed.analysis.planned_users = Some(2000);
    fixed
}

#[test]
fn welch_by_hand() {
    // Means 10 and 10.6, variances 25 and 27, 1000 users each: se = √0.052, t = 2.63117, df = 1995.04.
    let given = [(24, vec![vec![normal(1000, 10.0, 25.0), normal(1000, 10.6, 27.0)]])];
    let found = results(&fixed(vec![primary(mean("revenue"))]), &figures(&given));
    let decision = only(&found).decision.known().unwrap();
    close(decision.difference, 0.6, 1e-12);
    close(decision.se, 0.052f64.sqrt(), 1e-12);
    close(decision.p.get(), 0.008_575, 1e-3);
    let now = only(&found).now.known().unwrap();
    close(now.df, 0.052f64.powi(2) / ((0.025f64.powi(2) + 0.027f64.powi(2)) / 999.0), 1e-12);
    let lift = decision.lift.known().unwrap();
    close(lift.estimate, 0.06, 1e-12);
    // Fieller with c = 1.96117: g = c² 0.025/100, then ((1.06 ± c/10 √((1-g) 0.027 + 1.06² 0.025)) / (1-g)) - 1.
    let c = decision.critical.known().unwrap();
    let g = c * c * 0.025 / 100.0;
    let half = c / 10.0 * ((1.0 - g) * 0.027 + 1.06f64.powi(2) * 0.025).sqrt();
    let LiftSet::Bounded(set) = lift.fieller.known().unwrap() else { panic!() };
    close(set.lower, (1.06 - half) / (1.0 - g) - 1.0, 1e-9);
    close(set.upper, (1.06 + half) / (1.0 - g) - 1.0, 1e-9);
    // The power of a true lift of 2 %: Φ(0.877 - 1.960) and Φ(-0.877 - 1.960), 0.1394 and 0.0023.
    let power = only(&found).power.known().unwrap();
    close(*power.power.as_ref().unwrap().known().unwrap(), 0.1417, 1e-3);
    close(*power.detectable.known().unwrap(), 2.801_585 * 0.052f64.sqrt(), 1e-5);
}

#[test]
fn shares_by_hand() {
    let given = [(24, vec![vec![share(1000, 100), share(1000, 130)]])];
    let found = results(&fixed(vec![primary(binomial("bought"))]), &figures(&given));
    let binary = only(&found).binary.as_ref().unwrap().known().unwrap();
    // X² = 2000 (100·870 - 900·130)² / (1000·1000·230·1770).
    let chi = binary.chi_square.known().unwrap();
    close(chi.statistic, 2000.0 * 30_000f64.powi(2) / (1e6 * 230.0 * 1770.0), 1e-12);
    assert!(binary.fisher.is_none());
    close(found.metrics[0].arms[1].value.known().copied().unwrap(), 0.13, 1e-12);
    let wilson = found.metrics[0].arms[0].share.as_ref().unwrap().known().unwrap();
    close(wilson.wilson.known().unwrap().lower, 0.082_911, 1e-4);
    let belief = only(&found).belief.known().unwrap();
    close(belief.chance_to_win, 0.982, 2e-3);
    assert!(!belief.controls_errors);
    let rare = [(24, vec![vec![share(1000, 3), share(1000, 5)]])];
    let found = results(&fixed(vec![primary(binomial("bought"))]), &figures(&rare));
    assert!(only(&found).binary.as_ref().unwrap().known().unwrap().fisher.is_some());
    assert!(matches!(only(&found).verdict, Verdict::NotEstimable { .. }));
}

#[test]
fn cuped_takes_out_what_the_past_explains() {
    let arms = vec![
        with_covariate(1000, 10.0, 25.0, (8.0, 0.8)),
        with_covariate(1000, 10.6, 25.0, (8.1, 0.8)),
    ];
    let found =
        results(&fixed(vec![primary(mean("revenue"))]), &figures(&[(24, vec![arms.clone()])]));
    let now = only(&found).now.known().unwrap();
    let cuped = now.cuped.adjustment.unwrap();
    close(cuped.theta, 0.8, 1e-9);
    // 0.6 less 0.8 × 0.1, and a variance of 36 %.
    close(now.difference, 0.52, 1e-9);
    close(cuped.variance_reduction, 0.64, 2e-3);
    close(now.se, cuped.unadjusted_se * 0.6, 2e-3);
    let mut without = mean("revenue");
    without.covariate_days = 0;
    let found = results(&fixed(vec![primary(without)]), &figures(&[(24, vec![arms])]));
    let now = only(&found).now.known().unwrap();
    assert!(!now.cuped.used);
    close(now.difference, 0.6, 1e-12);
    assert_eq!(json!(now.cuped), json!({ "used": false }));
}

#[test]
fn ratios_and_quantiles() {
    let term = |event: &str| Term { event: event.to_owned(), take: Take::Sum };
    let ratio = metric(
        "per_order",
        MetricKind::Ratio { numerator: term("revenue"), denominator: term("orders") },
    );
    let arm = |value: f64| {
        // Two orders a user without variance, so that the ratio is half of the numerator's mean.
        let ArmFigures::Sums(mut sums) = normal(1000, value, 4.0) else { unreachable!() };
        sums.sums[1] = 2_000_000_000_u64.into();
        sums.products[1] = (&sums.sums[0]) * 2_000_000;
        sums.products[4] = 4_000_000_000_000_000_u64.into();
        ArmFigures::Sums(sums)
    };
    let found =
        results(&fixed(vec![primary(ratio)]), &figures(&[(24, vec![vec![arm(6.0), arm(6.5)]])]));
    let decision = only(&found).decision.known().unwrap();
    close(decision.difference, 0.25, 1e-9);
    close(decision.se, (2.0 * 4.0 / 4.0 / 1000.0f64).sqrt(), 1e-9);

    let quantile = |value: f64| {
        ArmFigures::Quantile(QuantileFigures {
            q: 0.5,
            alpha: 0.05,
            users: 1000,
            events: 1000,
            value,
            lower: Some(value - 3.0),
            upper: Some(value + 3.0),
            below: 500,
            below_squared: 500,
            below_by_events: 500,
            events_squared: 1000,
        })
    };
    let p50 = lower(metric("p50", MetricKind::Quantile { event: "latency".to_owned(), q: 0.5 }));
    let given = [(24, vec![vec![quantile(100.0), quantile(90.0)]])];
    let found = results(&fixed(vec![primary(p50)]), &figures(&given));
    let decision = only(&found).decision.known().unwrap();
    close(decision.difference, -10.0, 1e-12);
    close(decision.se, 2f64.sqrt() * 3.0 / 1.959_964, 1e-3);
    assert_eq!(only(&found).verdict, Verdict::Better);
}

#[test]
fn looks_have_the_published_boundaries() {
    let mut five = plan(vec![primary(mean("revenue"))]);
    five.analysis.planned_users = Some(5000);
    let given =
        days(5, |day| vec![vec![normal(500 * day, 10.0, 25.0), normal(500 * day, 10.0, 25.0)]]);
    let found = results(&five, &given);
    let looks = &only(&found).looks;
    let published = [4.876_88, 3.357_01, 2.680_28, 2.289_82, 2.031_03];
    assert_eq!(looks.len(), 5);
    for (look, expected) in looks.iter().zip(published) {
        close(*look.boundary.known().unwrap(), expected, 1e-5);
        close(look.information, f64::from(look.number as u32) / 5.0, 1e-12);
        assert!(!look.crossed);
    }
    close(looks[4].alpha_spent, 0.05, 1e-12);
}

#[test]
fn segments_are_told_apart() {
    let mut given =
        figures(&[(24, vec![vec![normal(2000, 10.0, 25.0), normal(2000, 10.5, 25.0)]])]);
    let part = |value: &str, with: f64| Breakdown {
        attribute: "country".to_owned(),
        value: value.to_owned(),
        arms: vec![normal(1000, 10.0, 25.0), normal(1000, with, 25.0)],
    };
    given.points[0].metrics[0].breakdowns = vec![part("de", 10.0), part("fr", 11.0)];
    let found = results(&fixed(vec![primary(mean("revenue"))]), &given);
    let country = &only(&found).breakdowns[0];
    let differ = country.heterogeneity.known().unwrap();
    // Effects 0 and 1 with a variance of 0.05 each: Q = 2 × 0.25 / 0.05.
    close(differ.q, 10.0, 1e-9);
    assert_eq!((differ.df, country.segments.len()), (1.0, 2));
    close(country.segments[1].effect.known().unwrap().difference, 1.0, 1e-9);
}

fn wandering(seed: u64, swap: bool) -> Figures {
    let mut random = Random::new(seed);
    let drift: [f64; 2] = std::array::from_fn(|_| 0.4 * random.normal());
    days(14, |day| {
        let arm = |at: usize| normal(500 * day, 10.0 + drift[at] / (day as f64).sqrt(), 25.0);
        vec![if swap { vec![arm(1), arm(0)] } else { vec![arm(0), arm(1)] }]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn swapping_the_arms_turns_the_signs(seed in any::<u64>()) {
        let plan = plan(vec![primary(mean("revenue"))]);
        let there = results(&plan, &wandering(seed, false));
        let back = results(&plan, &wandering(seed, true));
        let (one, two) = (only(&there), only(&back));
        let (a, b) = (one.decision.known().unwrap(), two.decision.known().unwrap());
        prop_assert!((a.difference + b.difference).abs() < 1e-9);
        prop_assert!((a.p.ln() - b.p.ln()).abs() < 1e-6);
        let turned = match one.verdict {
            Verdict::Better => Verdict::Worse,
            Verdict::Worse => Verdict::Better,
            other => other,
        };
        prop_assert_eq!(two.verdict, turned);
    }

    #[test]
    fn nothing_contradicts_anything(
        seed in any::<u64>(), correction in 0_usize..5, method in 0_usize..4, effect in -0.4f64..0.4,
    ) {
        let mut all = plan(vec![
            primary(mean("a")), primary(lower(mean("b"))), MetricUse { metric: mean("c"), role: Role::Secondary },
        ]);
        all.analysis.correction = [
            Correction::None, Correction::Bonferroni, Correction::Holm, Correction::Hochberg,
            Correction::BenjaminiHochberg,
        ][correction];
        all.analysis.method =
            [Method::ObrienFleming, Method::Pocock, Method::AlwaysValid, Method::Fixed][method];
        let mut random = Random::new(seed);
        let noise: [f64; 3] = std::array::from_fn(|_| 0.3 * random.normal());
        let given = days(14, |day| {
            noise.map(|noise| {
                vec![normal(500 * day, 10.0, 25.0), normal(500 * day, 10.0 + effect * noise, 25.0)]
            }).into()
        });
        let found = results(&all, &given);
        for metric in &found.metrics {
            let comparison = &metric.comparisons[0];
            let decision = comparison.decision.known().unwrap();
            let decided = matches!(comparison.verdict, Verdict::Better | Verdict::Worse);
            let zero_out = decision.interval.known().is_some_and(|interval| !interval.contains(0.0));
            let lift_out = decision.lift.known().unwrap().fieller.known().is_some_and(|set| !set.contains(0.0));
            prop_assert_eq!(decided, decision.significant);
            prop_assert_eq!(decided, decision.corrected_p.get() <= 0.05);
            prop_assert_eq!(decided, zero_out);
            prop_assert_eq!(decided, lift_out);
            if all.analysis.method != Method::AlwaysValid {
                prop_assert_eq!(decided, comparison.looks.iter().any(|look| look.crossed));
            }
        }
        // The order of the metrics changes none of them.
        let mut turned = all.clone();
        turned.metrics.reverse();
        let mut given = given;
        for point in &mut given.points {
            point.metrics.reverse();
        }
        let mut back = results(&turned, &given);
        back.metrics.reverse();
        prop_assert_eq!(&found.metrics, &back.metrics);
    }
}
