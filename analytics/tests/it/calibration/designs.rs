//! Looking often: false positives over all looks, intervals that cover at all looks, and what that leaves of the power.

use ff_analytics::stats::chi_square::{Yates, chi_square};
use ff_analytics::stats::cuped::{SmallSample, Theta, cuped};
use ff_analytics::stats::guardrail::{Better, Verdict, anytime};
use ff_analytics::stats::moments::CoMoments;
use ff_analytics::stats::power::{Plan, Power, power as power_of, standard_error};
use ff_analytics::stats::sequential::always_valid::{Tuning, of_means, point};
use ff_analytics::stats::sequential::design::{Design, Shape, peeking};
use ff_analytics::stats::sequential::spending::{Sides, Spending, boundaries};
use ff_analytics::stats::welch::welch;
use ff_analytics::stats::{Alpha, Arm, Proportion, ratio};

use super::random::{Random, count};
use super::row::{Gate, Row};

const A: Alpha = Alpha::FIVE_PERCENT;

fn tuning() -> Tuning {
    Tuning::new(A, Tuning::USERS).unwrap()
}

/// `n` more users of an arm with variance one: their mean and sum of squares as they are distributed.
fn batch(r: &mut Random, n: f64, mean: f64) -> CoMoments<1> {
    let variance = r.chi_square(n - 1.0) / (n - 1.0);
    CoMoments::from_summary(n as u64, [mean + r.normal() / n.sqrt()], [[variance]]).unwrap()
}

/// Arms after each of so many looks.
fn history(r: &mut Random, looks: u16, users: f64, effect: f64) -> Vec<[Arm; 2]> {
    let mut arms = [CoMoments::<1>::default(), CoMoments::<1>::default()];
    (0..looks)
        .map(|_| {
            arms[0].merge(&batch(r, users, 10.0));
            arms[1].merge(&batch(r, users, 10.0 + effect));
            [arms[0].arm(0).unwrap(), arms[1].arm(0).unwrap()]
        })
        .collect()
}

fn z(arms: &[Arm; 2]) -> f64 {
    let variance = arms[0].variance_of_mean() + arms[1].variance_of_mean();
    (arms[1].mean() - arms[0].mean()) / variance.sqrt()
}

fn spent(spending: Spending, looks: u16) -> Vec<f64> {
    let times: Vec<_> = (1..=looks).map(|k| f64::from(k) / f64::from(looks)).collect();
    let bounds = boundaries(spending, A, Sides::Two, &times).unwrap();
    bounds.iter().map(|bound| bound.z.unwrap_or(f64::INFINITY)).collect()
}

pub(crate) fn looks(looks: u16, experiments: u32) -> Vec<Row> {
    let section = if looks == 14 { "14 looks" } else { "50 looks" };
    let pocock = Design::new(Shape::Pocock, looks).unwrap();
    let fleming = Design::new(Shape::OBrienFleming, looks).unwrap();
    let bounds = [
        spent(Spending::OBrienFleming, looks),
        spent(Spending::Pocock, looks),
        pocock.boundaries(pocock.constant(A)),
        fleming.boundaries(fleming.constant(A)),
    ];
    let crosses =
        |path: &[f64], bounds: &[f64]| path.iter().zip(bounds).any(|(z, c)| z.abs() >= *c);
    let [default, type_p, flat, steep, band, naive, harm] =
        count(u64::from(looks), experiments, |r| {
            let history = history(r, looks, 500.0, 0.0);
            let path: Vec<_> = history.iter().map(z).collect();
            let excluded = |[one, two]: &[Arm; 2]| {
                !of_means(one, two, tuning()).unwrap().interval.contains(0.0)
            };
            let breached = |[one, two]: &[Arm; 2]| {
                anytime(one, two, -0.001, Better::Higher, tuning()).unwrap() == Verdict::Breach
            };
            [
                crosses(&path, &bounds[0]),
                crosses(&path, &bounds[1]),
                crosses(&path, &bounds[2]),
                crosses(&path, &bounds[3]),
                history.iter().any(excluded),
                path.iter().any(|z| z.abs() >= A.z()),
                history.iter().any(breached),
            ]
        });
    let expected = peeking(looks, A.z()).unwrap();
    let name = |what: &'static str| (section, what);
    vec![
        Row::new(
            name("spending, O'Brien–Fleming type (the default): false positives"),
            0.05,
            default,
            Gate::AtMost,
        ),
        Row::new(name("spending, Pocock type: false positives"), 0.05, type_p, Gate::AtMost),
        Row::new(
            name("Pocock: false positives, and misses of repeated intervals"),
            0.05,
            flat,
            Gate::AtMost,
        ),
        Row::new(
            name("O'Brien–Fleming: false positives, and misses of repeated intervals"),
            0.05,
            steep,
            Gate::AtMost,
        ),
        Row::new(
            name("always-valid: false positives, and misses of the confidence sequence"),
            0.05,
            band,
            Gate::AtMost,
        ),
        Row::new(name("guardrail, always-valid: breaches without harm"), 0.05, harm, Gate::AtMost),
        Row::new(
            name("no correction at all, against what the recursion says"),
            expected,
            naive,
            Gate::TwoPoints,
        ),
    ]
}

