//! The pieces of SQL: users of an iteration, their values, and sums over them. Pure text, so that the same piece reads
//! raw events and what is kept of them.

pub(super) mod moments;
pub(super) mod quantiles;
pub(super) mod users;
pub(super) mod values;

use std::fmt;

use jiff::Timestamp;

/// Where users and their values are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// From raw events up to this telemetry position.
    Raw(u64),
    /// From what was folded into the per-user tables.
    Kept,
}

/// The user of an event: 128 bits of a hash, because tables of millions of texts are slow and large. Two users of
/// 1e9 share one with a probability of 1e-21.
pub(super) const USER: &str = "reinterpretAsUInt128(sipHash128(user_key))";

/// A text as a literal.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\\', "\\\\").replace('\'', "\\'"))
    }
}

/// Texts as literals, with commas between.
pub(super) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(|text| Text(text).to_string()).collect::<Vec<_>>().join(", ")
}

/// A time as a literal.
pub(super) fn time(time: Timestamp) -> String {
    format!("fromUnixTimestamp64Milli(toInt64({}), 'UTC')", time.as_millisecond())
}

/// A number as a literal that is read to its last bit.
pub(super) fn number(number: f64) -> String {
    format!("reinterpretAsFloat64(toUInt64({}))", number.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_cannot_end_early() {
        assert_eq!(Text(r"it's \ '; --").to_string(), r"'it\'s \\ \'; --'");
        assert_eq!(texts(["a", "b'"]), r"'a', 'b\''");
        assert_eq!(number(1.0), "reinterpretAsFloat64(toUInt64(4607182418800017408))");
    }
}
