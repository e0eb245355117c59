//! What an error of Postgres means for those who got it, and texts that Postgres can hold.

use std::borrow::Cow;

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server or the way to it is gone or overloaded: try again later.
    Unavailable,
    /// These values can never be written: trying again leads to the same error.
    Values,
    /// The table, or a column of it, is not there: after a rebuild find out where it is now, before one wait for it.
    MissingTable,
    /// Anything else.
    Other,
}

impl Failure {
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable,
            sqlx::Error::Encode(_) => Self::Values,
            sqlx::Error::Database(error) => Self::of_code(&error.code().unwrap_or_default()),
            _ => Self::Other,
        }
    }

    /// By SQLSTATE: the first two characters are the class.
    fn of_code(code: &str) -> Self {
        match (code, code.get(..2).unwrap_or_default()) {
            ("42P01" | "3F000" | "42703", _) => Self::MissingTable,
            // Connection, resources, operator intervention, serialization, system.
            (_, "08" | "53" | "57" | "40" | "58") => Self::Unavailable,
            // Data, integrity constraint, program limit.
            (_, "22" | "23" | "54") => Self::Values,
            _ => Self::Other,
        }
    }
}

/// Stands between the items of a list that travels as one text.
pub(crate) const SEPARATOR: char = '\u{1f}';

/// A text as a column can hold it: Postgres knows no NUL. The document keeps the original.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A list as one text, because an array of arrays does not pass through `UNNEST`.
pub(crate) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    for item in items {
        if !joined.is_empty() {
            joined.push(SEPARATOR);
        }
        joined.extend(text(item).chars().map(|c| if c == SEPARATOR { ' ' } else { c }));
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_to_do() {
        for (code, failure) in [
            ("08006", Failure::Unavailable),
            ("57P01", Failure::Unavailable),
            ("22P05", Failure::Values),
            ("23505", Failure::Values),
            ("42P01", Failure::MissingTable),
            ("42703", Failure::MissingTable),
            ("42601", Failure::Other),
            ("", Failure::Other),
        ] {
            assert_eq!(Failure::of_code(code), failure, "{code}");
        }
    }

    #[test]
    fn texts_are_made_to_fit() {
        assert_eq!(text("a\0b"), "a\u{fffd}b");
        assert_eq!(list(["a", "b\u{1f}c"]), "a\u{1f}b c");
        assert_eq!(list([]), "");
    }
}
