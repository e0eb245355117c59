//! What PEM files must hold: what is missing in one is said with its variable and its path.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::TlsError;

/// All certificates of a file; at least one.
///
/// # Errors
/// [`TlsError::Missing`].
pub fn certificates(
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

/// The private key of a file.
///
/// # Errors
/// [`TlsError::Missing`].
pub fn private_key(
    variable: &'static str,
    path: &Path,
    pem: &[u8],
) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| missing(variable, path, "private key"))
}

/// The certificates of a file as authorities.
///
/// # Errors
/// [`TlsError::Missing`] and [`TlsError::Authority`].
pub fn authorities(
    variable: &'static str,
    path: &Path,
    pem: &[u8],
) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(variable, path, pem)? {
        roots.add(certificate).map_err(|source| TlsError::Authority {
            variable,
            path: path.to_owned(),
            source: Box::new(source),
        })?;
    }
    Ok(roots)
}

fn missing(variable: &'static str, path: &Path, wanted: &'static str) -> TlsError {
    TlsError::Missing { variable, path: path.to_owned(), wanted }
}
