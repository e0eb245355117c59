//! From what is configured to an address without a login, and the login.
//!
//! The client library would ignore the login, and log the address with it.

use std::net::IpAddr;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use crate::ConnectError;

/// What a URL of NATS says.
#[derive(Debug)]
pub(crate) struct Address {
    /// Scheme, host and port.
    pub(crate) plain: String,
    pub(crate) login: Option<Login>,
    /// The scheme is `tls`.
    pub(crate) encrypted: bool,
    /// The host is an address of this machine that no other can reach.
    pub(crate) loopback: bool,
}

/// How the server knows us.
#[derive(Debug)]
pub(crate) enum Login {
    /// `user:password@`
    Password(String, SecretString),
    /// `token@`
    Token(SecretString),
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, ConnectError> {
        let with_scheme =
            if text.contains("://") { text.to_owned() } else { format!("nats://{text}") };
        let url = Url::parse(&with_scheme)
            .map_err(|source| ConnectError::Address { source: Some(source) })?;
        let wrong = || ConnectError::Address { source: None };
        let encrypted = match url.scheme() {
            "tls" => true,
            "nats" => false,
            _ => return Err(wrong()),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let decoded = |text: &str| {
            percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| wrong())
        };
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (token, None) => Some(Login::Token(decoded(token)?.into())),
            (user, Some(password)) => {
                Some(Login::Password(decoded(user)?, decoded(password)?.into()))
            }
        };
        let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        let (scheme, port) = (url.scheme(), url.port().unwrap_or(4222));
        Ok(Self {
            plain: format!("{scheme}://{host}:{port}"),
            login,
            encrypted,
            loopback: ip.is_some_and(|ip| ip.is_loopback()),
        })
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_login_is_taken_out_of_the_address() {
        let address = Address::parse("tls://flags:p%40ss%2Fword@nats.example.com:4443").unwrap();
        assert_eq!(address.plain, "tls://nats.example.com:4443");
        assert!(address.encrypted && !address.loopback);
        let Some(Login::Password(user, password)) = address.login else { panic!("a password") };
        assert_eq!((user.as_str(), password.expose_secret()), ("flags", "p@ss/word"));

        let address = Address::parse("nats://s3cr3t@[::1]").unwrap();
        assert_eq!(address.plain, "nats://[::1]:4222");
        assert!(!address.encrypted && address.loopback);
        let Some(Login::Token(token)) = address.login else { panic!("a token") };
        assert_eq!(token.expose_secret(), "s3cr3t");
    }

    #[test]
    fn the_usual_scheme_and_port_may_be_left_out() {
        let address = Address::parse("localhost").unwrap();
        assert_eq!(address.plain, "nats://localhost:4222");
        // A name says nothing about where it leads.
        assert!(!address.loopback && address.login.is_none());
        assert!(Address::parse("127.0.0.1:1").unwrap().loopback);
        assert!(!Address::parse("128.0.0.1:1").unwrap().loopback);
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for wrong in [
            "",
            "nats://",
            "wss://user:s3cr3t@host",
            "nats://user:s3cr3t@host:port",
            "nats://user:s3cr3t@",
            "nats://user:%FFs3cr3t@host",
        ] {
            let error = Address::parse(wrong).unwrap_err();
            let text = format!("{error:?} {error}");
            assert!(!text.contains("s3cr3t"), "{text}");
        }
    }
}
