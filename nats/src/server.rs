//! A NATS server, and how it is connected to.

use std::fmt;
use std::future::ready;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_nats::{AuthError, Client, ConnectOptions};
use secrecy::{ExposeSecret as _, SecretString};

use crate::address::{Address, Login};
use crate::complaint::Complaints;
use crate::credentials::Credentials;
use crate::{ConnectError, CredentialsError};

/// How long one attempt may take, TLS and login included.
const CONNECTING: Duration = Duration::from_secs(2);

/// How often a silent connection is asked whether it lives. Two unanswered questions are its end.
const PING: Duration = Duration::from_secs(5);

/// A NATS server, how it is proved to be the right one, and how we are let in.
#[derive(Clone)]
pub struct Server {
    url: SecretString,
    credentials: Option<PathBuf>,
    authorities: Option<PathBuf>,
    certificate: Option<(PathBuf, PathBuf)>,
}

impl Server {
    /// The server at `nats://host:4222`, or at `tls://host:4222`, which must be encrypted. `user:password@` or `token@`
    /// may stand before the host, percent-encoded.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into().into(), credentials: None, authorities: None, certificate: None }
    }

    /// Logs in with this credentials file, in place of what the URL says.
    #[must_use]
    pub fn with_credentials(mut self, file: impl Into<PathBuf>) -> Self {
        self.credentials = Some(file.into());
        self
    }

    /// Accepts a server only with a certificate that comes from these authorities (PEM file), in place of the
    /// system's. The connection must then be encrypted, whatever the scheme; only a server on the loopback address, as
    /// `ff up` starts one, need not.
    #[must_use]
    pub fn with_authorities(mut self, file: impl Into<PathBuf>) -> Self {
        self.authorities = Some(file.into());
        self
    }

    /// Shows this certificate, with its key (PEM files), to a server that asks for one.
    #[must_use]
    pub fn with_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.certificate = Some((certificate.into(), key.into()));
        self
    }

    /// Whether the address is one, and the credentials file can be used.
    ///
    /// # Errors
    /// [`ConnectError::Address`] and [`ConnectError::Credentials`].
    pub fn check(&self) -> Result<(), ConnectError> {
        self.address()?;
        if let Some(path) = &self.credentials {
            Credentials::read(path)?;
        }
        Ok(())
    }

    /// Connects, with the usual times but for what `deviate` changes. `name` is what the server calls the connection.
    ///
    /// # Errors
    /// [`ConnectError`]; unless `deviate` has it tried for ever, also when the server cannot be reached.
    pub async fn connect(
        &self,
        name: &'static str,
        deviate: impl FnOnce(ConnectOptions) -> ConnectOptions,
    ) -> Result<Client, ConnectError> {
        self.check()?;
        let address = self.address()?;
        let options = deviate(self.options(name, &address));
        let connecting = options.connect(address.plain.as_str()).await;
        connecting.map_err(|source| ConnectError::Refused { address: address.plain, source })
    }

    fn address(&self) -> Result<Address, ConnectError> {
        Address::parse(self.url.expose_secret())
    }

    fn options(&self, name: &'static str, address: &Address) -> ConnectOptions {
        let mut options = match (&self.credentials, &address.login) {
            (Some(path), _) => {
                let path = Arc::new(path.clone());
                ConnectOptions::with_auth_callback(move |nonce| ready(answer(&path, &nonce)))
            }
            (None, Some(Login::Password(user, password))) => {
                ConnectOptions::with_user_and_password(
                    user.clone(),
                    password.expose_secret().to_owned(),
                )
            }
            (None, Some(Login::Token(token))) => {
                ConnectOptions::with_token(token.expose_secret().to_owned())
            }
            (None, None) => ConnectOptions::new(),
        };
        // Also for servers of a cluster that this one tells of, which have no scheme.
        let encrypted = address.encrypted || (self.authorities.is_some() && !address.loopback);
        options = options.require_tls(encrypted);
        if let Some(authorities) = &self.authorities {
            options = options.add_root_certificates(authorities.clone());
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        let complaints = Complaints::new(name);
        options
            .name(name)
            .connection_timeout(CONNECTING)
            .ping_interval(PING)
            .reconnect_delay_callback(reconnect_delay)
            .reconnect_to_server_callback(move |servers, _| {
                complaints.look(&servers);
                // Whichever the client would have taken.
                ready(None)
            })
    }
}

fn answer(path: &Path, nonce: &[u8]) -> Result<async_nats::Auth, AuthError> {
    let in_one_line = |error: CredentialsError| {
        let reason = std::error::Error::source(&error).map(|source| format!(": {source}"));
        AuthError::new(format!("{error}{}", reason.unwrap_or_default()))
    };
    Credentials::read(path).map_err(in_one_line)?.answer(nonce)
}

/// Quick at first, then about twice a second: a restarted server is found again at once, and a thousand clients of a dead
/// one do not come in step.
fn reconnect_delay(attempts: usize) -> Duration {
    let ceiling = 10 * u64::try_from(attempts.min(50)).unwrap_or(50);
    Duration::from_millis(rand::random_range(ceiling / 2..=ceiling))
}

/// The address, without a login.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.address().as_ref().map_or("an address that is none", |found| &found.plain))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self})")
    }
}

impl From<&str> for Server {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Server {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<&String> for Server {
    fn from(url: &String) -> Self {
        Self::new(url)
    }
}

impl From<&Self> for Server {
    fn from(server: &Self) -> Self {
        server.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_never_shown() {
        for url in ["tls://user:s3cr3t@host:4222", "s3cr3t@host", "wss://user:s3cr3t@host"] {
            let server = Server::new(url);
            let shown = format!("{server} {server:?}");
            assert!(!shown.contains("s3cr3t"), "{shown}");
        }
        assert_eq!(Server::new("tls://user:s3cr3t@host:4222").to_string(), "tls://host:4222");
    }

    #[test]
    fn attempts_slow_down_and_never_stop() {
        assert!(reconnect_delay(0) <= Duration::from_millis(1));
        assert!(reconnect_delay(1) <= Duration::from_millis(10));
        let later = reconnect_delay(usize::MAX);
        assert!((250..=500).contains(&later.as_millis()), "{later:?}");
    }
}
