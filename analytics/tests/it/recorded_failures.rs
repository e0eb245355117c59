//! What other engines got wrong, each as a test.

use ff_analytics::stats::bayes::beta_binomial;
use ff_analytics::stats::cuped::{SmallSample, Theta, cuped};
use ff_analytics::stats::guardrail::{Better, Verdict, non_inferiority};
use ff_analytics::stats::lift::lift;
use ff_analytics::stats::moments::{CoMoments, Moments};
use ff_analytics::stats::sequential::monitor::Monitor;
use ff_analytics::stats::sequential::spending::{Sides, Spending, boundaries};
use ff_analytics::stats::special::beta_cdf;
use ff_analytics::stats::welch::welch;
use ff_analytics::stats::{Alpha, Arm, Proportion, Tail, proportions, srm};

const A: Alpha = Alpha::FIVE_PERCENT;

#[test]
fn a_variance_of_one_survives_an_offset_of_1e12() {
    for offset in [1e3, 1e6, 1e9, 1e12] {
        let values = (0..1000).map(|i| offset + f64::from(i % 2));
        let arm = values.collect::<Moments>().arm().unwrap();
        assert!((arm.variance() - 250.0 / 999.0).abs() < 1e-12, "{offset}: {}", arm.variance());
    }
}

#[test]
fn p_values_below_the_smallest_float_are_numbers() {
    let arm = |mean| Arm::new(1_000_000_000, mean, 1.0).unwrap();
    let p = welch(&arm(0.0), &arm(0.1), A).unwrap().p;
    assert_eq!(p.p(), 0.0);
    assert!(p.log10() < -1e6 && p.log10().is_finite());
    assert!(Tail::from_ln(-1000.0).two_sided().ln() < -999.0);
}

#[test]
fn the_lift_and_the_difference_never_disagree() {
    let arm = |mean, variance| Arm::new(4000, mean, variance).unwrap();
    // By the delta method this is not significant, by the difference it is.
    let result = lift(&arm(0.05, 0.0475), &arm(0.06, 0.0564), A).unwrap();
    assert!(result.absolute.p.p() < 0.05 && result.delta_p.p() > 0.05);
    assert!(!result.fieller.contains(0.0));
}

#[test]
fn a_negative_baseline_keeps_the_sign_of_the_change() {
    let arm = |mean| Arm::new(1000, mean, 4.0).unwrap();
    let better = lift(&arm(-10.0), &arm(-8.0), A).unwrap();
    assert!((better.estimate - 0.2).abs() < 1e-15);
    let interval = better.fieller.interval().unwrap();
    assert!(interval.lower > 0.0 && interval.contains(0.2));
    assert!(better.log_z.unwrap().contains(0.2));
}

#[test]
fn theta_is_not_contaminated_by_the_effect() {
    // No relation within the arms, but arms that differ in both by chance.
    let arm = |pre: f64, post: f64| -> CoMoments<2> {
        [[pre, post], [pre + 1.0, post], [pre, post + 1.0], [pre + 1.0, post + 1.0]]
            .into_iter()
            .collect()
    };
    let theta = |theta| {
        cuped(&arm(0.0, 0.0), &arm(0.5, 9.0), theta, SmallSample::Plain, A).unwrap().theta[0]
    };
    assert!(theta(Theta::WithinArms).abs() < 1e-15);
    assert!(theta(Theta::AllUsers) > 1.0);
}

#[test]
fn rare_conversions_keep_their_digits() {
    let arm = Proportion::new(0, 1_000_000_000).unwrap();
    let interval = proportions::wilson(&arm, A).unwrap();
    assert_eq!(interval.lower, 0.0);
    assert!((interval.upper / 3.841_458_806_064_3e-9 - 1.0).abs() < 1e-7);
}

