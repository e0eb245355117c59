//! `time_of_day` and `weekday`: the local time of the evaluation.

use jiff::Timestamp;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::Given;
use crate::problem::ProblemKind;

/// What the local time is compared with.
#[derive(Debug)]
pub(crate) struct ClockTest {
    when: When,
    zone: TimeZone,
}

#[derive(Debug)]
enum When {
    /// From the first time on and before the second; over midnight if the second is earlier.
    Between(Time, Time),
    /// By the number of the day from Monday on.
    Days([bool; 7]),
}

impl ClockTest {
    pub(crate) fn time_of_day(given: &mut Given<'_, '_>) -> Option<Self> {
        const EXPECTED: &str = "an object of `from`, `to` and `time_zone`";
        let fields = fields(given, ["from", "to", "time_zone"], EXPECTED)?;
        let from = time(given, fields, "from");
        let to = time(given, fields, "to");
        let zone = zone(given, fields);
        let (from, to, zone) = (from?, to?, zone?);
        if from == to {
            given.problems.report(&given.place.field("to"), ProblemKind::EmptyTimeOfDay);
            return None;
        }
        Some(Self { when: When::Between(from, to), zone })
    }

    pub(crate) fn weekday(given: &mut Given<'_, '_>) -> Option<Self> {
        const EXPECTED: &str = "an object of `days` and `time_zone`";
        let fields = fields(given, ["days", "time_zone"], EXPECTED)?;
        let zone = zone(given, fields);
        let place = given.place.field("days");
        let Some(Value::Array(names)) = fields.get("days") else {
            let found = fields.get("days").unwrap_or(&Value::Null);
            given.wrong_shape(&place, "a list of days", found);
            return None;
        };
        if names.is_empty() {
            given.problems.report(&place, ProblemKind::EmptyList);
        }
        let mut days = [false; 7];
        let mut known = !names.is_empty();
        for (index, name) in names.iter().enumerate() {
            match name.as_str().and_then(day) {
                Some(day) => days[day] = true,
                None => {
                    known = false;
                    given.problems.report(&place.index(index), ProblemKind::Weekday);
                }
            }
        }
        let zone = zone?;
        known.then_some(Self { when: When::Days(days), zone })
    }

    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        let local = self.zone.to_datetime(now);
        match &self.when {
            When::Between(from, to) => {
                let time = local.time();
                if from < to { *from <= time && time < *to } else { *from <= time || time < *to }
            }
            When::Days(days) => days[index(local.weekday())],
        }
    }
}

/// The value as an object of exactly these fields.
fn fields<'v, const N: usize>(
    given: &mut Given<'v, '_>,
    names: [&str; N],
    expected: &'static str,
) -> Option<&'v Map<String, Value>> {
    let Value::Object(fields) = given.value else { return given.mismatch(expected) };
    let operator = given.operator;
    let problems = given.problems.0.len();
    for name in fields.keys().filter(|name| !names.contains(&name.as_str())) {
        let kind = ProblemKind::ValueFields { operator, expected };
        given.problems.report(&given.place.field(name), kind);
    }
    if names.iter().any(|name| !fields.contains_key(*name)) {
        given.problems.report(given.place, ProblemKind::ValueFields { operator, expected });
    }
    (given.problems.0.len() == problems).then_some(fields)
}

fn time(given: &mut Given<'_, '_>, fields: &Map<String, Value>, name: &str) -> Option<Time> {
    let read = fields.get(name).and_then(Value::as_str).and_then(parse_time);
    given.problems.note(&given.place.field(name), read.ok_or(ProblemKind::TimeOfDay))
}

fn zone(given: &mut Given<'_, '_>, fields: &Map<String, Value>) -> Option<TimeZone> {
    let read = fields.get("time_zone").and_then(Value::as_str).and_then(parse_zone);
    given.problems.note(&given.place.field("time_zone"), read.ok_or(ProblemKind::TimeZone))
}

/// An IANA name. Names are looked up without regard to case; only the exact spelling is taken, so that every
/// language finds the same zone.
fn parse_zone(name: &str) -> Option<TimeZone> {
    let zone = TimeZone::get(name).ok()?;
    (zone.iana_name() == Some(name) && !zone.is_unknown()).then_some(zone)
}

/// `09:00` or `09:00:30`.
fn parse_time(text: &str) -> Option<Time> {
    let mut parts = text.split(':').map(|part| {
        let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i8>().ok().filter(|_| plain)
    });
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = match parts.next() {
        None => 0,
        Some(second) => second?,
    };
    if parts.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, 0).ok()
}

fn day(name: &str) -> Option<usize> {
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().position(|day| *day == name)
}

#[allow(clippy::cast_sign_loss, reason = "the offset from Monday is 0 to 6")]
fn index(weekday: Weekday) -> usize {
    weekday.to_monday_zero_offset() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_strictly() {
        assert_eq!(parse_time("09:00"), Time::new(9, 0, 0, 0).ok());
        assert_eq!(parse_time("23:59:58"), Time::new(23, 59, 58, 0).ok());
        for text in ["", "9:00", "24:00", "09", "09:60", "+9:00", "09:00:00:00", "09:00:"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn zones_are_spelled_exactly() {
        assert!(parse_zone("Europe/Berlin").is_some() && parse_zone("UTC").is_some());
        for name in ["europe/berlin", "Mars/Base", "", "Etc/Unknown"] {
            assert!(parse_zone(name).is_none(), "{name}");
        }
    }
}
