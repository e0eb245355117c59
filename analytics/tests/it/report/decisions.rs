//! Every recommendation, reached by figures made for it.

use ff_analytics::figures::{ArmFigures, Figures};
use ff_analytics::plan::{Arm, Correction, ExperimentPlan, Method, Status};
use ff_analytics::report::{GuardrailState, Recommendation, Results, Verdict, Waiting, results};

use super::lab::{binomial, days, guardrail, lower, mean, normal, plan, primary, share};

/// A mean of 10 in control, changed by `effect` in treatment, 500 users an arm and day.
fn changed(count: u64, effect: f64) -> Figures {
    days(count, |day| {
        vec![vec![normal(500 * day, 10.0, 25.0), normal(500 * day, 10.0 * (1.0 + effect), 25.0)]]
    })
}

/// The same with a guardrail, errors of one percent of users, changed too.
fn guarded(count: u64, effect: f64, errors: f64) -> Figures {
    days(count, |day| {
        let n = 500 * day;
        let wrong = |share: f64| share_of(n, share);
        vec![
            vec![normal(n, 10.0, 25.0), normal(n, 10.0 * (1.0 + effect), 25.0)],
            vec![wrong(0.05), wrong(0.05 * (1.0 + errors))],
        ]
    })
}

fn share_of(n: u64, rate: f64) -> ArmFigures {
    share(n, (n as f64 * rate).round() as u64)
}

fn simple() -> ExperimentPlan {
    plan(vec![primary(mean("revenue"))])
}

fn with_guardrail() -> ExperimentPlan {
    plan(vec![primary(mean("revenue")), guardrail(lower(binomial("errors")), 0.5)])
}

fn verdict(results: &Results) -> Verdict {
    results.metrics[0].comparisons[0].verdict
}

#[test]
fn better_is_shipped() {
    let found = results(&simple(), &changed(14, 0.05));
    assert_eq!(verdict(&found), Verdict::Better);
    let Recommendation::Ship { variation, reason } = &found.recommendation else {
        panic!("{:?}", found.recommendation)
    };
    assert_eq!(variation, "treatment");
    assert!(reason.contains("revenue +5.00 %") && reason.contains("no guardrails"), "{reason}");
}

#[test]
fn better_is_shipped_as_soon_as_it_is_shown() {
    let early = results(&simple(), &changed(6, 0.1));
    assert!(matches!(early.recommendation, Recommendation::Ship { .. }));
    // What was decided stays decided, by the same look.
    let late = results(&simple(), &changed(14, 0.1));
    let look = |results: &Results| {
        let decision = results.metrics[0].comparisons[0].decision.known().unwrap().clone();
        (decision.look, decision.at, decision.interval.known().copied())
    };
    assert_eq!(look(&early), look(&late));
}

#[test]
fn worse_is_stopped_and_lower_may_be_better() {
    let found = results(&simple(), &changed(14, -0.05));
    assert_eq!(verdict(&found), Verdict::Worse);
    assert!(matches!(found.recommendation, Recommendation::StopWorse { .. }));
    let turned = results(&plan(vec![primary(lower(mean("latency")))]), &changed(14, -0.05));
    assert_eq!(verdict(&turned), Verdict::Better);
    assert!(matches!(turned.recommendation, Recommendation::Ship { .. }));
    // No number is turned.
    let number =
        |results: &Results| results.metrics[0].comparisons[0].now.known().unwrap().difference;
    assert_eq!(number(&found), number(&turned));
    let chance =
        |results: &Results| results.metrics[0].comparisons[0].belief.known().unwrap().chance_to_win;
    assert!(chance(&found) < 0.01 && chance(&turned) > 0.99);
}

#[test]
fn it_goes_on_until_the_planned_users_are_there() {
    let found = results(&simple(), &changed(7, 0.001));
    let Recommendation::KeepRunning { why, users_left, days_left, reason } = &found.recommendation
    else {
        panic!("{:?}", found.recommendation)
    };
    assert_eq!((*why, *users_left), (Waiting::Difference, Some(7000)));
    assert!((days_left.unwrap() - 7.0).abs() < 1e-9, "{days_left:?}");
    assert!(reason.contains("7,000 more users"), "{reason}");
    let over = results(&simple(), &changed(14, 0.001));
    assert!(over.outlook.over);
    assert!(matches!(over.recommendation, Recommendation::Inconclusive { .. }));
    assert_eq!(verdict(&over), Verdict::NoDifferenceYet);
}

