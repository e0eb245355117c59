//! The time steps of an iteration, the one place that says how long they are: an hour each in the first 48 hours,
//! then a day each.
//!
//! A step is closed once an event of the environment was received at its end or later. What belongs to it is
//! everything up to the position before the first such event: a rule that raw events answer, today and in a year.

use jiff::{SignedDuration, Timestamp};

use crate::plan::{Iteration, Metric, MetricKind};

/// How many steps of an hour there are.
const HOURS: i64 = 48;
/// The length of a step after those, in hours.
const DAY: i64 = 24;
/// Events are kept for 400 days, so no later step can be computed.
const MOST: i64 = HOURS + 400;

/// The end of a step, counted from 0.
fn end(iteration: &Iteration, step: i64) -> Timestamp {
    let hours = if step < HOURS { step + 1 } else { HOURS + (step + 1 - HOURS) * DAY };
    iteration.started_at.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX)
}

/// The ends of the steps that are closed at `at`, oldest first. Nothing changes any more once the iteration is over
/// and the longest window of a metric with it.
pub(super) fn closed<'a>(
    iteration: &Iteration,
    metrics: impl IntoIterator<Item = &'a Metric>,
    at: Timestamp,
) -> Vec<Timestamp> {
    let over = iteration.ended_at.map(|ended| {
        let wait = metrics.into_iter().map(wait_hours).max().unwrap_or(0);
        ended.checked_add(SignedDuration::from_hours(wait)).unwrap_or(Timestamp::MAX)
    });
    let mut ends = Vec::new();
    for step in 0..MOST {
        let end = end(iteration, step);
        // An end that lies after `at` is not known then, and cuts nothing off.
        let last = over.is_some_and(|over| over <= at && end >= over);
        if end > at {
            break;
        }
        ends.push(end);
        if last {
            break;
        }
    }
    ends
}

/// How long after the end of an iteration its users' events count.
fn wait_hours(metric: &Metric) -> i64 {
    let retention = match &metric.kind {
        MetricKind::Retention { to_day, .. } => i64::from(*to_day) * DAY,
        _ => 0,
    };
    retention.max(metric.window_hours.map_or(0, i64::from))
}

/// SQL for the step a time lies in, counted from 0; the newest is `closed`.
pub(super) fn index_sql(iteration: &Iteration, closed: usize, column: &str) -> String {
    let start = iteration.started_at.as_millisecond();
    let hour =
        format!("intDiv(greatest(toUnixTimestamp64Milli({column}) - ({start}), 0), 3600000)");
    format!(
        "toUInt32(least({closed}, if({hour} < {HOURS}, {hour}, {HOURS} + intDiv({hour} - {HOURS}, {DAY}))))"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iteration(ended: Option<&str>) -> Iteration {
        Iteration {
            number: 1,
            rule: "e:1".to_owned(),
            started_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            ended_at: ended.map(|ended| ended.parse().unwrap()),
            arms: Vec::new(),
        }
    }

    fn ends(ended: Option<&str>, at: &str) -> Vec<String> {
        let ends = closed(&iteration(ended), [], at.parse().unwrap());
        ends.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn hours_first_and_days_after() {
        assert!(ends(None, "2026-01-01T00:59:59.999Z").is_empty());
        assert_eq!(ends(None, "2026-01-01T01:00:00Z"), ["2026-01-01T01:00:00Z"]);
        let all = ends(None, "2026-01-06T00:00:00Z");
        assert_eq!(all.len(), 48 + 3);
        assert_eq!(
            all[47..],
            [
                "2026-01-03T00:00:00Z",
                "2026-01-04T00:00:00Z",
                "2026-01-05T00:00:00Z",
                "2026-01-06T00:00:00Z"
            ]
        );
    }

    #[test]
    fn they_end_with_the_iteration_once_its_end_is_past() {
        let ended = Some("2026-01-01T02:30:00Z");
        assert_eq!(ends(ended, "2026-01-01T02:00:00Z").len(), 2);
        assert_eq!(ends(ended, "2026-02-01T00:00:00Z").len(), 3);
    }
}
