//! Exact decimal numbers, for events: a float in an event would depend on who writes and who reads it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A number with up to fifteen digits before and six behind the point. In JSON it is text: `"12.5"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(value_type = String, pattern = r"^-?\d{1,15}(\.\d{1,6})?$", example = "12.5")
)]
pub struct Decimal(i128);

/// One in the unit that decimals are kept in.
const ONE: i128 = 1_000_000;
/// Most digits before the point.
const WHOLE_DIGITS: usize = 15;
/// Most digits behind the point.
const DECIMALS: usize = 6;

/// Why a text is no decimal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no decimal: write up to 15 digits, and up to 6 behind a point, as in `12.5`")]
pub struct InvalidDecimal {
    /// What was given.
    pub text: String,
}

impl Decimal {
    /// The number times a million.
    pub fn millionths(self) -> i128 {
        self.0
    }

    /// The nearest double.
    #[allow(clippy::cast_precision_loss, reason = "the nearest is what is asked for")]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    fn read(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text),
        };
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let in_digits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !in_digits(whole, WHOLE_DIGITS) || !in_digits(decimals, DECIMALS) {
            return None;
        }
        let whole: i128 = whole.parse().ok()?;
        let decimals: i128 = format!("{decimals:0<DECIMALS$}").parse().ok()?;
        Some(Self(sign * (whole * ONE + decimals)))
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        Self::read(text).ok_or_else(|| InvalidDecimal { text: text.chars().take(64).collect() })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, decimals) = (self.0.abs() / ONE, self.0.abs() % ONE);
        if decimals == 0 {
            return write!(f, "{sign}{whole}");
        }
        let decimals = format!("{decimals:0DECIMALS$}");
        write!(f, "{sign}{whole}.{}", decimals.trim_end_matches('0'))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_and_writes_what_people_write() {
        for (text, millionths, canonical) in [
            ("0", 0, "0"),
            ("-0", 0, "0"),
            ("12.5", 12_500_000, "12.5"),
            ("-0.000001", -1, "-0.000001"),
            ("007.10", 7_100_000, "7.1"),
            ("999999999999999.999999", 999_999_999_999_999_999_999, "999999999999999.999999"),
        ] {
            let read: Decimal = text.parse().unwrap();
            assert_eq!((read.millionths(), read.to_string().as_str()), (millionths, canonical));
            let json = serde_json::to_string(&read).unwrap();
            assert_eq!(serde_json::from_str::<Decimal>(&json).unwrap(), read);
        }
        assert!(("-1.5".parse::<Decimal>().unwrap().to_f64() + 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", "-", ".5", "5.", "1e3", "1.0000001", "1234567890123456", "+1", "NaN", "١"]
        {
            assert!(text.parse::<Decimal>().is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Decimal>("1.5").is_err(), "a float is not exact");
    }
}
