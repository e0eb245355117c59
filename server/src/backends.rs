//! The servers behind: how they prove who they are, and we to them.
//!
//! What is wrong with a file is said when a command starts. Later each connection reads them again, so that what is
//! renewed on disk is used by the next one.

mod files;
mod https;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ff_front::TlsError;
use ff_limits::RedisTls;
use ff_nats::{ConnectError, Server};
use secrecy::ExposeSecret as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::settings;
use files::Files;

const AUTHORITIES: &str = "FF_BACKENDS_AUTHORITIES";
const CERTIFICATE: &str = "FF_BACKENDS_CERTIFICATE";
const KEY: &str = "FF_BACKENDS_KEY";

/// Whom we believe, and what we show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backends {
    /// The system's if absent.
    authorities: Option<PathBuf>,
    /// A certificate and its key.
    certificate: Option<(PathBuf, PathBuf)>,
}

impl Backends {
    /// From the settings. The files are looked at.
    ///
    /// # Errors
    /// When one of them cannot be used; the variable, the file and the reason are in the error.
    pub fn load(settings: &settings::Backends) -> Result<Self, TlsError> {
        let given = |path: &Path| (!path.as_os_str().is_empty()).then(|| path.to_owned());
        let certificate = match (given(&settings.certificate), given(&settings.key)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => {
                return Err(TlsError::Incomplete { given: CERTIFICATE, missing: KEY });
            }
            (None, Some(_)) => {
                return Err(TlsError::Incomplete { given: KEY, missing: CERTIFICATE });
            }
        };
        let backends = Self { authorities: given(&settings.authorities), certificate };
        Files::read(&backends)?.check(&backends)?;
        Ok(backends)
    }

    /// NATS.
    ///
    /// # Errors
    /// When the address is none, or the credentials file cannot be used.
    pub fn nats(&self, settings: &settings::Nats) -> anyhow::Result<Server> {
        let mut server = Server::new(settings.url.expose_secret());
        if !settings.credentials.as_os_str().is_empty() {
            server = server.with_credentials(&settings.credentials);
        }
        if let Some(authorities) = &self.authorities {
            server = server.with_authorities(authorities);
        }
        if let Some((certificate, key)) = &self.certificate {
            server = server.with_certificate(certificate, key);
        }
        match server.check() {
            Err(ConnectError::Credentials(error)) => Err(error).context("FF_NATS_CREDENTIALS"),
            checked => checked.map(|()| server).context("FF_NATS_URL"),
        }
    }

    /// PostgreSQL. Its client trusts the system's authorities in any case, and ours besides.
    pub fn database(&self, mut options: PgConnectOptions, tls: bool) -> PgConnectOptions {
        if !tls {
            return match options.get_ssl_mode() {
                // Half of it, which nobody asked for and which proves nothing.
                PgSslMode::Prefer | PgSslMode::Allow => options.ssl_mode(PgSslMode::Disable),
                // Somebody did, by PGSSLMODE.
                _ => options,
            };
        }
        options = options.ssl_mode(PgSslMode::VerifyFull);
        if let Some(authorities) = &self.authorities {
            options = options.ssl_root_cert(authorities);
        }
        if let Some((certificate, key)) = &self.certificate {
            options = options.ssl_client_cert(certificate).ssl_client_key(key);
        }
        options
    }

    /// Redis.
    pub fn redis(&self) -> RedisTls {
        let Self { authorities, certificate } = self.clone();
        RedisTls { authorities, certificate }
    }

    /// ClickHouse, encrypted if its address begins with `https`.
    pub fn clickhouse(self, url: &str) -> clickhouse::Client {
        let client = if url.starts_with("https:") {
            let client = https::pool().build(https::Connector::new(self));
            clickhouse::Client::with_http_client(client)
        } else {
            clickhouse::Client::default()
        };
        client.with_url(url)
    }
}
