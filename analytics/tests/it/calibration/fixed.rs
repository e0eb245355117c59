//! One look at the end.

use ff_analytics::stats::chi_square::{Yates, chi_square};
use ff_analytics::stats::cuped::{SmallSample, Theta, cuped, cuped_ratio};
use ff_analytics::stats::lift::lift;
use ff_analytics::stats::moments::{CoMoments, Moments};
use ff_analytics::stats::quantile;
use ff_analytics::stats::welch::welch;
use ff_analytics::stats::winsorize::Caps;
use ff_analytics::stats::{Alpha, Arm, Proportion, fisher, proportions, ratio, skew};

use super::random::{Random, count};
use super::row::{Gate, Row, uniform};

const A: Alpha = Alpha::FIVE_PERCENT;
const NULL: f64 = 0.05;
const COVER: f64 = 0.95;

fn arm(n: u32, mut value: impl FnMut() -> f64) -> Arm {
    (0..n).map(|_| value()).collect::<Moments>().arm().unwrap()
}

pub(crate) fn means(experiments: u32) -> Vec<Row> {
    const S: &str = "Means, one look";
    let mut p = Vec::new();
    let [normal] = count(11, experiments, |r| {
        let (one, two) = (arm(60, || r.normal()), arm(60, || r.normal()));
        p.push(welch(&one, &two, A).unwrap().p.p());
        [*p.last().unwrap() < NULL]
    });
    let [unequal] = count(12, experiments, |r| {
        let (one, two) = (arm(150, || r.normal()), arm(30, || 3.0 * r.normal()));
        [welch(&one, &two, A).unwrap().p.p() < NULL]
    });
    let [skewed] = count(13, experiments, |r| {
        let (one, two) = (arm(200, || r.exponential()), arm(200, || r.exponential()));
        [welch(&one, &two, A).unwrap().p.p() < NULL]
    });
    // A noisy baseline: coefficient of variation of the mean 0.28, true lift 20 %.
    let [covered, fieller, delta, agrees] = count(14, experiments, |r| {
        let one = arm(50, || 1.0 + 2.0 * r.normal());
        let two = arm(50, || 1.2 + 2.0 * r.normal());
        let lift = lift(&one, &two, A).unwrap();
        [
            lift.absolute.interval.contains(0.2),
            lift.fieller.contains(0.2),
            lift.delta.contains(0.2),
            lift.fieller.contains(0.0) == (lift.absolute.p.p() > NULL),
        ]
    });
    vec![
        Row::new((S, "Welch, normal, 60 v 60: false positives"), NULL, normal, Gate::Band),
        uniform(S, "Welch, normal, 60 v 60", p),
        Row::new(
            (S, "Welch, 150 v 30, variances 1 v 9: false positives"),
            NULL,
            unequal,
            Gate::Band,
        ),
        Row::new((S, "Welch, exponential, 200 v 200: false positives"), NULL, skewed, Gate::Band),
        Row::new((S, "Welch interval, 50 v 50: coverage"), COVER, covered, Gate::Band),
        Row::new(
            (S, "Fieller interval of the lift, noisy baseline: coverage"),
            COVER,
            fieller,
            Gate::Band,
        ),
        Row::new(
            (S, "Delta interval of the lift, noisy baseline: coverage"),
            COVER,
            delta,
            Gate::Fails,
        ),
        Row::new((S, "Fieller agrees with the test of the difference"), 1.0, agrees, Gate::Band),
    ]
}

