//! What is taken for a new password.
//!
//! Length is what counts, so nothing is asked for in the way of digits and signs. Refused is what is tried first: the
//! person's own e-mail, and the most common passwords of this length.

use std::collections::HashSet;
use std::sync::LazyLock;

use secrecy::{ExposeSecret as _, SecretString};

/// How many characters a password has at least.
pub const SHORTEST_PASSWORD: usize = 10;
/// How many characters a password has at most.
pub const LONGEST_PASSWORD: usize = 256;

/// Lower case, one on each line.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Why a new password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// It has fewer than [`SHORTEST_PASSWORD`] characters.
    #[error(
        "a password has at least {SHORTEST_PASSWORD} characters: take some words that nobody would guess"
    )]
    TooShort,
    /// It has more than [`LONGEST_PASSWORD`] characters.
    #[error("a password has at most {LONGEST_PASSWORD} characters")]
    TooLong,
    /// It is the e-mail, or what stands before its `@`.
    #[error("the e-mail is no password: take some words that nobody would guess")]
    IsEmail,
    /// It is one of those that are tried first.
    #[error("this password is among the most common ones: take some words that nobody would guess")]
    Common,
    /// It holds a NUL, which no keyboard makes.
    #[error("a password may not hold the character NUL")]
    Nul,
}

/// Whether `password` may be the one of the person with `email`.
pub(crate) fn check(password: &SecretString, email: &str) -> Result<(), BadPassword> {
    let password = password.expose_secret();
    let length = password.chars().count();
    if length < SHORTEST_PASSWORD {
        return Err(BadPassword::TooShort);
    }
    if length > LONGEST_PASSWORD {
        return Err(BadPassword::TooLong);
    }
    if password.contains('\0') {
        return Err(BadPassword::Nul);
    }
    let (password, email) = (password.trim().to_lowercase(), email.trim().to_lowercase());
    let local = email.split('@').next().unwrap_or_default();
    if password == email || password == local {
        return Err(BadPassword::IsEmail);
    }
    if COMMON.contains(password.as_str()) { Err(BadPassword::Common) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_first_is_refused() {
        for (password, why) in [
            ("", BadPassword::TooShort),
            ("nine char", BadPassword::TooShort),
            ("üüüüüüüüü", BadPassword::TooShort),
            (&"x".repeat(257), BadPassword::TooLong),
            ("Ada.Lovelace@Example.com", BadPassword::IsEmail),
            ("ADA.LOVELACE", BadPassword::IsEmail),
            ("Password123", BadPassword::Common),
            (" 1234567890 ", BadPassword::Common),
            ("a long one\0", BadPassword::Nul),
        ] {
            assert_eq!(check(&password.into(), "ada.lovelace@example.com"), Err(why), "{password}");
        }
    }

    #[test]
    fn words_nobody_would_guess_are_taken() {
        for password in
            ["ten chars!", "üüüüüüüüüü", "correct horse battery staple", &"x".repeat(256)]
        {
            assert_eq!(check(&password.into(), "ada.lovelace@example.com"), Ok(()), "{password}");
        }
    }

    #[test]
    fn the_list_has_what_the_other_rules_let_through() {
        assert!(COMMON.len() > 100);
        for entry in COMMON.iter() {
            assert_eq!(*entry, entry.trim().to_lowercase());
            assert!(entry.chars().count() >= SHORTEST_PASSWORD, "{entry}");
        }
    }
}
