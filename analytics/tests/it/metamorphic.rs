//! Transformations whose effect on the answer is known.

use ff_analytics::stats::chi_square::{Yates, chi_square};
use ff_analytics::stats::cuped::{SmallSample, Theta, cuped};
use ff_analytics::stats::lift::lift;
use ff_analytics::stats::moments::{CoMoments, Moments};
use ff_analytics::stats::multiplicity::{Correction, adjust};
use ff_analytics::stats::welch::welch;
use ff_analytics::stats::{Alpha, Arm, Proportion, bayes, fisher, ratio, srm};
use proptest::prelude::*;

const A: Alpha = Alpha::FIVE_PERCENT;

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1e-6)
}

/// Whether sums of [`values`] agree up to what rounding leaves of their digits. Sums may cancel, so that it is the size of
/// the values that counts, not that of what is left of them.
fn near(a: f64, b: f64, unit: f64) -> bool {
    (a - b).abs() <= 1e-11 * unit
}

fn values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-100.0..100.0, 3..60)
}

fn arm(values: &[f64]) -> Arm {
    values.iter().copied().collect::<Moments>().arm().unwrap()
}

fn pairs(values: &[f64]) -> CoMoments<2> {
    values.windows(2).map(|pair| [pair[0], pair[1] + 0.5 * pair[0]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn swapping_arms_mirrors(one in values(), two in values()) {
        let there = welch(&arm(&one), &arm(&two), A).unwrap();
        let back = welch(&arm(&two), &arm(&one), A).unwrap();
        prop_assert_eq!(there.estimate, -back.estimate);
        prop_assert_eq!(there.p, back.p);
        prop_assert_eq!(there.interval.lower, -back.interval.upper);
        let (one, two) = (pairs(&one), pairs(&two));
        let by = |one, two| cuped(one, two, Theta::WithinArms, SmallSample::Plain, A);
        if let (Ok(there), Ok(back)) = (by(&one, &two), by(&two, &one)) {
            prop_assert!(close(there.comparison.estimate, -back.comparison.estimate, 1e-9));
            prop_assert!(close(there.comparison.p.ln(), back.comparison.p.ln(), 1e-8));
        }
    }

    #[test]
    fn units_and_offsets_do_not_matter(one in values(), two in values(), scale in 0.01f64..1e6, power in 3..10) {
        let offset = 10f64.powi(power);
        let plain = welch(&arm(&one), &arm(&two), A).unwrap();
        let scaled = |values: &[f64]| arm(&values.iter().map(|x| -(scale * x)).collect::<Vec<_>>());
        let turned = welch(&scaled(&one), &scaled(&two), A).unwrap();
        prop_assert!(near(turned.estimate, -scale * plain.estimate, scale));
        prop_assert!(close(turned.p.ln(), plain.p.ln(), 1e-8));
        let moved = |values: &[f64]| arm(&values.iter().map(|x| x + offset).collect::<Vec<_>>());
        let shifted = welch(&moved(&one), &moved(&two), A).unwrap();
        // What the offset leaves of the digits of the values.
        let digits = 1e-13 * offset;
        prop_assert!((shifted.estimate - plain.estimate).abs() <= digits);
        prop_assert!(close(shifted.se, plain.se, 1e-9 + digits));
    }

    #[test]
    fn the_lift_does_not_depend_on_the_unit(one in values(), two in values(), scale in 0.01f64..1e6) {
        let scaled = |values: &[f64]| arm(&values.iter().map(|x| scale * x).collect::<Vec<_>>());
        if let (Ok(plain), Ok(other)) = (lift(&arm(&one), &arm(&two), A), lift(&scaled(&one), &scaled(&two), A)) {
            prop_assert!(close(plain.estimate, other.estimate, 1e-6));
            prop_assert_eq!(plain.fieller.contains(0.0), plain.absolute.interval.contains(0.0));
            prop_assert!(plain.fieller.contains(plain.estimate));
        }
    }

    #[test]
    fn order_and_batches_do_not_matter(values in values(), split in 0usize..60) {
        let split = split.min(values.len());
        let whole: Moments = values.iter().copied().collect();
        let mut merged: Moments = values[..split].iter().copied().collect();
        merged.merge(&values[split..].iter().copied().collect());
        let reversed: Moments = values.iter().rev().copied().collect();
        for other in [merged, reversed] {
            prop_assert_eq!(whole.n(), other.n());
            prop_assert!(near(whole.mean(), other.mean(), 1.0));
            prop_assert!(close(whole.arm().unwrap().variance(), other.arm().unwrap().variance(), 1e-11));
            prop_assert!(near(whole.skewness().unwrap(), other.skewness().unwrap(), 1e3));
        }
        let all = pairs(&values);
        let mut parts = CoMoments::<2>::default();
        for pair in values.windows(2) {
            parts.merge(&[[pair[0], pair[1] + 0.5 * pair[0]]].into_iter().collect());
        }
        prop_assert!(near(all.covariance(0, 1), parts.covariance(0, 1), 1e3));
        prop_assert!(near(all.mean(1), parts.mean(1), 1.0));
    }

    #[test]
    fn a_ratio_over_ones_is_a_mean(one in values(), two in values()) {
        let units = |values: &[f64]| -> CoMoments<2> { values.iter().map(|x| [*x, 1.0]).collect() };
        let (mean, ratio) = (
            welch(&arm(&one), &arm(&two), A).unwrap(),
            ratio::compare(&units(&one), &units(&two), A).unwrap().difference,
        );
        prop_assert!(near(mean.estimate, ratio.estimate, 1.0) && close(mean.p.ln(), ratio.p.ln(), 1e-8));
    }

    #[test]
    fn rates_do_not_depend_on_order_or_on_what_counts_as_success(x in 1u64..500, y in 1u64..500) {
        let of = |x, y| [Proportion::new(x, 501).unwrap(), Proportion::new(y, 700).unwrap()];
        let [one, two] = of(x, y);
        let p = |arms: &[Proportion]| chi_square(arms, Yates::Without).unwrap().p.ln();
        prop_assert!(close(p(&[one, two]), p(&[two, one]), 1e-9));
        let [rest_one, rest_two] = of(501 - x, 700 - y);
        prop_assert!(close(p(&[one, two]), p(&[rest_one, rest_two]), 1e-9));
        let exact = fisher::exact(&one, &two).unwrap().ln();
        prop_assert!(close(exact, fisher::exact(&two, &one).unwrap().ln(), 1e-8));
        prop_assert!(close(exact, fisher::exact(&rest_one, &rest_two).unwrap().ln(), 1e-8));
        let wins = |one, two| bayes::beta_binomial::compare(one, two, (1.0, 1.0)).unwrap();
        let (there, back) = (wins(&one, &two), wins(&two, &one));
        prop_assert!((there.treatment_wins.p() + back.treatment_wins.p() - 1.0).abs() < 1e-9);
        // What is lost on one side less the other is the difference of the means.
        let mean = |x: u64, n: f64| (x as f64 + 1.0) / (n + 2.0);
        let gap = mean(y, 700.0) - mean(x, 501.0);
        prop_assert!((there.loss_of_control - there.loss_of_treatment - gap).abs() < 1e-10);
    }

    #[test]
    fn the_split_does_not_depend_on_the_scale_of_weights_or_on_batches(
        users in prop::collection::vec((0u64..10_000, 0u64..10_000), 1..6), weight in 0.1..10.0,
    ) {
        let total = users.iter().fold([0, 0], |sum, (a, b)| [sum[0] + a, sum[1] + b]);
        prop_assume!(total[0] + total[1] > 0);
        let p = |scale: f64| srm::chi_square(&total, &[weight * scale, scale]).unwrap().p.ln();
        prop_assert!(close(p(1.0), p(1e-3), 1e-8));
        let test = || srm::Sequential::new(&[weight, 1.0], srm::Sequential::CONCENTRATION).unwrap();
        let (mut batches, mut once) = (test(), test());
        let last = users.iter().map(|(a, b)| batches.look(&[*a, *b]).unwrap()).last().unwrap();
        prop_assert!(close(last.0, once.look(&total).unwrap().0, 1e-9));
    }

    #[test]
    fn corrections_keep_their_order(p in prop::collection::vec(0.0..1.0, 1..30)) {
        let by = |correction| adjust(&p, correction).unwrap();
        let bonferroni = by(Correction::Bonferroni);
        let (holm, hochberg, bh) =
            (by(Correction::Holm), by(Correction::Hochberg), by(Correction::BenjaminiHochberg));
        for i in 0..p.len() {
            prop_assert!(p[i] <= bh[i] && bh[i] <= hochberg[i] + 1e-15);
            prop_assert!(hochberg[i] <= holm[i] + 1e-15 && holm[i] <= bonferroni[i] + 1e-15);
        }
    }
}

#[test]
fn segments_add_up_to_the_total() {
    let value = |i: u32| f64::from((i * 7919) % 1013) / 7.0;
    let mut segments = [Moments::default(); 5];
    let mut all = Moments::default();
    for i in 0..10_000 {
        segments[(i % 5) as usize].push(value(i));
        all.push(value(i));
    }
    let mut sum = Moments::default();
    segments.iter().for_each(|segment| sum.merge(segment));
    assert_eq!(sum.n(), all.n());
    assert!(close(sum.arm().unwrap().variance(), all.arm().unwrap().variance(), 1e-12));
    assert!(close(sum.largest_share(), all.largest_share(), 1e-12));
}