#[test]
fn three_arms_have_two_degrees_of_freedom_and_weights_of_their_own() {
    let test = srm::chi_square(&[7000, 2000, 1000], &[0.7, 0.2, 0.1]).unwrap();
    assert!((test.df, test.statistic < 1e-20, test.p.p()) == (2.0, true, 1.0));
    let with_idle = srm::chi_square(&[7050, 1950, 1000, 0], &[70.0, 20.0, 10.0, 0.0]).unwrap();
    assert_eq!(with_idle.df, 2.0);
}

#[test]
fn a_guardrail_that_is_not_significant_is_not_safe() {
    let arm = |n, mean| Arm::new(n, mean, 25.0).unwrap();
    let verdict = |n, mean| {
        non_inferiority(&arm(n, 10.0), &arm(n, mean), -0.02, Better::Higher, A).unwrap().verdict
    };
    assert_eq!(verdict(50, 9.9), Verdict::Undecided);
    assert_eq!(verdict(50_000, 10.0), Verdict::Pass);
    assert_eq!(verdict(50_000, 9.0), Verdict::Breach);
    let wrong_way = non_inferiority(&arm(50, 1.0), &arm(50, 1.0), 0.02, Better::Higher, A);
    assert!(wrong_way.is_err());
}

#[test]
fn looks_without_new_information_spend_nothing_and_over_runs_end_at_one() {
    let times = [0.3, 0.3, 0.2, 0.300_01, 0.7, 1.4, 1.5];
    let looks = boundaries(Spending::OBrienFleming, A, Sides::Two, &times).unwrap();
    let spends: Vec<_> = looks.iter().map(|look| look.z.is_some()).collect();
    assert_eq!(spends, [true, false, false, false, true, true, false]);
    assert!((looks[6].spent - 0.05).abs() < 1e-15 && looks[6].time == 1.0);
    assert!(looks.windows(2).all(|pair| pair[0].spent <= pair[1].spent));
}

#[test]
fn a_monitor_derives_everything_from_one_statistic() {
    let mut monitor = Monitor::new(Spending::Pocock, A).unwrap();
    for (time, estimate) in [(0.2, 1.0), (0.5, 2.0), (0.8, 2.6), (1.0, 0.1)] {
        let look = *monitor.look(time, estimate, 1.0).unwrap();
        let reached = look.interval.is_some_and(|interval| !interval.contains(0.0));
        assert_eq!(look.crossed, reached || time == 1.0, "what was crossed stays crossed");
        if time < 1.0 {
            assert_eq!(monitor.repeated_p().unwrap().p() <= 0.05, look.crossed);
            assert_eq!(look.stagewise_p.p() <= look.boundary.spent, look.crossed);
        }
    }
    let looks = monitor.looks();
    assert_eq!(looks[3].stagewise_p, looks[2].stagewise_p);
    assert!(monitor.look(f64::NAN, 1.0, 1.0).is_err() && monitor.look(1.0, 1.0, 0.0).is_err());
    assert_eq!(monitor.looks().len(), 4);
}

#[test]
fn beliefs_of_very_different_width_are_compared_on_the_scale_of_the_narrower() {
    let rate = |x, n| Proportion::new(x, n).unwrap();
    let (narrow, wide) = (rate(100_000_000, 1_000_000_000), rate(10, 100));
    let there = beta_binomial::compare(&narrow, &wide, (1.0, 1.0)).unwrap();
    let back = beta_binomial::compare(&wide, &narrow, (1.0, 1.0)).unwrap();
    assert!((there.treatment_wins.p() + back.treatment_wins.p() - 1.0).abs() < 1e-9);
    // A rate known to nine digits is a point: P(Beta(11, 91) > 0.1).
    let point = 1.0 - beta_cdf(0.1, 11.0, 91.0).unwrap();
    assert!((there.treatment_wins.p() - point).abs() < 1e-6, "{point} {there:?}");
    let apart =
        beta_binomial::compare(&narrow, &rate(200_000_000, 1_000_000_000), (1.0, 1.0)).unwrap();
    assert!((apart.loss_of_control - 0.1).abs() < 1e-8 && apart.loss_of_treatment < 1e-300);
}
