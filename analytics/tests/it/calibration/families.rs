//! Many metrics, many arms, many looks at the split.

use ff_analytics::stats::multiplicity::{Correction, adjust};
use ff_analytics::stats::special::normal_sf;
use ff_analytics::stats::srm::{self, Sequential};

use super::random::{Random, count};
use super::row::{Gate, Row};

pub(crate) fn multiplicity(experiments: u32) -> Vec<Row> {
    const S: &str = "Many metrics";
    let p_value = |z: f64| normal_sf(z.abs()).unwrap().two_sided().p();
    let mut rows = Vec::new();
    for (correction, name) in [
        (Correction::Bonferroni, "Bonferroni"),
        (Correction::Holm, "Holm"),
        (Correction::Hochberg, "Hochberg"),
    ] {
        // Ten metrics, three of them moved.
        let [wrong] = count(81, experiments, |r| {
            let p: Vec<_> =
                (0..10).map(|i| p_value(r.normal() + if i < 3 { 3.0 } else { 0.0 })).collect();
            [adjust(&p, correction).unwrap()[3..].iter().any(|p| *p <= 0.05)]
        });
        let what = format!("{name}, 7 of 10 metrics unmoved: any false positive");
        rows.push(Row::new((S, what), 0.05, wrong, Gate::AtMost));
    }
    // Summed over experiments, the share of discoveries that are false.
    let mut random = Random::new(82);
    let share: f64 = (0..experiments)
        .map(|_| {
            let r = &mut random;
            let p: Vec<_> =
                (0..20).map(|i| p_value(r.normal() + if i < 10 { 3.0 } else { 0.0 })).collect();
            let found = adjust(&p, Correction::BenjaminiHochberg).unwrap();
            let count = |found: &[f64]| found.iter().filter(|p| **p <= 0.05).count() as f64;
            count(&found[10..]) / count(&found).max(1.0)
        })
        .sum();
    let what = "Benjamini–Hochberg, 10 of 20 metrics unmoved: false discovery rate";
    rows.push(Row::new((S, what), 0.025, (share.round() as u32, experiments), Gate::Band));
    // Four variations against one control, their p-values dependent through it.
    let [any] = count(83, experiments, |r| {
        let control = r.normal();
        let p: Vec<_> = (0..4).map(|_| p_value((r.normal() - control) / 2f64.sqrt())).collect();
        [adjust(&p, Correction::Holm).unwrap().iter().any(|p| *p <= 0.05)]
    });
    rows.push(Row::new((S, "Holm, 5 arms of which none differs"), 0.05, any, Gate::AtMost));
    rows
}

pub(crate) fn mismatch(experiments: u32) -> Vec<Row> {
    const S: &str = "Sample ratio mismatch";
    let [single] = count(91, experiments, |r| {
        let first = r.binomial(100_000, 0.7);
        let users = [u64::from(first), u64::from(100_000 - first)];
        [srm::chi_square(&users, &[7.0, 3.0]).unwrap().p.p() < 0.05]
    });
    let [daily, sequential] = count(92, experiments, |r| {
        let mut test = Sequential::new(&[0.5, 0.5], Sequential::CONCENTRATION).unwrap();
        let (mut total, mut alarms) = ([0, 0], [false, false]);
        for _ in 0..30 {
            let first = r.binomial(40_000, 0.5);
            let users = [u64::from(first), u64::from(40_000 - first)];
            total = [total[0] + users[0], total[1] + users[1]];
            alarms[0] |= srm::chi_square(&total, &[1.0, 1.0]).unwrap().p.p() < 0.05;
            alarms[1] |= test.look(&users).unwrap().1.p() < 0.05;
        }
        alarms
    });
    let [found] = count(93, experiments / 10, |r| {
        let mut test = Sequential::new(&[0.5, 0.5], Sequential::CONCENTRATION).unwrap();
        let mut found = false;
        for _ in 0..10 {
            // Two percent of the treatment's users are lost.
            let first = r.binomial(40_000, 1.0 / 1.98);
            let users = [u64::from(first), u64::from(40_000 - first)];
            found |= test.look(&users).unwrap().1.p() < 0.001;
        }
        [found]
    });
    vec![
        Row::new((S, "chi-square, one look, 70/30: alarms at 5 %"), 0.05, single, Gate::Band),
        Row::new((S, "chi-square, 30 daily looks: alarms at 5 %"), 0.05, daily, Gate::Fails),
        Row::new((S, "sequential, 30 daily looks: alarms at 5 %"), 0.05, sequential, Gate::AtMost),
        Row::new(
            (S, "sequential: 2 % loss found within 400,000 users at 0.1 %"),
            1.0,
            found,
            Gate::TwoPoints,
        ),
    ]
}
