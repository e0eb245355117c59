//! From files to a configuration of rustls.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ff_front::TlsError;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
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
        let chain = certificates(CERTIFICATE, certificate_path, certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| missing(KEY, key_path, "private key"))?;
        builder.with_client_auth_cert(chain, key).map_err(|source| TlsError::Unusable {
            variable: CERTIFICATE,
            path: certificate_path.clone(),
            key: key_path.clone(),
            source: Box::new(source),
        })
    }

    fn authorities(&self, backends: &Backends) -> Result<Option<RootCertStore>, TlsError> {
        let (Some(pem), Some(path)) = (&self.authorities, &backends.authorities) else {
            return Ok(None);
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(AUTHORITIES, path, pem)? {
            roots.add(certificate).map_err(|source| TlsError::Authority {
                variable: AUTHORITIES,
                path: path.clone(),
                source: Box::new(source),
            })?;
        }
        Ok(Some(roots))
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

/// All certificates of a file; at least one.
fn certificates(
    variable: &'static str,
    path: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|all| !all.is_empty())
        .ok_or_else(|| missing(variable, path, "certificate"))
}

fn missing(variable: &'static str, path: &Path, wanted: &'static str) -> TlsError {
    TlsError::Missing { variable, path: PathBuf::from(path), wanted }
}
