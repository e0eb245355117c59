//! Versions as numbers: 1.2 is version 1.2.0, and 3 is 3.0.0.

use ff_evaluator::Operator;
use serde_json::Value;

use super::condition::{Cond, one_of, test};
use super::javascript::{json_number, text_of};
use super::version::{NUMBER_MAX, Part};

/// Up to here the numbers of a minor version are written out one by one.
const LISTED_MAX: u64 = 500;

/// An attribute is a number that reads as a version in one of these parts. `None` if that would be too long a list.
pub(super) fn condition(attribute: &str, parts: &[Part]) -> Option<Cond> {
    parts
        .iter()
        .filter(|part| part.has_short())
        .map(|part| one(attribute, part))
        .try_fold(Cond::Never, |all, part| Some(all.or(part?)))
}

fn one(attribute: &str, part: &Part) -> Option<Cond> {
    let (from, to) = part.major;
    if from > to || part.minor.0 > part.minor.1 {
        return Some(Cond::Never);
    }
    let below_next = || match to {
        NUMBER_MAX => Cond::Always,
        last => test(attribute, Operator::Lt, last + 1),
    };
    match part.minor {
        (0, NUMBER_MAX) => Some(test(attribute, Operator::Gte, from).and(below_next())),
        (least, NUMBER_MAX) if from == to && least <= LISTED_MAX => {
            let first = read(from, 1)?;
            let earlier = listed(from, 1, least - 1);
            let cond = test(attribute, Operator::Gte, first).and(below_next());
            Some(if earlier.is_empty() { cond } else { cond.and(one_of(attribute, earlier).not()) })
        }
        (least, most) if from == to && (least == most || most <= LISTED_MAX) => {
            Some(one_of(attribute, listed(from, least, most)))
        }
        _ => None,
    }
}

/// The numbers that read as these minor versions: 1.10 is written, and read, as 1.1.
fn listed(major: u64, least: u64, most: u64) -> Vec<Value> {
    (least..=most).filter_map(|minor| read(major, minor)).collect()
}

fn read(major: u64, minor: u64) -> Option<Value> {
    let text = if minor == 0 { major.to_string() } else { format!("{major}.{minor}") };
    let number: f64 = text.parse().ok()?;
    (text_of(number)? == text).then(|| json_number(number))?
}
