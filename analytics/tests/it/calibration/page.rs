//! The calibration page.

use std::fmt::Write;

use super::row::Row;
use super::{designs, families, fixed};

pub(crate) fn write(experiments: u32) {
    let rows: Vec<Row> = [
        fixed::means(experiments),
        fixed::rates(experiments),
        fixed::adjusted(experiments),
        fixed::skewed(experiments),
        fixed::quantiles(experiments),
        designs::looks(14, experiments),
        designs::looks(50, experiments),
        designs::every_method(experiments),
        designs::power(experiments),
        families::multiplicity(experiments),
        families::mismatch(experiments),
    ]
    .into_iter()
    .flatten()
    .collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/calibration.md");
    std::fs::write(path, render(&rows, experiments)).unwrap();
    let broken: Vec<_> = rows.iter().filter(|row| !row.holds()).map(ToString::to_string).collect();
    assert!(broken.is_empty(), "outside of the gates:\n{}", broken.join("\n"));
}

fn render(rows: &[Row], experiments: u32) -> String {
    let mut page = format!(
        "# Calibration\n\nWhat the statistics of release {} promise, and what came out in simulated experiments, {experiments} \
         per scenario unless said. Written by `analytics/tests/it/calibration`, seeded:\n\n```sh\nFF_CALIBRATION={experiments} \
         cargo test --release -p ff-analytics --test it calibration::the_page\n```\n\n\"Allowed\" is the band in which a rate \
         that is as promised is seen in 99.9 % of simulations of 10,000 \
         experiments; sequential methods may only be below its upper \
         end, power may be off by two points. What \"fails, as known\" is offered for comparison, never as a default. The \
         same scenarios run as gates with every test run, with fewer experiments. All numbers are percentages.\n",
        env!("CARGO_PKG_VERSION")
    );
    let mut section = "";
    for row in rows {
        if row.section != section {
            section = row.section;
            write!(page, "\n## {section}\n\n| scenario | promised | seen | allowed | |\n|---|---|---|---|---|\n").unwrap();
        }
        let mark = if row.holds() { "✓" } else { "✗" };
        let (promised, seen) = (100.0 * row.promised, 100.0 * row.seen);
        let Row { what, .. } = row;
        let allowed = row.allowed();
        writeln!(page, "| {what} | {promised:.2} | {seen:.2} | {allowed} | {mark} |").unwrap();
    }
    page
}