/// The default design and the always-valid band over raw users of each kind of metric.
pub(crate) fn every_method(experiments: u32) -> Vec<Row> {
    const S: &str = "14 looks, by metric";
    const LOOKS: u16 = 14;
    const BATCH: u32 = 60;
    let bounds = spent(Spending::OBrienFleming, LOOKS);
    let judge = |path: &[(f64, f64)]| {
        let mut users = 0.0;
        let mut hit = [false, false];
        for ((estimate, se), bound) in path.iter().zip(&bounds) {
            users += 2.0 * f64::from(BATCH);
            hit[0] |= (estimate / se).abs() >= *bound;
            // Two hundred users are the burn-in.
            hit[1] |= users >= 200.0
                && !point(*estimate, *se, users, tuning()).unwrap().interval.contains(0.0);
        }
        hit
    };
    let click = |r: &mut Random| {
        let views = 1.0 + (3.0 * r.exponential()).floor();
        let rate = 0.1 + 0.2 * r.uniform();
        [f64::from(r.binomial(views as u32, rate)), views]
    };
    let paired = |r: &mut Random| {
        let before = r.normal();
        [before, before + r.normal()]
    };
    let ratio_path = count(61, experiments, |r| {
        let mut arms = [CoMoments::<2>::default(); 2];
        let path: Vec<_> = (0..LOOKS)
            .map(|_| {
                arms.iter_mut().for_each(|arm| (0..BATCH).for_each(|_| arm.push(click(r))));
                let test = ratio::compare(&arms[0], &arms[1], A).unwrap().difference;
                (test.estimate, test.se)
            })
            .collect();
        judge(&path)
    });
    let cuped_path = count(62, experiments, |r| {
        let mut arms = [CoMoments::<2>::default(); 2];
        let path: Vec<_> = (0..LOOKS)
            .map(|_| {
                arms.iter_mut().for_each(|arm| (0..BATCH).for_each(|_| arm.push(paired(r))));
                let test = cuped(&arms[0], &arms[1], Theta::WithinArms, SmallSample::Corrected, A)
                    .unwrap();
                (test.comparison.estimate, test.comparison.se)
            })
            .collect();
        judge(&path)
    });
    let binary_path = count(63, experiments, |r| {
        let mut successes = [0; 2];
        let path: Vec<_> = (1..=LOOKS)
            .map(|look| {
                successes.iter_mut().for_each(|x| *x += u64::from(r.binomial(BATCH, 0.3)));
                let n = u64::from(look) * u64::from(BATCH);
                let [one, two] = successes.map(|x| Proportion::new(x, n).unwrap());
                // The square root of chi-square is the pooled z.
                let z = chi_square(&[one, two], Yates::Without).unwrap().statistic.sqrt();
                (z, 1.0)
            })
            .collect();
        judge(&path)
    });
    let mut rows = Vec::new();
    for (what, hits) in [("ratio", ratio_path), ("CUPED", cuped_path), ("binary", binary_path)] {
        let spending = format!("{what}: spending, false positives");
        rows.push(Row::new((S, spending), 0.05, hits[0], Gate::AtMost));
        rows.push(Row::new(
            (S, format!("{what}: always-valid, false positives")),
            0.05,
            hits[1],
            Gate::AtMost,
        ));
    }
    rows
}

