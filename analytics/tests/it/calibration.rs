//! Does an error rate of 5 % come out as 5 %? Thousands of simulated experiments per method, seeded, with the gates that
//! must hold: fixed tests and intervals inside the 99.9 % band of the simulation, sequential ones below its upper end,
//! power within two points of what was promised.
//!
//! `FF_CALIBRATION=100000 cargo test --release -p ff-analytics --test it calibration` runs more experiments of everything
//! and writes `docs/calibration.md`.

mod designs;
mod families;
mod fixed;
mod page;
pub(crate) mod random;
mod row;

use row::Row;

/// Experiments per scenario.
const EXPERIMENTS: u32 = 10_000;

fn gate(rows: &[Row]) {
    let broken: Vec<_> = rows.iter().filter(|row| !row.holds()).map(ToString::to_string).collect();
    assert!(broken.is_empty(), "outside of the gates:\n{}", broken.join("\n"));
}

#[test]
fn fixed_tests_of_means() {
    gate(&fixed::means(EXPERIMENTS));
}

#[test]
fn fixed_tests_of_rates() {
    gate(&fixed::rates(EXPERIMENTS));
}

#[test]
fn fixed_tests_of_ratios_and_covariates() {
    gate(&fixed::adjusted(EXPERIMENTS));
}

#[test]
fn skewed_metrics() {
    gate(&fixed::skewed(EXPERIMENTS));
}

#[test]
fn quantiles() {
    gate(&fixed::quantiles(EXPERIMENTS / 5));
}

#[test]
fn fourteen_looks() {
    gate(&designs::looks(14, EXPERIMENTS));
}

#[test]
fn fifty_looks() {
    gate(&designs::looks(50, EXPERIMENTS / 2));
}

#[test]
fn looks_at_every_method() {
    gate(&designs::every_method(EXPERIMENTS / 10));
}

#[test]
fn promised_power() {
    gate(&designs::power(EXPERIMENTS));
}

#[test]
fn many_metrics_and_arms() {
    gate(&families::multiplicity(EXPERIMENTS));
}

#[test]
fn sample_ratio_mismatch() {
    gate(&families::mismatch(EXPERIMENTS));
}

#[test]
fn the_page() {
    let Ok(experiments) = std::env::var("FF_CALIBRATION") else { return };
    page::write(experiments.parse().unwrap());
}
