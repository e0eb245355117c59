//! Secrets that must be read again, kept so that the database alone does not give them away.
//!
//! XChaCha20-Poly1305 with a random nonce. What a secret belongs to is authenticated with it, so that who can write
//! to the database cannot have the secret of one provider sent to another.
//!
//! There may be a second key that only opens, while one is replaced by the other.

use std::fmt;

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hmac::{Hmac, Mac as _};
use rand::RngCore as _;
use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};
use sha2::Sha256;

/// The first byte of everything sealed, should there ever be another way.
const FORMAT: u8 = 1;
const NONCE: usize = 24;
/// Bytes of a sealing key.
const LEAST: usize = 32;

/// Seals with one key, and opens with that or the one before it.
#[derive(Clone)]
pub(super) struct Sealer {
    current: XChaCha20Poly1305,
    previous: Option<XChaCha20Poly1305>,
}

/// With what something was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sealed {
    /// The key that seals.
    Now,
    /// The one before it.
    Before,
}

/// The key to seal with is too short.
#[derive(Debug, thiserror::Error)]
#[error("the sealing key needs at least {LEAST} bytes, this one has {length}")]
pub struct WeakSealingKey {
    /// How long it is.
    pub length: usize,
}

/// What is stored was sealed with another key, or for something else.
#[derive(Debug, thiserror::Error)]
#[error("a stored secret cannot be opened with this sealing key: enter the client secret again")]
pub struct SealError;

impl Sealer {
    pub(super) fn new(key: &SecretString) -> Result<Self, WeakSealingKey> {
        Ok(Self { current: cipher(key)?, previous: None })
    }

    /// One that also opens what this key has sealed.
    pub(super) fn and_previous(self, key: &SecretString) -> Result<Self, WeakSealingKey> {
        Ok(Self { previous: Some(cipher(key)?), ..self })
    }

    /// Seals `secret` for `owner`.
    pub(super) fn seal(&self, secret: &[u8], owner: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let sealed = self
            .current
            .encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: owner })
            .expect("secrets are far below the cipher's 256 GiB");
        [&[FORMAT], nonce.as_slice(), &sealed].concat()
    }

    /// What was sealed for `owner`.
    pub(super) fn open(&self, stored: &[u8], owner: &[u8]) -> Result<Vec<u8>, SealError> {
        self.open_either(stored, owner).map(|(secret, _)| secret)
    }

    /// The same sealed with the key of now, if it was sealed with the one before it.
    pub(super) fn renew(&self, stored: &[u8], owner: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
        let (secret, sealed) = self.open_either(stored, owner)?;
        let secret = Zeroizing::new(secret);
        Ok((sealed == Sealed::Before).then(|| self.seal(&secret, owner)))
    }

    fn open_either(&self, stored: &[u8], owner: &[u8]) -> Result<(Vec<u8>, Sealed), SealError> {
        let (format, rest) = stored.split_first().ok_or(SealError)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(SealError)?;
        if *format != FORMAT {
            return Err(SealError);
        }
        let with = |cipher: &XChaCha20Poly1305| {
            cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: owner }).ok()
        };
        if let Some(secret) = with(&self.current) {
            return Ok((secret, Sealed::Now));
        }
        let secret = self.previous.as_ref().and_then(with).ok_or(SealError)?;
        Ok((secret, Sealed::Before))
    }

    /// A text that was sealed for `owner`.
    pub(super) fn open_text(&self, stored: &[u8], owner: &[u8]) -> Result<SecretString, SealError> {
        let text = String::from_utf8(self.open(stored, owner)?).map_err(|_| SealError)?;
        Ok(SecretString::from(text))
    }
}

fn cipher(key: &SecretString) -> Result<XChaCha20Poly1305, WeakSealingKey> {
    let key = key.expose_secret().as_bytes();
    if key.len() < LEAST {
        return Err(WeakSealingKey { length: key.len() });
    }
    let mut derive = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any length");
    derive.update(b"ff-identity: secrets of single sign-on");
    let derived = derive.finalize().into_bytes();
    Ok(XChaCha20Poly1305::new_from_slice(&derived).expect("SHA-256 has 32 bytes"))
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(key: &str) -> Sealer {
        Sealer::new(&SecretString::from(key)).unwrap()
    }

    #[test]
    fn only_the_same_key_opens_and_only_for_the_same_owner() {
        let (one, other) = (sealer(&"a".repeat(32)), sealer(&"b".repeat(32)));
        let sealed = one.seal(b"secret", b"owner");
        assert_eq!(one.open(&sealed, b"owner").unwrap(), b"secret");
        assert!(one.open(&sealed, b"another").is_err());
        assert!(other.open(&sealed, b"owner").is_err());
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_ne!(sealed, one.seal(b"secret", b"owner"));
    }

    #[test]
    fn the_previous_key_opens_and_never_seals() {
        let (old, new) = ("a".repeat(32), "b".repeat(32));
        let both = sealer(&new).and_previous(&old.as_str().into()).unwrap();
        let before = sealer(&old).seal(b"secret", b"owner");
        assert_eq!(both.open(&before, b"owner").unwrap(), b"secret");
        assert!(both.open(&before, b"another").is_err());
        let renewed = both.renew(&before, b"owner").unwrap().unwrap();
        assert_eq!(sealer(&new).open(&renewed, b"owner").unwrap(), b"secret");
        assert_eq!(both.renew(&renewed, b"owner").unwrap(), None);
        let now = both.seal(b"secret", b"owner");
        assert!(sealer(&old).open(&now, b"owner").is_err());
        let neither = sealer(&"c".repeat(32)).seal(b"secret", b"owner");
        assert!(both.renew(&neither, b"owner").is_err());
        assert!(sealer(&new).and_previous(&"short".into()).is_err());
    }

    #[test]
    fn what_was_tampered_with_does_not_open() {
        let sealer = sealer(&"a".repeat(32));
        let sealed = sealer.seal(b"secret", b"owner");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(sealer.open(&changed, b"owner").is_err(), "byte {at}");
            assert!(sealer.open(&sealed[..at], b"owner").is_err(), "the first {at} bytes");
        }
    }

    #[test]
    fn a_short_key_is_refused() {
        let refused = Sealer::new(&SecretString::from("a".repeat(31)));
        assert_eq!(refused.unwrap_err().length, 31);
    }
}