pub(crate) fn rates(experiments: u32) -> Vec<Row> {
    const S: &str = "Rates, one look";
    let draw = |r: &mut Random, n: u32, p: f64| {
        Proportion::new(u64::from(r.binomial(n, p)), u64::from(n)).unwrap()
    };
    let [pearson, yates] = count(21, experiments, |r| {
        let arms = [draw(r, 600, 0.1), draw(r, 400, 0.1)];
        let p = |yates| chi_square(&arms, yates).unwrap().p.p();
        [p(Yates::Without) < NULL, p(Yates::Corrected) < NULL]
    });
    let mut rows = vec![
        Row::new((S, "Chi-square, 600 v 400 at 10 %: false positives"), NULL, pearson, Gate::Band),
        Row::new((S, "the same with Yates's correction"), NULL, yates, Gate::Fails),
    ];
    for k in 3..=5 {
        let [hits] = count(21 + k, experiments, |r| {
            let arms: Vec<_> = (0..k).map(|_| draw(r, 300, 0.2)).collect();
            [chi_square(&arms, Yates::Without).unwrap().p.p() < NULL]
        });
        let what = format!("Chi-square, {k} arms of 300 at 20 %: false positives");
        rows.push(Row::new((S, what), NULL, hits, Gate::Band));
    }
    let [exact] = count(27, experiments, |r| {
        let (one, two) = (draw(r, 30, 0.1), draw(r, 30, 0.1));
        [fisher::exact(&one, &two).unwrap().p() < NULL]
    });
    let [newcombe, wilson] = count(28, experiments, |r| {
        let (one, two) = (draw(r, 400, 0.1), draw(r, 400, 0.13));
        let difference = proportions::difference(&one, &two, A).unwrap();
        let single = proportions::wilson(&one, A).unwrap();
        [difference.newcombe.contains(0.03), single.contains(0.1)]
    });
    rows.push(Row::new((S, "Fisher, 30 v 30 at 10 %: false positives"), NULL, exact, Gate::AtMost));
    rows.push(Row::new((S, "Newcombe, 10 % v 13 % of 400: coverage"), COVER, newcombe, Gate::Band));
    rows.push(Row::new((S, "Wilson, 10 % of 400: coverage"), COVER, wilson, Gate::Band));
    rows
}

/// A user's views and clicks: heavy users click at their own rate, so that both vary together.
fn clicks(r: &mut Random) -> [f64; 2] {
    let views = 1.0 + (4.0 * r.exponential()).floor();
    let rate = 0.1 + 0.2 * r.uniform();
    [f64::from(r.binomial(views as u32, rate)), views]
}

pub(crate) fn adjusted(experiments: u32) -> Vec<Row> {
    const S: &str = "Ratios and CUPED, one look";
    let (mut p_ratio, mut p_cuped) = (Vec::new(), Vec::new());
    let [ratios, covered] = count(31, experiments, |r| {
        let one: CoMoments<2> = (0..200).map(|_| clicks(r)).collect();
        let two: CoMoments<2> = (0..200).map(|_| clicks(r)).collect();
        let test = ratio::compare(&one, &two, A).unwrap();
        p_ratio.push(test.difference.p.p());
        [test.difference.p.p() < NULL, test.difference.interval.contains(0.0)]
    });
    let user = |r: &mut Random, effect: f64| {
        let before = r.normal();
        [before, effect + 0.8 * before + 0.6 * r.normal()]
    };
    let mut by_size = Vec::new();
    for (n, gate) in [(10, Gate::Band), (100, Gate::Band)] {
        let [hits, plain, lin, inside] = count(32 + n, experiments, |r| {
            let one: CoMoments<2> = (0..n).map(|_| user(r, 0.0)).collect();
            let two: CoMoments<2> = (0..n).map(|_| user(r, 0.3)).collect();
            let by = |theta, small| cuped(&one, &two, theta, small, A).unwrap().comparison.interval;
            let within = by(Theta::WithinArms, SmallSample::Corrected);
            let rejects_truth = |interval: ff_analytics::stats::Interval| !interval.contains(0.3);
            [
                rejects_truth(within),
                rejects_truth(by(Theta::WithinArms, SmallSample::Plain)),
                rejects_truth(by(Theta::PerArm, SmallSample::Corrected)),
                within.contains(0.3),
            ]
        });
        let name = |what: &str| format!("CUPED, {n} v {n}{what}");
        by_size.push(Row::new((S, name(": false positives")), NULL, hits, gate));
        by_size.push(Row::new((S, name(": coverage")), COVER, inside, gate));
        by_size.push(Row::new((S, name(", no small-sample correction")), NULL, plain, Gate::Shown));
        by_size.push(Row::new((S, name(", a slope per arm (Lin)")), NULL, lin, Gate::Shown));
    }
    let [on_ratio] = count(34, experiments, |r| {
        let arm = |r: &mut Random| -> CoMoments<4> {
            let users = (0..200).map(|_| {
                let rate = 0.1 + 0.3 * r.uniform();
                let mut period = || {
                    let views = 1.0 + (4.0 * r.exponential()).floor();
                    [f64::from(r.binomial(views as u32, rate)), views]
                };
                let (before, now) = (period(), period());
                [now[0], now[1], before[0], before[1]]
            });
            users.collect()
        };
        let (one, two) = (arm(r), arm(r));
        let test = cuped_ratio(&one, &two, Theta::WithinArms, SmallSample::Corrected, A).unwrap();
        p_cuped.push(test.comparison.p.p());
        [test.comparison.p.p() < NULL]
    });
    let mut rows = vec![
        Row::new((S, "Ratio, delta method, 200 v 200: false positives"), NULL, ratios, Gate::Band),
        Row::new((S, "Ratio, delta method, 200 v 200: coverage"), COVER, covered, Gate::Band),
        uniform(S, "Ratio, delta method", p_ratio),
        Row::new((S, "CUPED of a ratio, 200 v 200: false positives"), NULL, on_ratio, Gate::Band),
        uniform(S, "CUPED of a ratio", p_cuped),
    ];
    rows.extend(by_size);
    rows
}

