//! The token that tells our own pages from others: it follows from the session and a secret of ours.

use std::fmt;

use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use uuid::Uuid;

/// Makes CSRF tokens, and knows them again.
#[derive(Clone)]
pub struct CsrfKey(SecretString);

impl CsrfKey {
    /// Tokens that follow from this secret, which may be used for other things too.
    #[must_use]
    pub fn new(secret: SecretString) -> Self {
        Self(secret)
    }

    /// The token of a session: 64 hexadecimal characters.
    pub(crate) fn token(&self, session: Uuid) -> String {
        hex::encode(self.mac(session).finalize().into_bytes())
    }

    /// Whether it is the session's. How long it takes does not depend on how much of it is right.
    pub(crate) fn is_of(&self, session: Uuid, shown: &[u8]) -> bool {
        let mut bytes = [0; 32];
        hex::decode_to_slice(shown, &mut bytes).is_ok()
            && self.mac(session).verify_slice(&bytes).is_ok()
    }

    fn mac(&self, session: Uuid) -> Hmac<Sha256> {
        Hmac::new_from_slice(self.0.expose_secret().as_bytes())
            .expect("a key of any length will do")
            .chain_update(b"ff csrf\0")
            .chain_update(session.as_bytes())
    }
}

impl fmt::Debug for CsrfKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_one_session_and_one_secret() {
        let key = CsrfKey::new("a".repeat(32).into());
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let token = key.token(one);
        assert!(key.is_of(one, token.as_bytes()));
        assert!(!key.is_of(other, token.as_bytes()));
        assert!(!CsrfKey::new("b".repeat(32).into()).is_of(one, token.as_bytes()));
        for bad in
            [&b""[..], b"00", &token.as_bytes()[1..], token.replace(&token[..1], "g").as_bytes()]
        {
            assert!(!key.is_of(one, bad));
        }
    }
}
