//! Passwords: bcrypt over a digest, checked on their own threads.
//!
//! bcrypt reads at most 72 bytes and stops at a NUL, so two long pass phrases could be the same to
//! it. What it gets is therefore the base64 of the password's SHA-256: 44 characters, no NUL, all of
//! the password.
//!
//! A login of an unknown user is checked against [`PasswordHash::decoy`], which costs as much as a
//! real one, so that the answer's time does not tell who has an account.

mod service;

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bcrypt::{BcryptError, HashParts};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

pub use service::PasswordService;

/// How much work a hash is: 2^cost rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(u32);

/// A bcrypt hash in its usual text, `$2b$12$…`; redacted when printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// Something about a password could not be done. Never: it was wrong.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The cost is outside of what is sensible.
    #[error("the bcrypt cost must be between 4 and 16, this is {cost}")]
    CostOutOfRange {
        /// What was asked for.
        cost: u32,
    },
    /// What was stored is no bcrypt hash.
    #[error("the stored password hash cannot be read: set the password anew")]
    UnreadableHash {
        /// What was wrong with it.
        #[source]
        source: BcryptError,
    },
    /// The operating system gave no randomness for the salt.
    #[error("the password could not be hashed: check that the system has a random source")]
    Hashing {
        /// What bcrypt said.
        #[source]
        source: BcryptError,
    },
    /// The process is shutting down.
    #[error("the password was not checked because the process is stopping: try again")]
    Stopping {
        /// What became of the thread.
        #[source]
        source: tokio::task::JoinError,
    },
}

impl Cost {
    /// Quick and weak, for tests.
    pub const MIN: Self = Self(4);
    /// About a quarter of a second on a server's core.
    pub const DEFAULT: Self = Self(12);
    /// Four seconds. More is a way to stop the service, not to protect a password.
    pub const MAX: Self = Self(16);

    /// The cost of 2^`cost` rounds.
    ///
    /// # Errors
    /// [`PasswordError::CostOutOfRange`] below 4 and above 16.
    pub fn new(cost: u32) -> Result<Self, PasswordError> {
        if (Self::MIN.0..=Self::MAX.0).contains(&cost) {
            Ok(Self(cost))
        } else {
            Err(PasswordError::CostOutOfRange { cost })
        }
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Hashes a password with a new salt. Blocks for as long as `cost` says.
///
/// # Errors
/// [`PasswordError::Hashing`] when the system has no randomness.
pub fn hash(password: &SecretString, cost: Cost) -> Result<PasswordHash, PasswordError> {
    bcrypt::hash(&*digest(password), cost.0)
        .map(PasswordHash)
        .map_err(|source| PasswordError::Hashing { source })
}

/// Whether `password` is the one that was hashed. Blocks for as long as the hash's cost says;
/// compares in constant time.
#[must_use]
pub fn verify(password: &SecretString, hash: &PasswordHash) -> bool {
    bcrypt::verify(&*digest(password), &hash.0)
        .expect("a PasswordHash is made by bcrypt or was parsed")
}

fn digest(password: &SecretString) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(Sha256::digest(password.expose_secret())))
}

impl PasswordHash {
    /// A hash that no password has, and that costs as much to check as a real one of `cost`.
    #[must_use]
    pub fn decoy(cost: Cost) -> Self {
        // 22 characters of salt and 31 of digest; `.` is the zero of bcrypt's base64.
        Self(format!("$2b${:02}${:.<53}", cost.0, ""))
    }

    /// The hash as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PasswordHash {
    type Err = PasswordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: HashParts =
            text.parse().map_err(|source| PasswordError::UnreadableHash { source })?;
        Cost::new(parts.get_cost())?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn the_right_password_is_known_and_others_are_not() {
        let hash = hash(&secret("correct horse"), Cost::MIN).unwrap();
        assert!(verify(&secret("correct horse"), &hash));
        for wrong in ["", "correct horse ", "Correct horse", hash.as_str()] {
            assert!(!verify(&secret(wrong), &hash), "{wrong}");
        }
    }

    #[test]
    fn all_of_a_long_password_counts_and_so_does_what_follows_a_nul() {
        let long = "x".repeat(72);
        for (one, other) in
            [(format!("{long}a"), format!("{long}b")), ("a\0b".into(), "a\0c".into())]
        {
            let hash = hash(&secret(&one), Cost::MIN).unwrap();
            assert!(verify(&secret(&one), &hash));
            assert!(!verify(&secret(&other), &hash));
        }
    }

    #[test]
    fn salts_differ_and_the_cost_is_the_one_asked_for() {
        let [one, other] = [(); 2].map(|()| hash(&secret("same"), Cost::MIN).unwrap());
        assert_ne!(one, other);
        assert!(one.as_str().starts_with("$2b$04$"), "{}", one.as_str());
        assert!(PasswordHash::decoy(Cost::DEFAULT).as_str().starts_with("$2b$12$"));
    }

    #[test]
    fn a_decoy_is_a_well_formed_hash_that_nothing_matches() {
        let decoy = PasswordHash::decoy(Cost::MIN);
        assert_eq!(decoy.as_str().parse::<PasswordHash>().unwrap(), decoy);
        for password in ["", "password", "."] {
            assert!(!verify(&secret(password), &decoy));
        }
    }

    #[test]
    fn stored_text_that_would_stop_the_service_is_refused() {
        let hash = hash(&secret("a"), Cost::MIN).unwrap();
        for text in ["", "plain", &hash.as_str()[1..]] {
            assert!(matches!(
                text.parse::<PasswordHash>(),
                Err(PasswordError::UnreadableHash { .. })
            ));
        }
        for (cost, text) in [(31, "$31$"), (17, "$17$"), (3, "$03$")] {
            let error = hash.as_str().replace("$04$", text).parse::<PasswordHash>().unwrap_err();
            assert!(matches!(error, PasswordError::CostOutOfRange { cost: c } if c == cost));
        }
    }

    #[test]
    fn printing_a_hash_does_not_print_it() {
        let hash = hash(&secret("a"), Cost::MIN).unwrap();
        assert!(!format!("{hash:?}").contains(&hash.as_str()[7..]));
    }
}