pub(crate) fn skewed(experiments: u32) -> Vec<Row> {
    const S: &str = "Skewed metrics, one look";
    let draw = |r: &mut Random, n: u32, sigma: f64| -> Vec<f64> {
        (0..n).map(|_| (sigma * r.normal()).exp()).collect()
    };
    let few = experiments / 5;
    let [raw, flagged] = count(41, few, |r| {
        let (one, two) = (draw(r, 1000, 2.0), draw(r, 100, 2.0));
        let moments = |values: &[f64]| values.iter().copied().collect::<Moments>();
        let (one, two) = (moments(&one), moments(&two));
        let rejects = welch(&one.arm().unwrap(), &two.arm().unwrap(), A).unwrap().p.p() < NULL;
        [rejects, !(skew::check(&one).unwrap().sound && skew::check(&two).unwrap().sound)]
    });
    let mut p = Vec::new();
    let [cut] = count(42, experiments, |r| {
        let (one, two) = (draw(r, 300, 1.0), draw(r, 200, 1.0));
        let caps = Caps::of_pooled(&[one.clone(), two.clone()].concat(), 0.0, 0.95).unwrap();
        let arm = |values: &[f64]| {
            values.iter().map(|value| caps.apply(*value)).collect::<Moments>().arm().unwrap()
        };
        p.push(welch(&arm(&one), &arm(&two), A).unwrap().p.p());
        [*p.last().unwrap() < NULL]
    });
    vec![
        Row::new(
            (S, "Welch, lognormal(0, 2), 1000 v 100: false positives"),
            NULL,
            raw,
            Gate::Fails,
        ),
        Row::new((S, "the same: the skewness check warns"), 1.0, flagged, Gate::TwoPoints),
        Row::new(
            (S, "Welch, lognormal(0, 1) winsorized at 95 %, 300 v 200"),
            NULL,
            cut,
            Gate::Band,
        ),
        uniform(S, "winsorized", p),
    ]
}

pub(crate) fn quantiles(experiments: u32) -> Vec<Row> {
    const S: &str = "Quantiles, one look";
    let [median, tail] = count(51, experiments, |r| {
        let mut arm = || (0..400).map(|_| r.exponential()).collect::<Vec<_>>();
        let (one, two) = (arm(), arm());
        let rejects = |q: f64| {
            let of = |values: &[f64]| quantile::independent(values, q, A).unwrap();
            quantile::compare((&of(&one), 400), (&of(&two), 400), A).unwrap().p.p() < NULL
        };
        [rejects(0.5), rejects(0.9)]
    });
    vec![
        Row::new(
            (S, "Median, exponential, 400 v 400: false positives"),
            NULL,
            median,
            Gate::TwoPoints,
        ),
        Row::new((S, "90 % quantile, the same"), NULL, tail, Gate::TwoPoints),
    ]
}
