//! The one number that names a moment of the platform.
//!
//! A position is the stream sequence of a commit with the epoch of the log above it. A log restored
//! from an export starts a new epoch, so that it never gives out a position that was used before.
//! In JSON it is a string: 2^53 is not enough for it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const SEQUENCE_BITS: u32 = 48;
const SEQUENCE_MASK: u64 = (1 << SEQUENCE_BITS) - 1;

/// The place of a commit in the total order of the log: `epoch << 48 | sequence`.
///
/// Positions of one log are strictly monotone. `Position::ZERO` comes before every commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Before every commit of every log.
    pub const ZERO: Self = Self(0);

    /// The largest epoch, chosen so that a position also fits in a signed 64-bit column.
    pub const MAX_EPOCH: u16 = i16::MAX.unsigned_abs();

    /// The position of the `sequence`th commit (from 1) of a log in `epoch`.
    #[must_use]
    pub const fn new(epoch: u16, sequence: u64) -> Self {
        debug_assert!(epoch <= Self::MAX_EPOCH && sequence <= SEQUENCE_MASK);
        Self(((epoch as u64) << SEQUENCE_BITS) | (sequence & SEQUENCE_MASK))
    }

    /// The epoch of the log that gave out this position.
    #[must_use]
    pub const fn epoch(self) -> u16 {
        let bytes = self.0.to_be_bytes();
        u16::from_be_bytes([bytes[0], bytes[1]])
    }

    /// The stream sequence in its epoch.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.0 & SEQUENCE_MASK
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number for a signed column of a database.
    #[must_use]
    pub const fn as_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// A position out of a signed column, `None` if it is negative.
    #[must_use]
    pub fn from_i64(value: i64) -> Option<Self> {
        u64::try_from(value).ok().map(Self)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The text is not a position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a position is a decimal number below 2^63 without sign or leading zeros")]
pub struct ParsePositionError;

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let canonical = text == "0"
            || (text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0'));
        let value: i64 = text.parse().ok().filter(|_| canonical).ok_or(ParsePositionError)?;
        Self::from_i64(value).ok_or(ParsePositionError)
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_outweighs_every_sequence() {
        assert!(Position::new(2, 1) > Position::new(1, SEQUENCE_MASK));
        let position = Position::new(Position::MAX_EPOCH, 42);
        assert_eq!((position.epoch(), position.sequence()), (Position::MAX_EPOCH, 42));
        assert_eq!(Position::from_i64(position.as_i64()), Some(position));
        assert_eq!(Position::from_i64(-1), None);
    }

    #[test]
    fn is_a_string_in_json() {
        let position = Position::new(1, 7);
        let json = serde_json::to_string(&position).unwrap();
        assert_eq!(json, "\"281474976710663\"");
        assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), position);
        assert!(serde_json::from_str::<Position>("7").is_err());
    }

    #[test]
    fn parses_only_canonical_text() {
        assert_eq!("0".parse(), Ok(Position::ZERO));
        for bad in ["", "-1", "+1", "01", " 1", "1.0", "9223372036854775808"] {
            assert_eq!(bad.parse::<Position>(), Err(ParsePositionError), "{bad:?}");
        }
    }
}
