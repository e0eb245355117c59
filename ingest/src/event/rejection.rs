//! What is wrong with an event: where, and what to do about it.

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// An event is not taken.
#[derive(Debug)]
pub(crate) struct Rejection {
    member: &'static str,
    /// Names what is inside of the member.
    inside: Option<String>,
    pub(crate) reason: Reason,
}

/// Why an event is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Reason {
    #[error("an event is a JSON object")]
    NoObject,
    #[error("a sender is a JSON object with an `instance` and its `exposures`")]
    NoSender,
    #[error("this cannot be read as JSON")]
    Malformed(#[source] serde_json::Error),
    #[error("this is not UTF-8")]
    NoText,
    #[error("this may have up to {most} bytes, not {found}")]
    TooLarge { most: usize, found: usize },
    #[error("this member is missing")]
    Missing,
    #[error("this must be {wanted}, not {found}")]
    Kind { wanted: Kind, found: Kind },
    #[error("an event is an `exposure` or a `metric`")]
    UnknownType,
    #[error("this must be a UUID that no other event has")]
    NoId,
    #[error("this must be a time such as 2026-01-31T12:00:00Z")]
    NoTime,
    #[error("this is more than 24 hours in the future: check the clock")]
    InFuture,
    #[error("this is more than 400 days ago, and would not be kept")]
    TooOld,
    #[error("this must have 1 to {most} bytes, not {found}")]
    Length { most: usize, found: usize },
    #[error("a key has letters, digits, `.`, `_` and `-`, and begins with a letter or digit")]
    NoKey,
    #[error("this must not have control characters")]
    Control,
    #[error("this must be a finite number between -1e12 and 1e12")]
    Value,
    #[error("this must be a position: digits, in quotes")]
    NoPosition,
    #[error("there may be up to {most} of these, not {found}")]
    TooMany { most: usize, found: usize },
    #[error("a value nests up to {most} deep")]
    TooDeep { most: usize },
    #[error("this must be a whole number of at least 0")]
    NoCount,
}

/// What a piece of JSON is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Boolean,
    List,
    Object,
    Nothing,
}

impl Reason {
    /// Names this kind of reason for good.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NoObject | Self::Malformed(_) | Self::NoText => "FF-4120",
            Self::TooLarge { .. } => "FF-4121",
            Self::Missing => "FF-4122",
            Self::Kind { .. } => "FF-4123",
            Self::UnknownType => "FF-4124",
            Self::NoId => "FF-4125",
            Self::NoTime => "FF-4126",
            Self::InFuture => "FF-4127",
            Self::TooOld => "FF-4128",
            Self::Length { .. } => "FF-4129",
            Self::NoKey | Self::Control => "FF-4130",
            Self::Value => "FF-4131",
            Self::TooMany { .. } | Self::TooDeep { .. } => "FF-4132",
            Self::NoPosition => "FF-4133",
            Self::NoSender | Self::NoCount => "FF-4134",
        }
    }
}

impl Kind {
    pub(super) fn of(raw: &RawValue) -> Self {
        match raw.get().as_bytes().first() {
            Some(b'"') => Self::Text,
            Some(b'{') => Self::Object,
            Some(b'[') => Self::List,
            Some(b't' | b'f') => Self::Boolean,
            Some(b'-' | b'0'..=b'9') => Self::Number,
            _ => Self::Nothing,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Nothing => "null",
        })
    }
}

impl Rejection {
    /// The event as a whole is wrong.
    pub(crate) fn whole(reason: Reason) -> Self {
        Self::at("", reason)
    }

    /// A member is wrong.
    pub(crate) fn at(member: &'static str, reason: Reason) -> Self {
        Self { member, inside: None, reason }
    }

    /// Something inside of a member is wrong.
    pub(crate) fn inside(member: &'static str, name: &str, reason: Reason) -> Self {
        // Names can be long, and there can be many; the start of one is enough to find it.
        let name: String = name.chars().take(128).collect();
        Self { member, inside: Some(name.replace('~', "~0").replace('/', "~1")), reason }
    }

    /// Where it is: a JSON pointer.
    fn pointer(&self) -> String {
        match (self.member, &self.inside) {
            ("", _) => String::new(),
            (member, None) => format!("/{member}"),
            (member, Some(name)) => format!("/{member}/{name}"),
        }
    }
}

impl Serialize for Rejection {
    /// `pointer`, `code` and `detail`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let detail = match &self.reason {
            Reason::Malformed(error) => format!("{}: {error}", self.reason),
            reason => reason.to_string(),
        };
        let mut document = serializer.serialize_struct("Rejection", 3)?;
        document.serialize_field("pointer", &self.pointer())?;
        document.serialize_field("code", self.reason.code())?;
        document.serialize_field("detail", &detail)?;
        document.end()
    }
}
