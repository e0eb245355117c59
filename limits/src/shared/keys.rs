//! Under which key a bucket lies: nothing in it says whose it is.
//!
//! The quota is part of it, so that one that was changed begins with full buckets and is not measured by what was taken
//! from another.

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::quota::Limit;
use crate::subject::Subject;

/// What all keys begin with.
pub(crate) const PREFIX: &str = "ff:limit:";
/// Bytes of a hash: enough that no two subjects ever share a bucket.
const LENGTH: usize = 16;

pub(crate) struct Keys(Hmac<Sha256>);

impl Keys {
    pub(crate) fn new(secret: Option<&SecretString>) -> Self {
        let secret = secret.map_or("", |secret| secret.expose_secret());
        Self(Hmac::new_from_slice(secret.as_bytes()).expect("a key of HMAC may have any length"))
    }

    pub(crate) fn of(&self, limit: &Limit, subject: Subject) -> String {
        let mut hmac = self.0.clone();
        subject.feed(|part| hmac.update(part));
        let hash = hex::encode(&hmac.finalize().into_bytes()[..LENGTH]);
        let window = limit.quota().window().as_millis();
        format!("{PREFIX}{}:{}/{window}:{hash}", limit.name(), limit.quota().requests)
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::quota::Quota;

    #[test]
    fn a_key_names_the_limit_and_hides_the_subject() {
        let limit = Limit::new("address", Quota::new(10, Duration::from_secs(60)));
        let subject = Subject::Address([203, 0, 113, 7].into());
        let key = Keys::new(None).of(&limit, subject);
        let hash = key.strip_prefix("ff:limit:address:10/60000:").unwrap();
        assert_eq!(hash.len(), 32);
        assert!(!key.contains("203") && !key.contains(&hex::encode([203, 0, 113, 7])), "{key}");

        let secret = Keys::new(Some(&"a secret".into()));
        assert_ne!(secret.of(&limit, subject), key);
        let (user, organization) = (Subject::User(Uuid::nil()), Subject::Organization(Uuid::nil()));
        assert_ne!(secret.of(&limit, user), secret.of(&limit, organization));
    }
}
