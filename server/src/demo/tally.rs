//! What was sent and what came of it, and how that is shown.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::event::{Receipt, Rejected};

/// Sums over all that was sent.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Users that were evaluated.
    pub(super) users: u64,
    /// Those in the experiment, by variation.
    pub(super) arms: BTreeMap<String, u64>,
    /// Events that were taken.
    pub(super) accepted: u64,
    /// Events that were not.
    pub(super) rejected: u64,
    /// Exposures that were left out on purpose.
    pub(super) dropped: u64,
    /// Requests that were sent again.
    pub(super) repeated: u64,
    /// Why an event was not taken: the first that came.
    pub(super) first_rejection: Option<Rejected>,
    /// What each evaluation took.
    pub(super) evaluations: Vec<Duration>,
}

impl Tally {
    /// Counts what became of a batch.
    pub(super) fn count(&mut self, receipt: Receipt) {
        self.accepted += receipt.accepted;
        self.rejected += receipt.rejected.len() as u64;
        self.first_rejection = self.first_rejection.take().or(receipt.rejected.into_iter().next());
    }

    /// Adds another tally.
    pub(super) fn merge(&mut self, other: Self) {
        for (arm, users) in other.arms {
            *self.arms.entry(arm).or_default() += users;
        }
        self.users += other.users;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.dropped += other.dropped;
        self.repeated += other.repeated;
        self.first_rejection = self.first_rejection.take().or(other.first_rejection);
        self.evaluations.extend(other.evaluations);
    }

    /// A table of it.
    pub(super) fn table(mut self, control: &str, took: Duration) -> String {
        let mut table = String::new();
        let mut row = |name: &str, value: String| {
            // Writing into memory cannot fail.
            let _ = writeln!(table, "{name:<22} {value}");
        };
        row("users", grouped(self.users));
        for (arm, users) in &self.arms {
            let note = if arm == control { " (control)" } else { "" };
            let share = 100.0 * *users as f64 / self.users.max(1) as f64;
            row(&format!("  saw {arm}"), format!("{}, {share:.2} %{note}", grouped(*users)));
        }
        let outside = self.users - self.arms.values().sum::<u64>();
        if outside > 0 {
            row("  not in it", grouped(outside));
        }
        row("events accepted", grouped(self.accepted));
        row("events rejected", grouped(self.rejected));
        if let Some(Rejected { pointer, code, detail }) = &self.first_rejection {
            row("  the first", format!("{code} {pointer} {detail}"));
        }
        if self.dropped > 0 {
            row("exposures left out", grouped(self.dropped));
        }
        if self.repeated > 0 {
            row("requests repeated", grouped(self.repeated));
        }
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = |count: u64| grouped(count.saturating_mul(1_000) / ms);
        row(
            "throughput",
            format!(
                "{} events/s, {} users/s, {:.1} s",
                rate(self.accepted),
                rate(self.users),
                took.as_secs_f64()
            ),
        );
        self.evaluations.sort_unstable();
        let percentile = |percent: usize| {
            let place = self.evaluations.len() * percent / 100;
            self.evaluations.get(place).map_or(0.0, |took| took.as_secs_f64() * 1e3)
        };
        row("evaluation", format!("p50 {:.2} ms, p99 {:.2} ms", percentile(50), percentile(99)));
        table
    }
}

/// A number with a comma before every third digit.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn the_table_says_what_was_seen() {
        let mut tally = Tally::default();
        tally.count(Receipt { accepted: 2_000, rejected: Vec::new() });
        let why = Rejected { code: "FF-4131".to_owned(), ..Rejected::default() };
        tally.merge(Tally {
            users: 1_000,
            arms: BTreeMap::from([("blue".to_owned(), 500), ("green".to_owned(), 490)]),
            rejected: 1,
            first_rejection: Some(why),
            evaluations: (1..=100).map(Duration::from_millis).collect(),
            ..Tally::default()
        });
        let table = tally.table("blue", Duration::from_secs(2));
        for part in [
            "saw blue             500, 50.00 % (control)",
            "not in it            10",
            "events accepted        2,000",
            "FF-4131",
            "1,000 events/s, 500 users/s, 2.0 s",
            "p50 51.00 ms, p99 100.00 ms",
        ] {
            assert!(table.contains(part), "{part} is missing in\n{table}");
        }
    }

    #[test]
    fn nothing_sent_is_a_table_too() {
        assert!(Tally::default().table("blue", Duration::ZERO).contains("p50 0.00 ms"));
    }
}
