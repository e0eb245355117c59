//! Versions as texts: a regular expression for those that lie in some parts.

use super::javascript::SPACE;
use super::version::{NUMBER_MAX, Numbers, Part, Pre};

const IDENTIFIER: &str = "(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)";
const BUILD: &str = r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?";

/// Every spelling of the versions in these parts that flagd reads.
pub(super) fn expression(parts: &[Part]) -> String {
    let full: Vec<String> = parts.iter().filter_map(full).collect();
    let short: Vec<String> =
        parts.iter().filter(|part| part.has_short()).filter_map(short).collect();
    let mut expression = format!("^[vV]?(?:{SPACE}*v?(?:{}){BUILD}{SPACE}*", full.join("|"));
    for short in short {
        expression.push('|');
        expression.push_str(&short);
    }
    expression.push_str(")$");
    expression
}

fn full(part: &Part) -> Option<String> {
    let pre_release = format!(r"-{IDENTIFIER}(?:\.{IDENTIFIER})*");
    let pre = match &part.pre {
        Pre::Any => format!("(?:{pre_release})?"),
        Pre::Release => String::new(),
        Pre::Before => pre_release,
        Pre::Exactly(pre) => format!("-{}", pre.replace('.', r"\.")),
    };
    let [major, minor, patch] = [part.major, part.minor, part.patch].map(numbers);
    Some(format!(r"{}\.{}\.{}{pre}", major?, minor?, patch?))
}

/// With the last number left out, or the last two, which are 0 then.
fn short(part: &Part) -> Option<String> {
    let (major, minor) = (numbers(part.major)?, numbers(part.minor)?);
    Some(if part.minor.0 == 0 {
        format!(r"{major}(?:\.{minor})?")
    } else {
        format!(r"{major}\.{minor}")
    })
}

/// Numbers without leading zeros; `None` if there are none. The largest stands for no limit: a limit of sixteen digits
/// would make the expression many times larger.
fn numbers((from, to): Numbers) -> Option<String> {
    if from > to {
        return None;
    }
    let first = digits(from).len();
    let open = to == NUMBER_MAX;
    let last = if open { first } else { digits(to).len() };
    let mut choices = Vec::new();
    for length in first..=last {
        let lowest = if length == 1 { 0 } else { 10_u64.pow(exponent(length) - 1) };
        let highest = 10_u64.pow(exponent(length)) - 1;
        let high = if open { highest } else { to.min(highest) };
        choices.push(same_length(&digits(from.max(lowest)), &digits(high)));
    }
    if open {
        choices.push(format!("[1-9][0-9]{{{first},}}"));
    }
    Some(match choices.as_slice() {
        [one] => one.clone(),
        _ => format!("(?:{})", choices.join("|")),
    })
}

fn exponent(length: usize) -> u32 {
    u32::try_from(length).expect("a number of 64 bits has at most 20 digits")
}

fn digits(number: u64) -> Vec<u8> {
    number.to_string().into_bytes().into_iter().map(|digit| digit - b'0').collect()
}

/// This many digits of any kind.
fn any_digits(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        _ => format!("[0-9]{{{count}}}"),
    }
}

fn class(from: u8, to: u8) -> String {
    if from == to { from.to_string() } else { format!("[{from}-{to}]") }
}

/// From one number to another with as many digits.
fn same_length(from: &[u8], to: &[u8]) -> String {
    let (Some((low, low_rest)), Some((high, high_rest))) = (from.split_first(), to.split_first())
    else {
        return String::new();
    };
    let least = low_rest.iter().all(|digit| *digit == 0);
    let most = high_rest.iter().all(|digit| *digit == 9);
    if least && most {
        return class(*low, *high) + any_digits(low_rest.len()).as_str();
    }
    if low == high {
        return low.to_string() + same_length(low_rest, high_rest).as_str();
    }
    let nines = vec![9; low_rest.len()];
    let zeros = vec![0; low_rest.len()];
    let mut choices = vec![low.to_string() + same_length(low_rest, &nines).as_str()];
    if low + 1 < *high {
        choices.push(class(low + 1, high - 1) + any_digits(low_rest.len()).as_str());
    }
    choices.push(high.to_string() + same_length(&zeros, high_rest).as_str());
    format!("(?:{})", choices.join("|"))
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn ranges_of_numbers_hold_exactly_their_numbers() {
        for (from, to) in [
            (0, 0),
            (0, 9),
            (0, 10),
            (3, 3),
            (5, 123),
            (10, 99),
            (99, 1000),
            (120, 129),
            (7, 1999),
            (10, NUMBER_MAX),
        ] {
            let expression =
                Regex::new(&format!("^(?:{})$", numbers((from, to)).unwrap())).unwrap();
            for number in (0..2100).chain([123_456, NUMBER_MAX - 1, NUMBER_MAX]) {
                let inside = (from..=to).contains(&number);
                assert_eq!(
                    expression.is_match(&number.to_string()),
                    inside,
                    "{number} in {from}..={to}"
                );
            }
            assert!(!expression.is_match("01") && !expression.is_match(""));
        }
        assert_eq!(numbers((1, 0)), None);
    }
}