#[test]
fn before_the_first_look_and_before_any_data() {
    let young = results(&simple(), &{
        let mut figures = changed(1, 0.05);
        figures.points.remove(0);
        figures
    });
    assert!(matches!(
        young.recommendation,
        Recommendation::KeepRunning { why: Waiting::FirstLook, .. }
    ));
    let decision = &young.metrics[0].comparisons[0].decision;
    assert_eq!(decision.missing().unwrap().code(), "no_look_yet");
    let few =
        results(&simple(), &days(1, |_| vec![vec![normal(40, 10.0, 1.0), normal(40, 20.0, 1.0)]]));
    assert!(matches!(
        few.recommendation,
        Recommendation::KeepRunning { why: Waiting::EnoughUsers, .. }
    ));
    let none = results(&simple(), None);
    assert!(matches!(none.recommendation, Recommendation::KeepRunning { why: Waiting::Data, .. }));
    let draft = ExperimentPlan { status: Status::Draft, iterations: Vec::new(), ..simple() };
    assert!(matches!(results(&draft, None).recommendation, Recommendation::NotStarted { .. }));
}

#[test]
fn a_mismatch_blocks_every_verdict() {
    let lopsided =
        days(14, |day| vec![vec![normal(500 * day, 10.0, 25.0), normal(440 * day, 11.0, 25.0)]]);
    let found = results(&simple(), &lopsided);
    assert!(found.health.sample_ratio.alarm && !found.health.sound);
    let Verdict::NotEstimable { reason } = verdict(&found) else { panic!("{:?}", verdict(&found)) };
    assert_eq!(reason.code(), "sample_ratio_mismatch");
    assert!(matches!(
        found.recommendation,
        Recommendation::Investigate { why: "sample_ratio_mismatch", .. }
    ));
}

#[test]
fn users_in_an_arm_without_weight_and_in_several_arms() {
    let mut leaky = simple();
    leaky.iterations[0].arms.push(Arm { variation: "off".to_owned(), weight: 0 });
    let figures = days(14, |day| {
        let arm = |mean: f64| normal(500 * day, mean, 25.0);
        vec![vec![arm(10.0), arm(11.0), normal(day, 10.0, 25.0)]]
    });
    let found = results(&leaky, &figures);
    assert!(found.health.zero_weight.alarm && !found.health.sample_ratio.alarm);
    assert!(matches!(
        found.recommendation,
        Recommendation::Investigate { why: "users_in_zero_weight_arm", .. }
    ));
    let mut figures = changed(14, 0.05);
    figures.exposures.several = 200;
    let found = results(&simple(), &figures);
    assert!((found.health.several.share - 200.0 / 14_200.0).abs() < 1e-12);
    assert!(matches!(
        found.recommendation,
        Recommendation::Investigate { why: "several_variations", .. }
    ));
}

#[test]
fn lost_exposures_make_doubtful() {
    let mut figures = changed(14, 0.05);
    figures.exposures.sent = Some(20_000);
    let found = results(&simple(), &figures);
    assert_eq!(found.health.exposures.lost_share, Some(0.3));
    assert_eq!(verdict(&found), Verdict::Better);
    assert!(matches!(
        found.recommendation,
        Recommendation::Investigate { why: "exposures_lost", .. }
    ));
}

#[test]
fn a_skewed_metric_is_not_shipped() {
    let skewed = |day: u64, mean: f64| {
        let ArmFigures::Sums(mut sums) = normal(500 * day, mean, 25.0) else { unreachable!() };
        sums.largest = &sums.absolute / 10;
        ArmFigures::Sums(sums)
    };
    let figures = |count| days(count, move |day| vec![vec![skewed(day, 10.0), skewed(day, 11.0)]]);
    let early = results(&simple(), &figures(8));
    assert_eq!(verdict(&early), Verdict::Better);
    assert_eq!(early.metrics[0].comparisons[0].downgraded[0].code, "skewed");
    assert!(matches!(
        early.recommendation,
        Recommendation::KeepRunning { why: Waiting::Certainty, .. }
    ));
    let over = results(&simple(), &figures(14));
    assert!(matches!(over.recommendation, Recommendation::Investigate { why: "skewed", .. }));
}

#[test]
fn a_breached_guardrail_stops_even_a_winner() {
    let found = results(&with_guardrail(), &guarded(14, 0.05, 1.0));
    assert_eq!(verdict(&found), Verdict::Better);
    let Recommendation::StopGuardrail { variation, metric, .. } = &found.recommendation else {
        panic!("{:?}", found.recommendation)
    };
    assert_eq!((variation.as_str(), metric.as_str()), ("treatment", "errors"));
    let breaches = found.breaches();
    assert_eq!(breaches.len(), 1);
    assert!(breaches[0].evidence.contains("harm is shown"), "{}", breaches[0].evidence);
}

#[test]
fn an_undecided_guardrail_is_waited_for() {
    // Errors up by less than half of what is allowed: neither harm nor safety is shown for a long time.
    let found = results(&with_guardrail(), &guarded(8, 0.1, 0.15));
    assert!(matches!(
        found.recommendation,
        Recommendation::KeepRunning { why: Waiting::Guardrails, .. }
    ));
    let over = results(&with_guardrail(), &guarded(14, 0.1, 0.22));
    let Recommendation::Inconclusive { reason } = &over.recommendation else {
        panic!("{:?}", over.recommendation)
    };
    assert!(reason.contains("not shown to be safe: errors"), "{reason}");
    let safe = results(&with_guardrail(), &guarded(14, 0.1, -0.2));
    let state = safe.metrics[1].comparisons[0].guardrail.as_ref().unwrap().state;
    assert_eq!(state, GuardrailState::Pass);
    assert!(matches!(safe.recommendation, Recommendation::Ship { .. }));
}

