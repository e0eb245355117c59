//! Private attributes: what is stored of them is a hash that says only whether two values are the same.
//!
//! The key is the organization's own, derived from the secret, so that two organizations cannot compare what they
//! have. A plain hash would not do: e-mail addresses can be guessed.

use std::fmt;

use hmac::{Hmac, Mac as _};
use secrecy::ExposeSecret as _;
use sha2::Sha256;
use uuid::Uuid;

use crate::HashSecret;

/// Hashes the private attributes of one organization.
pub(crate) struct Hasher {
    epoch: u32,
    keyed: Hmac<Sha256>,
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Hasher {
    pub(crate) fn new(secret: &HashSecret, organization: Uuid) -> Self {
        let mut derivation = keyed(secret.secret.expose_secret().as_bytes());
        derivation.update(b"ff private attributes\n");
        derivation.update(organization.as_bytes());
        let key = derivation.finalize().into_bytes();
        Self { epoch: secret.epoch, keyed: keyed(&key) }
    }

    /// `hmac:<epoch>:<hex>`. The name goes in, so that the same text in two attributes has two hashes.
    pub(crate) fn hash(&self, name: &str, value: &str) -> String {
        let mut mac = self.keyed.clone();
        // No name holds a zero byte, so that no two pairs run together into the same input.
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(value.as_bytes());
        format!("hmac:{}:{}", self.epoch, hex::encode(mac.finalize().into_bytes()))
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(epoch: u32, secret: &str, organization: u128) -> Hasher {
        let secret = HashSecret { epoch, secret: secret.into() };
        Hasher::new(&secret, Uuid::from_u128(organization))
    }

    #[test]
    fn a_hash_depends_on_everything_and_shows_nothing() {
        let hash = hasher(1, "s", 1).hash("email", "a@b.c");
        assert_eq!(hash, hasher(1, "s", 1).hash("email", "a@b.c"));
        assert_eq!(hash.len(), "hmac:1:".len() + 64);
        assert!(hash.starts_with("hmac:1:") && !hash.contains("a@b"));
        for other in [
            hasher(1, "s", 1).hash("email", "a@b.d"),
            hasher(1, "s", 1).hash("mail", "a@b.c"),
            hasher(1, "s", 2).hash("email", "a@b.c"),
            hasher(1, "t", 1).hash("email", "a@b.c"),
            hasher(2, "s", 1).hash("email", "a@b.c"),
        ] {
            assert_ne!(hash, other);
        }
    }
}
