//! Secrets that let somebody in: 32 random bytes behind a prefix that says what for. Only their SHA-256 is stored.
//!
//! A slow hash would add nothing: nobody tries 2^256 values.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore as _;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// What a secret is for. One is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Refresh,
    Invitation,
    Reset,
}

/// What is stored of a secret.
pub(crate) type Hash = [u8; 32];

impl Purpose {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "ff_rt_",
            Self::Invitation => "ff_inv_",
            Self::Reset => "ff_rst_",
        }
    }

    /// A new secret, and what to store of it.
    pub(crate) fn generate(self) -> (SecretString, Hash) {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        rand::rng().fill_bytes(&mut *bytes);
        let text = format!("{}{}", self.prefix(), URL_SAFE_NO_PAD.encode(*bytes));
        (text.into(), Sha256::digest(*bytes).into())
    }

    /// What is stored of `secret` if it is one of ours, for this purpose.
    pub(crate) fn hash(self, secret: &SecretString) -> Option<Hash> {
        let encoded = secret.expose_secret().strip_prefix(self.prefix())?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(encoded).ok()?);
        (bytes.len() == 32).then(|| Sha256::digest(&*bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Purpose; 3] = [Purpose::Refresh, Purpose::Invitation, Purpose::Reset];

    #[test]
    fn a_secret_is_known_again_for_its_purpose_alone() {
        for purpose in ALL {
            let (secret, hash) = purpose.generate();
            for other in ALL {
                assert_eq!(other.hash(&secret), (other == purpose).then_some(hash));
            }
            assert_eq!(secret.expose_secret().len(), purpose.prefix().len() + 43);
            assert_ne!(purpose.generate().1, hash);
        }
    }

    #[test]
    fn what_is_none_of_ours_has_no_hash() {
        let (secret, _) = Purpose::Refresh.generate();
        let text = secret.expose_secret();
        for other in ["", "ff_rt_", &text[1..], &text[..text.len() - 1], &format!("{text}A")] {
            assert_eq!(Purpose::Refresh.hash(&other.into()), None, "{other}");
        }
        assert_eq!(Purpose::Refresh.hash(&format!("{text}\0").into()), None);
    }
}