pub(crate) fn power(experiments: u32) -> Vec<Row> {
    const S: &str = "Power";
    let wanted = Power::EIGHTY_PERCENT;
    let plan = Plan { alpha: A, power: wanted, ratio: 1.0 };
    let n = plan.users(0.1, 1.0).unwrap().ceil();
    let mut rows = Vec::new();
    let [single] = count(71, experiments, |r| {
        let [one, two] = history(r, 1, n, 0.1)[0];
        [welch(&one, &two, A).unwrap().p.p() < 0.05]
    });
    rows.push(Row::new((S, "Welch at the planned size"), 0.8, single, Gate::TwoPoints));
    // A covariate of correlation 0.8 leaves 36 % of the variance.
    let with_cuped = plan.users(0.3, 1.0 - 0.64).unwrap().ceil() as u32;
    let [cuped_hits] = count(72, experiments, |r| {
        let mut arm = |effect: f64| -> CoMoments<2> {
            let user = |_| {
                let before = r.normal();
                [before, effect + 0.8 * before + 0.6 * r.normal()]
            };
            (0..with_cuped).map(user).collect()
        };
        let (one, two) = (arm(0.0), arm(0.3));
        let test = cuped(&one, &two, Theta::WithinArms, SmallSample::Corrected, A).unwrap();
        [test.comparison.p.p() < 0.05]
    });
    rows.push(Row::new(
        (S, "CUPED at the planned size, correlation 0.8"),
        0.8,
        cuped_hits,
        Gate::TwoPoints,
    ));
    for (shape, name) in [(Shape::Pocock, "Pocock"), (Shape::OBrienFleming, "O'Brien–Fleming")] {
        let design = Design::new(shape, 5).unwrap();
        let bounds = design.boundaries(design.constant(A));
        let per_look = (plan.users_sequential(0.1, 1.0, design).unwrap() / 5.0).ceil();
        let [hits] = count(73, experiments, |r| {
            let path = history(r, 5, per_look, 0.1);
            [path.iter().zip(&bounds).any(|(arms, bound)| z(arms) >= *bound)]
        });
        rows.push(Row::new(
            (S, format!("{name}, 5 looks, at the inflated size")),
            0.8,
            hits,
            Gate::TwoPoints,
        ));
    }
    let bounds = spent(Spending::OBrienFleming, 14);
    let per_look = (n / 14.0).ceil();
    let [spending, band] = count(74, experiments, |r| {
        let path = history(r, 14, per_look, 0.1);
        let excluded =
            |[one, two]: &[Arm; 2]| !of_means(one, two, tuning()).unwrap().interval.contains(0.0);
        [
            path.iter().zip(&bounds).any(|(arms, bound)| z(arms).abs() >= *bound),
            path.iter().any(excluded),
        ]
    });
    rows.push(Row::new(
        (S, "the default spending, 14 looks, at the size of one look"),
        0.78,
        spending,
        Gate::TwoPoints,
    ));
    rows.push(Row::new(
        (S, "always-valid, 14 looks, at the size of one look"),
        0.8,
        band,
        Gate::Shown,
    ));
    let promised = power_of(0.05, standard_error([n, n], 1.0).unwrap(), A).unwrap();
    let [half] = count(75, experiments, |r| {
        let [one, two] = history(r, 1, n, 0.05)[0];
        [welch(&one, &two, A).unwrap().p.p() < 0.05]
    });
    rows.push(Row::new((S, "Welch, half of the planned effect"), promised, half, Gate::TwoPoints));
    rows
}
