//! Operators on text: `contains`, `starts_with`, `ends_with` and `matches`, and comparing without regard to case.
//!
//! Without regard to case means: each character by itself in Unicode lower case. That needs no tables but those
//! every language has, and no look at the characters around (so a final sigma is a sigma).

use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};

use super::Given;
use crate::problem::ProblemKind;

/// How large a compiled regular expression may be, in bytes. Unicode classes with large repetitions are not.
const REGEX_SIZE: usize = 64 * 1024;

/// Up to this length a text is searched in place, beyond it is written in lower case first.
const IN_PLACE: usize = 256;

/// What a text is compared with; one of several parts is enough.
#[derive(Debug)]
pub(crate) enum TextTest {
    Contains(Parts),
    StartsWith(Parts),
    EndsWith(Parts),
    Matches(Box<[Regex]>),
}

#[derive(Debug)]
pub(crate) struct Parts {
    /// In lower case if `folded`.
    parts: Box<[Box<str>]>,
    folded: bool,
}

impl TextTest {
    pub(crate) fn contains(parts: &[&str], folded: bool) -> Self {
        Self::Contains(Parts::new(parts, folded))
    }

    pub(crate) fn starts_with(parts: &[&str], folded: bool) -> Self {
        Self::StartsWith(Parts::new(parts, folded))
    }

    pub(crate) fn ends_with(parts: &[&str], folded: bool) -> Self {
        Self::EndsWith(Parts::new(parts, folded))
    }

    pub(crate) fn matches(given: &mut Given<'_, '_>, folded: bool) -> Option<Self> {
        let expressions = given.each_text(|text| {
            RegexBuilder::new(text)
                .case_insensitive(folded)
                .size_limit(REGEX_SIZE)
                .build()
                .map_err(|error| ProblemKind::Regex { detail: one_line(&error) })
        })?;
        Some(Self::Matches(expressions.into()))
    }

    #[inline]
    pub(crate) fn holds(&self, text: &str) -> bool {
        match self {
            Self::Contains(parts) if parts.folded => contains_folded(text, &parts.parts),
            Self::Contains(parts) => parts.any(|part| text.contains(part)),
            Self::StartsWith(parts) if parts.folded => {
                parts.any(|part| is_prefix(part.chars(), lower(text)))
            }
            Self::StartsWith(parts) => parts.any(|part| text.starts_with(part)),
            Self::EndsWith(parts) if parts.folded => {
                parts.any(|part| is_prefix(part.chars().rev(), lower_backwards(text)))
            }
            Self::EndsWith(parts) => parts.any(|part| text.ends_with(part)),
            Self::Matches(expressions) => expressions.iter().any(|one| one.is_match(text)),
        }
    }
}

impl Parts {
    fn new(parts: &[&str], folded: bool) -> Self {
        let kept = parts.iter().map(|part| if folded { fold(part) } else { (*part).into() });
        Self { parts: kept.collect(), folded }
    }

    fn any(&self, test: impl Fn(&str) -> bool) -> bool {
        self.parts.iter().any(|part| test(part))
    }
}

/// A text in lower case, each character by itself.
pub(crate) fn fold(text: &str) -> Box<str> {
    lower(text).collect::<String>().into()
}

/// Compares a text, as if it were folded, with one that is.
pub(crate) fn compare_folded(text: &str, folded: &str) -> Ordering {
    lower(text).cmp(folded.chars())
}

fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

fn lower_backwards(text: &str) -> impl Iterator<Item = char> {
    text.chars().rev().flat_map(|character| character.to_lowercase().rev())
}

fn is_prefix(prefix: impl Iterator<Item = char>, mut whole: impl Iterator<Item = char>) -> bool {
    for expected in prefix {
        if whole.next() != Some(expected) {
            return false;
        }
    }
    true
}

/// Short ASCII texts, which most attributes are, are searched without a copy.
fn contains_folded(text: &str, parts: &[Box<str>]) -> bool {
    if text.is_ascii() && text.len() <= IN_PLACE {
        let windows = |part: &[u8]| {
            part.is_empty()
                || text.as_bytes().windows(part.len()).any(|w| w.eq_ignore_ascii_case(part))
        };
        return parts.iter().any(|part| windows(part.as_bytes()));
    }
    let text = fold(text);
    parts.iter().any(|part| text.contains(&**part))
}

/// The parser draws its errors over several lines; the last says what is wrong.
fn one_line(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("it needs more than {limit} bytes when compiled, make repetitions shorter")
        }
        other => {
            let drawn = other.to_string();
            let last = drawn.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_ignored_beyond_ascii() {
        let contains = TextTest::contains(&["ÄRGER", "straße"], true);
        assert!(contains.holds("viel ärger") && contains.holds("HauptSTRAßE"));
        assert!(!contains.holds("STRASSE"));
        let long = format!("{}Ärger", "x".repeat(1000));
        assert!(contains.holds(&long));
        assert!(TextTest::starts_with(&["ΣΑ"], true).holds("σας"));
        assert!(TextTest::ends_with(&["Σ"], true).holds("ΟΔΟΣ"));
        assert!(TextTest::ends_with(&["İX"], true).holds("aİx"));
        assert!(!TextTest::ends_with(&["aaİx"], true).holds("aİx"));
    }

    #[test]
    fn folded_search_in_place_equals_search_in_a_copy() {
        for (text, part) in [
            ("Hello", "ELL"),
            ("Hello", ""),
            ("", ""),
            ("ab", "abc"),
            ("", "a"),
            ("x@EXAMPLE.com", "@example"),
        ] {
            let expected = fold(text).contains(&*fold(part));
            assert_eq!(TextTest::contains(&[part], true).holds(text), expected, "{text} {part}");
        }
        // The Kelvin sign is a k in lower case.
        assert!(TextTest::contains(&["\u{212a}"], true).holds("k"));
        assert!(TextTest::contains(&["K"], true).holds("\u{212a}"));
    }

    #[test]
    fn folded_comparison_orders_like_folded_texts() {
        let texts = ["", "a", "Ab", "AC", "ä", "Ö", "z"];
        for left in texts {
            for right in texts {
                let folded = fold(right);
                assert_eq!(compare_folded(left, &folded), fold(left).cmp(&folded));
            }
        }
    }
}
