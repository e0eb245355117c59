//! From files to a configuration of rustls.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ff_front::{TlsError, pem};
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};

use super::{AUTHORITIES, Backends, CERTIFICATE, KEY};

/// The files as they are.
#[derive(PartialEq, Eq)]
pub(super) struct Files {
    authorities: Option<Vec<u8>>,
    /// A certificate and its key.
    certificate: Option<(Vec<u8>, Vec<u8>)>,
}

impl Files {
    /// They are small, and read at the start or for a new connection: nothing is gained by not waiting for the disk.
    pub(super) fn read(backends: &Backends) -> Result<Self, TlsError> {
        let authorities = backends.authorities.as_deref();
        let authorities = authorities.map(|path| file(AUTHORITIES, path)).transpose()?;
        let certificate = match &backends.certificate {
            Some((certificate, key)) => Some((file(CERTIFICATE, certificate)?, file(KEY, key)?)),
            None => None,
        };
        Ok(Self { authorities, certificate })
    }

    /// Whether they can be used.
    pub(super) fn check(&self, backends: &Backends) -> Result<(), TlsError> {
        let roots = self.authorities(backends)?.unwrap_or_else(RootCertStore::empty);
        self.with_roots(backends, roots).map(|_| ())
    }

    pub(super) fn config(&self, backends: &Backends) -> Result<ClientConfig, TlsError> {
        let roots = self.authorities(backends)?.unwrap_or_else(of_the_system);
        self.with_roots(backends, roots)
    }

    fn with_roots(
        &self,
        backends: &Backends,
        roots: RootCertStore,
    ) -> Result<ClientConfig, TlsError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("ring has cipher suites of both versions")
            .with_root_certificates(roots);
        let (Some((certificate, key)), Some((certificate_path, key_path))) =
            (&self.certificate, &backends.certificate)
        else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = pem::certificates(CERTIFICATE, certificate_path, certificate)?;
        let key = pem::private_key(KEY, key_path, key)?;
        builder.with_client_auth_cert(chain, key).map_err(|source| TlsError::Unusable {
            variable: CERTIFICATE,
            path: certificate_path.clone(),
            key: key_path.clone(),
            source: Box::new(source),
        })
    }

    fn authorities(&self, backends: &Backends) -> Result<Option<RootCertStore>, TlsError> {
        let (Some(bytes), Some(path)) = (&self.authorities, &backends.authorities) else {
            return Ok(None);
        };
        pem::authorities(AUTHORITIES, path, bytes).map(Some)
    }
}

fn of_the_system() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in found.errors {
        tracing::warn!(error = &error as &dyn std::error::Error, "an authority is left out");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}

fn file(variable: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Unreadable {
        variable,
        path: path.to_owned(),
        source,
    })
}
