//! A credentials file: the token that an account has signed for us, and the key that proves that it is ours.
//!
//! It is read for every connection, as tokens are renewed while a program runs.

use std::fs;
use std::path::Path;

use async_nats::{Auth, AuthError};
use nkeys::{KeyPair, KeyPairType};

use crate::CredentialsError;

/// What is in the file.
pub(crate) struct Credentials {
    token: String,
    key: KeyPair,
}

impl Credentials {
    pub(crate) fn read(path: &Path) -> Result<Self, CredentialsError> {
        let text = fs::read_to_string(path)
            .map_err(|source| CredentialsError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text)
            .map_err(|wanted| CredentialsError::Missing { path: path.to_owned(), wanted })
    }

    /// The error is what is missing.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let token = section(text, "JWT").ok_or("user JWT")?.to_owned();
        let key = section(text, "SEED")
            .and_then(|seed| KeyPair::from_seed(seed).ok())
            .filter(|key| key.key_pair_type() == KeyPairType::User)
            .ok_or("seed of a user's key")?;
        Ok(Self { token, key })
    }

    /// What the server is told, which has sent `nonce` to be signed.
    pub(crate) fn answer(self, nonce: &[u8]) -> Result<Auth, AuthError> {
        let mut auth = Auth::new();
        auth.signature = Some(self.key.sign(nonce).map_err(AuthError::new)?);
        auth.jwt = Some(self.token);
        Ok(auth)
    }
}

/// The line after `-----BEGIN … {name}-----`.
fn section<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| {
        let label = line.trim_matches('-');
        line.starts_with("---") && label.starts_with("BEGIN ") && label.ends_with(name)
    })?;
    lines.next().filter(|line| !line.is_empty() && !line.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(token: &str, seed: &str) -> String {
        format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             ************************* IMPORTANT *************************\n\
             NKEY Seed printed below can be used to sign and prove identity.\n\n\
             -----BEGIN USER NKEY SEED-----\r\n{seed}\r\n------END USER NKEY SEED------\n"
        )
    }

    #[test]
    fn a_file_proves_who_we_are() {
        let user = KeyPair::new_user();
        let text = file("head.body.signature", &user.seed().unwrap());
        let auth = Credentials::parse(&text).unwrap().answer(b"nonce").unwrap();
        assert_eq!(auth.jwt.as_deref(), Some("head.body.signature"));
        user.verify(b"nonce", &auth.signature.unwrap()).unwrap();
    }

    #[test]
    fn what_is_missing_is_named_and_what_is_there_is_not() {
        let seed = KeyPair::new_user().seed().unwrap();
        let account = KeyPair::new_account().seed().unwrap();
        for (text, wanted) in [
            (String::new(), "user JWT"),
            (file("", &seed), "user JWT"),
            (file("head.body.signature", ""), "seed of a user's key"),
            (file("head.body.signature", "SUAnonsense"), "seed of a user's key"),
            (file("head.body.signature", &account), "seed of a user's key"),
        ] {
            assert_eq!(Credentials::parse(&text).err(), Some(wanted), "{text}");
        }
    }
}
