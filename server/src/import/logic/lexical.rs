//! Texts in their order, which no operator of ours compares: written as a regular expression.

use std::fmt::Write as _;

use ff_evaluator::Operator;

use super::condition::{Cond, is_text, one_of, test};
use super::javascript::Comparison;

/// Longer texts would nest the expression too deep.
const LONGEST: usize = 64;

/// From here on the order of characters is not the order of the 16-bit units that JavaScript compares.
const SAME_ORDER_BELOW: char = '\u{d7ff}';

/// An attribute is a text that compares so with another. `None` where that cannot be written.
pub(super) fn condition(attribute: &str, comparison: Comparison, text: &str) -> Option<Cond> {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() > LONGEST || characters.iter().any(|c| *c >= SAME_ORDER_BELOW) {
        return None;
    }
    if text.is_empty() {
        return Some(match comparison {
            Comparison::Less => Cond::Never,
            Comparison::LessOrEqual => one_of(attribute, vec!["".into()]),
            Comparison::Greater => is_text(attribute).and(one_of(attribute, vec!["".into()]).not()),
            _ => is_text(attribute),
        });
    }
    let expression = match comparison {
        Comparison::Less => before(&characters, false)?,
        Comparison::LessOrEqual => before(&characters, true)?,
        Comparison::Greater => behind(&characters, false),
        Comparison::GreaterOrEqual => behind(&characters, true),
        Comparison::Equal | Comparison::Identical => return None,
    };
    Some(test(attribute, Operator::Matches, format!("^(?s:{expression})$")))
}

/// Everything that comes before a text; `None` if nothing does.
fn before(text: &[char], or_equal: bool) -> Option<String> {
    let Some((first, rest)) = text.split_first() else {
        return or_equal.then(String::new);
    };
    // A text that ends here comes first.
    let mut expression = String::from("(?:");
    if *first > '\0' {
        write!(expression, "|[\\x{{0}}-\\x{{{:x}}}].*", u32::from(*first) - 1).ok()?;
    }
    if let Some(rest) = before(rest, or_equal) {
        write!(expression, "|\\x{{{:x}}}{rest}", u32::from(*first)).ok()?;
    }
    expression.push(')');
    Some(expression)
}

/// Everything that comes behind a text.
fn behind(text: &[char], or_equal: bool) -> String {
    match text.split_first() {
        None if or_equal => ".*".to_owned(),
        None => ".+".to_owned(),
        Some((first, rest)) => {
            let first = u32::from(*first);
            let rest = behind(rest, or_equal);
            format!("(?:[\\x{{{:x}}}-\\x{{10ffff}}].*|\\x{{{first:x}}}{rest})", first + 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn texts_are_ordered_by_their_characters() {
        let texts = [
            "",
            "a",
            "ab",
            "abc",
            "b",
            "aa",
            "a\n",
            "B",
            "é",
            "\u{ffff}",
            "😀",
            "2024-01-02",
            "2024-1",
        ];
        for left in texts {
            for right in ["a", "ab", "é", "2024-01-02"] {
                let right_characters: Vec<char> = right.chars().collect();
                let order = left.encode_utf16().cmp(right.encode_utf16());
                let matches = |expression: String| {
                    Regex::new(&format!("^(?s:{expression})$")).unwrap().is_match(left)
                };
                assert_eq!(
                    matches(before(&right_characters, false).unwrap()),
                    order.is_lt(),
                    "{left} < {right}"
                );
                assert_eq!(
                    matches(before(&right_characters, true).unwrap()),
                    order.is_le(),
                    "{left} <= {right}"
                );
                assert_eq!(
                    matches(behind(&right_characters, false)),
                    order.is_gt(),
                    "{left} > {right}"
                );
                assert_eq!(
                    matches(behind(&right_characters, true)),
                    order.is_ge(),
                    "{left} >= {right}"
                );
            }
        }
    }
}
