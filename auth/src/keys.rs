//! SDK keys and API tokens: their text, their hash, and telling a mistyped one from a wrong one.
//!
//! A key is `<prefix><43 characters><6 characters>`: the prefix says what it is for (and lets secret
//! scanners find it), the 43 base62 characters are 32 random bytes, the 6 are a CRC-32 over
//! everything before them. The checksum is no security: it lets a service refuse a truncated or
//! mistyped key without asking anybody, and a scanner report no false alarm.
//!
//! Only the SHA-256 of a key is ever stored. A slow hash would add nothing, because 256 random bits
//! cannot be guessed, and [`parse`] runs on every request of the edge: it does not allocate.

mod base62;
mod crc32;
mod hash;

use std::fmt;

use rand::CryptoRng;
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

pub use hash::{BadKeyHash, KeyHash};

const PREFIX: usize = 7;
const BODY: usize = 43;
const CHECKSUM: usize = 6;
const LENGTH: usize = PREFIX + BODY + CHECKSUM;
/// How many characters of the random part may be shown again, to tell keys apart in a list.
const SHOWN: usize = 6;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// `ff_srv_`: an SDK on a server, which may see all the flags of its environment.
    SdkServer,
    /// `ff_cli_`: an SDK in a browser or an app, which sees only flags marked for clients.
    SdkClient,
    /// `ff_pat_`: a program that calls the control plane.
    ApiToken,
}

/// A key that has just been made. The plain text exists here and with whoever it is given to.
#[derive(Debug)]
pub struct NewKey {
    /// To be shown once.
    pub plain: PlainKey,
    /// To be stored.
    pub hash: KeyHash,
    /// To be shown in lists.
    pub prefix: KeyPrefix,
}

/// The text of a key; redacted when printed, wiped when dropped.
#[derive(Debug, Clone)]
pub struct PlainKey(SecretString);

/// The start of a key, such as `ff_srv_3xK9aB`; not secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyPrefix(String);

/// What a well-formed key says: which kind it is, and the hash to look it up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedKey {
    /// What the key is for.
    pub kind: KeyKind,
    /// What is stored about it.
    pub hash: KeyHash,
}

/// The text is no key of this platform. None of these says anything about which keys exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It starts with none of the prefixes.
    #[error("a key starts with ff_srv_, ff_cli_ or ff_pat_: check that this is a key")]
    BadPrefix,
    /// It is not 56 characters long.
    #[error("a key is {LENGTH} characters long: copy it again, it was cut or extended")]
    BadLength,
    /// A character is wrong.
    #[error("the key's checksum does not match: copy it again, a character is wrong")]
    BadChecksum,
}

/// Makes a key of `kind` from 32 bytes of `rng`.
pub fn generate<R: CryptoRng + ?Sized>(kind: KeyKind, rng: &mut R) -> NewKey {
    let mut random = [0_u8; 32];
    rng.fill_bytes(&mut random);
    let key = from_secret(kind, &random);
    random.zeroize();
    key
}

/// Makes the key of `kind` that stands for these 32 secret bytes: the same each time. For keys that must come out
/// again when the request for them is repeated.
pub fn from_secret(kind: KeyKind, secret: &[u8; 32]) -> NewKey {
    let mut text = [0_u8; LENGTH];
    text[..PREFIX].copy_from_slice(kind.prefix().as_bytes());
    base62::encode_256(secret, (&mut text[PREFIX..PREFIX + BODY]).try_into().expect("43 bytes"));
    let checksum = checksum(&text[..PREFIX + BODY]);
    text[PREFIX + BODY..].copy_from_slice(&checksum);

    let hash = KeyHash::of(&text);
    let plain = std::str::from_utf8(&text).expect("prefix and base62 are ASCII");
    let key = NewKey {
        prefix: KeyPrefix(plain[..PREFIX + SHOWN].to_owned()),
        plain: PlainKey(SecretString::from(plain)),
        hash,
    };
    text.zeroize();
    key
}

/// Reads a key as it came with a request.
///
/// # Errors
/// [`KeyError`] when it cannot be a key, whichever keys exist.
pub fn parse(text: &str) -> Result<ParsedKey, KeyError> {
    let bytes = text.as_bytes();
    let kind = KeyKind::of(bytes).ok_or(KeyError::BadPrefix)?;
    if bytes.len() != LENGTH {
        return Err(KeyError::BadLength);
    }
    let (signed, given) = bytes.split_at(PREFIX + BODY);
    if !signed[PREFIX..].iter().all(u8::is_ascii_alphanumeric) || checksum(signed) != given {
        return Err(KeyError::BadChecksum);
    }
    Ok(ParsedKey { kind, hash: KeyHash::of(bytes) })
}

fn checksum(signed: &[u8]) -> [u8; CHECKSUM] {
    base62::encode_32(crc32::of(signed))
}

impl KeyKind {
    /// Every kind there is.
    pub const ALL: [Self; 3] = [Self::SdkServer, Self::SdkClient, Self::ApiToken];

    /// What a key of this kind starts with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::SdkServer => "ff_srv_",
            Self::SdkClient => "ff_cli_",
            Self::ApiToken => "ff_pat_",
        }
    }

    fn of(text: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| text.starts_with(kind.prefix().as_bytes()))
    }
}

impl PlainKey {
    /// The key itself, to be handed to its owner and forgotten.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl KeyPrefix {
    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
