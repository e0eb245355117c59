//! From files to a configuration of rustls.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};

use super::pem;
use crate::{Protocols, Tls, TlsError};

pub(super) const CERTIFICATE: &str = "FF_TLS_CERTIFICATE";
pub(super) const KEY: &str = "FF_TLS_KEY";
pub(super) const AUTHORITIES: &str = "FF_TLS_CLIENT_AUTHORITIES";
pub(super) const REQUIRED: &str = "FF_TLS_CLIENT_REQUIRED";

/// The files as they are. Their bytes are compared, because what renews certificates often leaves times alone.
#[derive(PartialEq, Eq)]
pub(super) struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authorities: Option<Vec<u8>>,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}

impl Files {
    pub(super) async fn read(tls: &Tls) -> Result<Self, TlsError> {
        let authorities = match &tls.client_authorities {
            Some(path) => Some(file(AUTHORITIES, path).await?),
            None => None,
        };
        Ok(Self {
            certificate: file(CERTIFICATE, &tls.certificate).await?,
            key: file(KEY, &tls.key).await?,
            authorities,
        })
    }

    pub(super) fn config(&self, tls: &Tls, protocols: Protocols) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let clients = match self.authorities(tls)? {
            None => Arc::new(NoClientAuth),
            Some(roots) => {
                let builder =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
                let builder =
                    if tls.client_required { builder } else { builder.allow_unauthenticated() };
                builder.build().expect("there are authorities, and no revocation lists")
            }
        };
        let chain = pem::certificates(CERTIFICATE, &tls.certificate, &self.certificate)?;
        let key = pem::private_key(KEY, &tls.key, &self.key)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("ring has cipher suites of both versions")
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .map_err(|source| TlsError::Unusable {
                variable: CERTIFICATE,
                path: tls.certificate.clone(),
                key: tls.key.clone(),
                source: Box::new(source),
            })?;
        config.alpn_protocols = protocols.names().iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }

    fn authorities(&self, tls: &Tls) -> Result<Option<RootCertStore>, TlsError> {
        let (Some(bytes), Some(path)) = (&self.authorities, &tls.client_authorities) else {
            return if tls.client_required {
                Err(TlsError::Incomplete { given: REQUIRED, missing: AUTHORITIES })
            } else {
                Ok(None)
            };
        };
        pem::authorities(AUTHORITIES, path, bytes).map(Some)
    }
}

async fn file(variable: &'static str, path: &PathBuf) -> Result<Vec<u8>, TlsError> {
    tokio::fs::read(path).await.map_err(|source| TlsError::Unreadable {
        variable,
        path: path.clone(),
        source,
    })
}
