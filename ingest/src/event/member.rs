//! A member of an event: its name, the JSON it is, and the ways to read it.

use std::borrow::Cow;

use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::rejection::{Kind, Reason, Rejection};

/// The longest key of a flag, variation or experiment.
const KEY: usize = 128;
/// The longest text of a time.
const TIME: usize = 64;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    name: &'static str,
    raw: &'a RawValue,
}

impl<'a> Member<'a> {
    pub(crate) fn new(name: &'static str, raw: &'a RawValue) -> Self {
        Self { name, raw }
    }

    pub(crate) fn required(
        name: &'static str,
        raw: Option<&'a RawValue>,
    ) -> Result<Self, Rejection> {
        raw.map(|raw| Self::new(name, raw)).ok_or(Rejection::at(name, Reason::Missing))
    }

    /// It is wrong, for this reason.
    pub(crate) fn wrong(&self, reason: Reason) -> Rejection {
        Rejection::at(self.name, reason)
    }

    pub(crate) fn text(self) -> Result<Cow<'a, str>, Rejection> {
        text(self.raw).map_err(|reason| self.wrong(reason))
    }

    /// A text of at least one and at most this many bytes.
    pub(crate) fn sized(self, most: usize) -> Result<Cow<'a, str>, Rejection> {
        let text = self.text()?;
        match text.len() {
            length if (1..=most).contains(&length) => Ok(text),
            found => Err(self.wrong(Reason::Length { most, found })),
        }
    }

    /// The same, without control characters.
    pub(crate) fn printable(self, most: usize) -> Result<Cow<'a, str>, Rejection> {
        let text = self.sized(most)?;
        if text.chars().any(char::is_control) {
            return Err(self.wrong(Reason::Control));
        }
        Ok(text)
    }

    /// The key of a flag, variation or experiment.
    pub(crate) fn key(self) -> Result<Cow<'a, str>, Rejection> {
        let text = self.sized(KEY)?;
        if name(&text) { Ok(text) } else { Err(self.wrong(Reason::NoKey)) }
    }

    /// An id, which must not be all zeros: a sender that forgets to make ids would lose all events but one.
    pub(crate) fn uuid(self) -> Result<Uuid, Rejection> {
        let id = Uuid::try_parse(&self.text()?).unwrap_or(Uuid::nil());
        if id.is_nil() { Err(self.wrong(Reason::NoId)) } else { Ok(id) }
    }

    pub(crate) fn time(self) -> Result<Timestamp, Rejection> {
        self.sized(TIME)?.parse().map_err(|_| self.wrong(Reason::NoTime))
    }

    /// A finite number of at most this size.
    pub(crate) fn number(self, largest: f64) -> Result<f64, Rejection> {
        let found = Kind::of(self.raw);
        if found != Kind::Number {
            return Err(self.wrong(Reason::Kind { wanted: Kind::Number, found }));
        }
        // What is too large for a float becomes infinite, which is too large here, too.
        let number: f64 = self.raw.get().parse().unwrap_or(f64::NAN);
        if number.abs() <= largest { Ok(number) } else { Err(self.wrong(Reason::Value)) }
    }

    /// A position: digits, in quotes or not.
    pub(crate) fn position(self) -> Result<u64, Rejection> {
        let digits = match Kind::of(self.raw) {
            Kind::Number => Cow::Borrowed(self.raw.get()),
            _ => self.text()?,
        };
        digits.parse().map_err(|_| self.wrong(Reason::NoPosition))
    }
}

/// Reads a text, without copying it unless something in it is escaped.
pub(super) fn text(raw: &RawValue) -> Result<Cow<'_, str>, Reason> {
    let found = Kind::of(raw);
    if found != Kind::Text {
        return Err(Reason::Kind { wanted: Kind::Text, found });
    }
    let quoted = raw.get();
    let plain = &quoted[1..quoted.len() - 1];
    if !plain.as_bytes().contains(&b'\\') {
        return Ok(Cow::Borrowed(plain));
    }
    serde_json::from_str(quoted).map(Cow::Owned).map_err(Reason::Malformed)
}

/// Whether this can be the key of anything.
pub(crate) fn name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= KEY
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}