#[test]
fn harm_that_begins_late_takes_a_pass_back() {
    let figures = |count| {
        days(count, |day| {
            let n = 2000 * day;
            let harmed = n.saturating_sub(14_000);
            let errors = (n as f64 * 0.045 + harmed as f64 * 0.2).round() as u64;
            vec![
                vec![normal(n, 10.0, 25.0), normal(n, 10.0, 25.0)],
                vec![share_of(n, 0.05), share(n, errors)],
            ]
        })
    };
    let state = |count| {
        results(&with_guardrail(), &figures(count)).metrics[1].comparisons[0]
            .guardrail
            .as_ref()
            .unwrap()
            .state
    };
    assert_eq!(state(7), GuardrailState::Pass);
    assert_eq!(state(16), GuardrailState::Breach);
}

#[test]
fn metrics_that_disagree_are_inconclusive() {
    let both = plan(vec![primary(mean("revenue")), primary(mean("orders"))]);
    let figures = days(14, |day| {
        let arm = |mean: f64| normal(500 * day, mean, 25.0);
        vec![vec![arm(10.0), arm(11.0)], vec![arm(10.0), arm(9.0)]]
    });
    let found = results(&both, &figures);
    let Recommendation::Inconclusive { reason } = &found.recommendation else {
        panic!("{:?}", found.recommendation)
    };
    assert!(reason.contains("disagree"), "{reason}");
}

#[test]
fn without_planned_users_the_band_decides_and_futility_ends() {
    let mut open = simple();
    open.analysis.planned_users = None;
    let found = results(&open, &changed(14, 0.05));
    let comparison = &found.metrics[0].comparisons[0];
    assert_eq!(comparison.decision.known().unwrap().by, Method::AlwaysValid);
    assert!(comparison.looks.is_empty());
    assert!(matches!(found.recommendation, Recommendation::Ship { .. }));
    let undecided = results(&open, &changed(14, 0.002));
    let Recommendation::KeepRunning { users_left, .. } = undecided.recommendation else {
        panic!("{:?}", undecided.recommendation)
    };
    // (c + z) standard errors of 2 %, with c of the band now: more than a fixed test's (2.8 × 5 √2 / 0.2)² an arm.
    assert!(users_left.unwrap() > 2 * 9800 - 14_000, "{users_left:?}");
    open.analysis.minimum_effect = Some(0.1);
    let none = results(&open, &changed(14, 0.002));
    let Recommendation::Inconclusive { reason } = &none.recommendation else {
        panic!("{:?}", none.recommendation)
    };
    assert!(reason.contains("10.0 %"), "{reason}");
}

#[test]
fn a_single_look_waits_for_all_planned_users() {
    let mut fixed = simple();
    fixed.analysis.method = Method::Fixed;
    let early = results(&fixed, &changed(13, 0.5));
    assert!(early.metrics[0].comparisons[0].decision.known().is_none());
    let late = results(&fixed, &changed(14, 0.05));
    let comparison = &late.metrics[0].comparisons[0];
    let decision = comparison.decision.known().unwrap();
    // One look, no family: the plain Welch test.
    let single = &comparison.now.known().unwrap().single_look;
    assert_eq!(decision.p, single.p);
    assert_eq!(decision.interval.known().unwrap(), &single.interval);
}

#[test]
fn the_best_of_several_variations_is_shipped() {
    let mut three = simple();
    three.iterations[0].arms.push(Arm { variation: "bold".to_owned(), weight: 50_000 });
    three.analysis.planned_users = Some(21_000);
    for correction in [Correction::Holm, Correction::Bonferroni, Correction::BenjaminiHochberg] {
        three.analysis.correction = correction;
        let figures = days(14, |day| {
            let arm = |mean: f64| normal(500 * day, mean, 25.0);
            vec![vec![arm(10.0), arm(10.4), arm(10.8)]]
        });
        let found = results(&three, &figures);
        assert_eq!(found.families[0].size, 2);
        let Recommendation::Ship { variation, .. } = &found.recommendation else {
            panic!("{:?}", found.recommendation)
        };
        assert_eq!(variation, "bold");
    }
}

#[test]
fn a_stopped_experiment_is_looked_at_once_more() {
    let mut stopped = simple();
    stopped.status = Status::Stopped;
    stopped.iterations[0].ended_at = Some("2026-03-09T12:00:00Z".parse().unwrap());
    let mut figures = changed(8, 0.001);
    figures.points.last_mut().unwrap().users = vec![4200, 4200];
    let found = results(&stopped, &figures);
    assert_eq!(found.metrics[0].comparisons[0].looks.len(), 9);
    assert!(matches!(found.recommendation, Recommendation::Inconclusive { .. }));
}
