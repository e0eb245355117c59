//! `before` and `after`: instants as RFC 3339 writes them, or relative to now.

use jiff::civil::{Date, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};

use super::Given;
use super::order::Comparison;
use crate::problem::ProblemKind;

/// An instant compared with another.
#[derive(Debug)]
pub(crate) struct InstantTest {
    comparison: Comparison,
    bound: Bound,
}

#[derive(Debug)]
enum Bound {
    At(Timestamp),
    /// Added to now, in UTC: a day is 24 hours, months and years follow the calendar.
    FromNow(Box<Span>),
}

impl InstantTest {
    pub(crate) fn compile(given: &mut Given<'_, '_>, comparison: Comparison) -> Option<Self> {
        let text = given.text("an instant or a duration")?;
        let bound = parse_rfc3339(text)
            .map(Bound::At)
            .or_else(|| parse_duration(text).map(|span| Bound::FromNow(Box::new(span))))
            .ok_or(ProblemKind::Instant);
        given.problems.note(given.place, bound).map(|bound| Self { comparison, bound })
    }

    pub(crate) fn holds(&self, text: &str, now: Timestamp) -> bool {
        let bound = match &self.bound {
            Bound::At(instant) => Some(*instant),
            Bound::FromNow(span) => {
                now.to_zoned(TimeZone::UTC).checked_add(**span).ok().map(|zoned| zoned.timestamp())
            }
        };
        match (parse_rfc3339(text), bound) {
            (Some(instant), Some(bound)) => self.comparison.admits(instant.cmp(&bound)),
            _ => false,
        }
    }
}

/// Reads `2026-01-31T09:00:00.123+01:00`. Stricter than most parsers, so that every language can agree: all parts
/// down to the second, a `T` or a space between, an offset or `Z`; no leap second; nanoseconds at most, finer
/// digits are cut off.
fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let (moment, rest) = bytes.split_at_checked(19)?;
    let punctuation = moment[4] == b'-'
        && moment[7] == b'-'
        && matches!(moment[10], b'T' | b't' | b' ')
        && moment[13] == b':'
        && moment[16] == b':';
    if !punctuation {
        return None;
    }
    let two = |at: usize| digits(&moment[at..at + 2]).and_then(|number| i8::try_from(number).ok());
    let year = digits(&moment[..4]).and_then(|number| i16::try_from(number).ok())?;
    let date = Date::new(year, two(5)?, two(8)?).ok()?;
    let (nanosecond, offset) = fraction(rest)?;
    let time = Time::new(two(11)?, two(14)?, two(17)?, nanosecond).ok()?;
    offset_of(offset)?.to_timestamp(date.to_datetime(time)).ok()
}

/// The nanoseconds of `.123`, and what comes after.
fn fraction(rest: &[u8]) -> Option<(i32, &[u8])> {
    let Some(rest) = rest.strip_prefix(b".") else { return Some((0, rest)) };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = rest.split_at(length);
    let kept = &fraction[..fraction.len().min(9)];
    let scale = 10_i32.pow(u32::try_from(9 - kept.len()).ok()?);
    Some((digits(kept)? * scale, rest))
}

fn offset_of(text: &[u8]) -> Option<Offset> {
    let sign = match text {
        b"Z" | b"z" => return Some(Offset::UTC),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let [_, h1, h2, b':', m1, m2] = text else { return None };
    let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// A number of at least one and at most nine digits.
fn digits(bytes: &[u8]) -> Option<i32> {
    if bytes.is_empty() || bytes.len() > 9 {
        return None;
    }
    bytes.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + i32::from(byte - b'0'))
    })
}

/// Reads `-P7D` or `PT36H`: ISO 8601 in capitals, whole numbers only.
fn parse_duration(text: &str) -> Option<Span> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = unsigned.starts_with('P')
        && unsigned.bytes().all(|byte| byte.is_ascii_digit() || b"PYMWDTHS".contains(&byte));
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_the_standard_writes_them() {
        let expected: Timestamp = "2026-01-31T08:00:00.12Z".parse().unwrap();
        for text in [
            "2026-01-31T08:00:00.12Z",
            "2026-01-31t08:00:00.120z",
            "2026-01-31 09:00:00.12+01:00",
            "2026-01-31T02:30:00.12-05:30",
            "2026-01-31T08:00:00.1200000000009Z",
        ] {
            assert_eq!(parse_rfc3339(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_the_standard_does_not_allow_is_no_instant() {
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T08:00Z",
            "2026-01-31T08:00:00",
            "2026-01-31T08:00:00.Z",
            "2026-01-31T08:00:60Z",
            "2026-01-31T24:00:00Z",
            "2026-02-30T08:00:00Z",
            "2026-01-31T08:00:00+0100",
            "2026-01-31T08:00:00+24:00",
            "2026-01-31T08:00:00Z[UTC]",
            "20260131T080000Z",
            "2026-01-31T08:00:0äZ",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_those_of_the_standard() {
        for text in ["P7D", "-P7D", "+PT36H", "P1Y2M3W4DT5H6M7S"] {
            assert!(parse_duration(text).is_some(), "{text}");
        }
        for text in ["", "P", "7 days", "p7d", "-7d", "P1.5D", "PT", "P7"] {
            assert!(parse_duration(text).is_none(), "{text}");
        }
    }
}
