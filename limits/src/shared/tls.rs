//! Encryption of the connection to Redis.

use std::path::{Path, PathBuf};

use redis::{ClientTlsConfig, ConnectionAddr, RedisError, TlsCertificates};

/// Whom to believe, and how to be known. The files (PEM) are read for every connection.
#[derive(Debug, Clone, Default)]
pub struct RedisTls {
    /// The authorities of the server's certificate; the system's if absent.
    pub authorities: Option<PathBuf>,
    /// The certificate that is shown to a server that asks for one, and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

impl RedisTls {
    pub(super) async fn read(&self) -> Result<TlsCertificates, RedisError> {
        let client_tls = match &self.certificate {
            None => None,
            Some((certificate, key)) => Some(ClientTlsConfig {
                client_cert: file(certificate).await?,
                client_key: file(key).await?,
            }),
        };
        let root_cert = match &self.authorities {
            None => None,
            Some(path) => Some(file(path).await?),
        };
        Ok(TlsCertificates { client_tls, root_cert })
    }
}

pub(super) fn address(host: &str, port: u16) -> ConnectionAddr {
    ConnectionAddr::TcpTls { host: host.to_owned(), port, insecure: false, tls_params: None }
}

async fn file(path: &Path) -> Result<Vec<u8>, std::io::Error> {
    tokio::fs::read(path).await.map_err(|error| {
        std::io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()))
    })
}
