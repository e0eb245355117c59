//! What JavaScript makes of values, as far as flagd's answers depend on it: truth, numbers read from text, and the
//! loose comparisons.

use serde_json::{Number, Value};

/// From here on JavaScript cannot tell neighbouring integers apart.
pub(crate) const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// A comparison of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Identical,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// The one that holds for swapped sides.
    pub(crate) fn swapped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    fn of_numbers(self, left: f64, right: f64) -> bool {
        match self {
            #[allow(clippy::float_cmp, reason = "this is what the language does")]
            Self::Equal | Self::Identical => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }

    fn of_texts(self, left: &str, right: &str) -> bool {
        let order = left.encode_utf16().cmp(right.encode_utf16());
        match self {
            Self::Equal | Self::Identical => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    /// What the bare operator answers. Lists and objects are never asked for.
    pub(crate) fn plain(self, left: &Value, right: &Value) -> bool {
        match (self, left, right) {
            (_, Value::String(left), Value::String(right)) => self.of_texts(left, right),
            (Self::Identical, Value::Number(left), Value::Number(right)) => {
                left.as_f64() == right.as_f64()
            }
            (Self::Identical, left, right) => !is_nested(left) && left == right,
            (Self::Equal, Value::Null, right) => right.is_null(),
            (Self::Equal, left, Value::Null) => left.is_null(),
            _ => self.of_numbers(number(left), number(right)),
        }
    }

    /// What it answers once both sides have been made numbers.
    pub(crate) fn numeric(self, left: &Value, right: &Value) -> bool {
        self.of_numbers(number(left), number(right))
    }
}

/// Whether a value is a list or an object.
pub(crate) fn is_nested(value: &Value) -> bool {
    value.is_array() || value.is_object()
}

/// Whether a condition with this value holds. Other than in the language itself, empty lists and objects do not.
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(bool) => *bool,
        Value::Number(number) => number.as_f64().is_some_and(|float| float != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// A value as a number; what is none, and lists and objects, as NaN.
pub(crate) fn number(value: &Value) -> f64 {
    match value {
        Value::Null => 0.0,
        Value::Bool(bool) => f64::from(u8::from(*bool)),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN),
        Value::String(text) => number_in(text),
        Value::Array(_) | Value::Object(_) => f64::NAN,
    }
}

/// The number a text reads as, NaN if it reads as none. No text at all is 0.
pub(crate) fn number_in(text: &str) -> f64 {
    let text = text.trim_matches(is_space);
    if text.is_empty() {
        return 0.0;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        let rest = text.get(..2).filter(|start| start.eq_ignore_ascii_case(prefix));
        if rest.is_some() {
            return radix_number(&text[2..], radix);
        }
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned == "Infinity" {
        return if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    // What else the parser of the standard library reads, `inf` and `nan`, has letters.
    let plain = unsigned.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    if plain { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

fn radix_number(digits: &str, radix: u32) -> f64 {
    if digits.is_empty() {
        return f64::NAN;
    }
    digits
        .chars()
        .try_fold(0.0, |sum, c| Some(sum * f64::from(radix) + f64::from(c.to_digit(radix)?)))
        .unwrap_or(f64::NAN)
}

/// White space and line ends as `String.prototype.trim` knows them.
pub(crate) fn is_space(character: char) -> bool {
    matches!(
        character,
        '\t'..='\r'
            | ' '
            | '\u{a0}'
            | '\u{1680}'
            | '\u{2000}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202f}'
            | '\u{205f}'
            | '\u{3000}'
            | '\u{feff}'
    )
}

/// The same characters for a regular expression.
pub(crate) const SPACE: &str =
    r"[\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}]";

/// A number as text. `None` where the language would write an exponent.
pub(crate) fn text_of(number: f64) -> Option<String> {
    let plain = number == 0.0 || (1e-6..1e21).contains(&number.abs());
    // There is one zero in text.
    plain.then(|| if number == 0.0 { "0".to_owned() } else { number.to_string() })
}

/// A number as JSON, an integer where it is one. `None` for what JSON or JavaScript cannot hold exactly.
#[allow(clippy::cast_possible_truncation, reason = "checked to be an integer within range")]
pub(crate) fn json_number(number: f64) -> Option<Value> {
    if number.fract() == 0.0 {
        return (number.abs() < EXACT_BELOW).then(|| Value::from(number as i64));
    }
    Number::from_f64(number).map(Value::Number)
}

/// A value as text, where a text is searched for it or a variant is named by it.
pub(crate) fn string(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("null".to_owned()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Number(number) => text_of(number.as_f64()?),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_read_as_a_number_like_in_a_browser() {
        for (text, expected) in [
            ("", 0.0),
            (" \u{feff}7\n", 7.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("-1e2", -100.0),
            ("0x1F", 31.0),
            ("0b11", 3.0),
            ("+Infinity", f64::INFINITY),
        ] {
            assert!(
                (number_in(text) - expected).abs() < f64::EPSILON || number_in(text) == expected,
                "{text}"
            );
        }
        for text in
            ["sm", "1.0.0", "inf", "NaN", "nan", "1_000", "0x", "-0x1", "1e", "e1", "1 2", "--1"]
        {
            assert!(number_in(text).is_nan(), "{text}");
        }
    }

    #[test]
    fn numbers_become_text_as_in_a_browser() {
        assert_eq!(text_of(1.0).unwrap(), "1");
        assert_eq!(text_of(-0.0).unwrap(), "0");
        assert_eq!(text_of(0.1).unwrap(), "0.1");
        assert_eq!(text_of(1e20).unwrap(), "100000000000000000000");
        assert_eq!(text_of(1e21), None);
        assert_eq!(text_of(1e-7), None);
    }

    #[test]
    fn loose_comparisons_are_those_of_the_language() {
        let equal = |left: Value, right: Value| Comparison::Equal.plain(&left, &right);
        assert!(
            equal(json!(1), json!("1"))
                && equal(json!(true), json!("1"))
                && equal(json!(0), json!(""))
        );
        assert!(!equal(json!(null), json!(0)) && !equal(json!("01"), json!("1")));
        let less = |left: Value, right: Value| Comparison::Less.plain(&left, &right);
        assert!(
            less(json!(null), json!(1))
                && less(json!("10"), json!("9"))
                && !less(json!("10"), json!(9))
        );
        assert!(!less(json!("x"), json!(1)) && !less(json!(1), json!("x")));
    }
}
