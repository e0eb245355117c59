//! How fast: one Welch test (at most 1 µs), Pocock's constant for ten looks (50 ms), a dashboard of 10,000 results
//! (100 ms).

#![allow(missing_docs, reason = "criterion's macros write undocumented functions")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ff_analytics::stats::lift::lift;
use ff_analytics::stats::sequential::design::{Design, Shape};
use ff_analytics::stats::sequential::spending::{Sides, Spending, boundaries};
use ff_analytics::stats::welch::welch;
use ff_analytics::stats::{Alpha, Arm, Proportion, bayes};

const A: Alpha = Alpha::FIVE_PERCENT;

fn arm(n: u64, mean: f64) -> Arm {
    Arm::new(n, mean, 25.0).expect("finite")
}

fn tests(criterion: &mut Criterion) {
    for n in [50, 1_000, 100_000, 1_000_000_000] {
        let (control, treatment) = (arm(n, 10.0), arm(n, 10.0 + 11.0 / (n as f64).sqrt()));
        criterion.bench_function(&format!("welch/{n}"), |bencher| {
            bencher.iter(|| welch(black_box(&control), black_box(&treatment), A));
        });
    }
    let arms: Vec<_> = (0..10_000_u32)
        .map(|i| (arm(500 + u64::from(i) * 37, 10.0), arm(900, 10.0 + f64::from(i) * 1e-4)))
        .collect();
    criterion.bench_function("lifts/10000", |bencher| {
        bencher.iter(|| {
            arms.iter().filter(|(control, treatment)| lift(control, treatment, A).is_ok()).count()
        });
    });
}

fn designs(criterion: &mut Criterion) {
    let ten = Design::new(Shape::Pocock, 10).expect("ten looks");
    criterion.bench_function("pocock/10", |bencher| bencher.iter(|| ten.constant(black_box(A))));
    let times: Vec<_> = (1..=14).map(|k| f64::from(k) / 14.0).collect();
    criterion.bench_function("lan-demets/14", |bencher| {
        bencher.iter(|| boundaries(Spending::OBrienFleming, A, Sides::Two, black_box(&times)));
    });
    let rate = |x| Proportion::new(x, 200_000).expect("fewer than there are");
    let (control, treatment) = (rate(10_000), rate(10_300));
    criterion.bench_function("beta-binomial/200000", |bencher| {
        bencher.iter(|| bayes::beta_binomial::compare(black_box(&control), &treatment, (1.0, 1.0)));
    });
}

criterion_group!(benches, tests, designs);
criterion_main!(benches);
