//! An authority of a test's own, and the certificates it signs.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};

use crate::must;

/// Who signs.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key, in PEM.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// A new one, which nobody trusts yet.
    ///
    /// # Panics
    /// When no certificate can be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = must(CertificateParams::new([]), "describe an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = must(KeyPair::generate(), "make a key");
        Self { issuer: must(CertifiedIssuer::self_signed(params, key), "make an authority") }
    }

    /// Its certificate, in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Writes its certificate to `{name}.pem`.
    ///
    /// # Panics
    /// When the file cannot be written.
    #[must_use]
    pub fn write(&self, directory: &Path, name: &str) -> PathBuf {
        written(directory, &format!("{name}.pem"), &self.pem())
    }

    /// For a server at `localhost` and `127.0.0.1`.
    ///
    /// # Panics
    /// When no certificate can be made.
    #[must_use]
    pub fn server(&self) -> Signed {
        self.sign(&["localhost", "127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// For a server with another name.
    ///
    /// # Panics
    /// When no certificate can be made.
    #[must_use]
    pub fn server_at(&self, name: &str) -> Signed {
        self.sign(&[name], ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// For a client.
    ///
    /// # Panics
    /// When no certificate can be made.
    #[must_use]
    pub fn client(&self) -> Signed {
        self.sign(&["client"], ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, names: &[&str], purpose: ExtendedKeyUsagePurpose) -> Signed {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = must(CertificateParams::new(names), "describe a certificate");
        params.extended_key_usages = vec![purpose];
        let key = must(KeyPair::generate(), "make a key");
        let certificate = must(params.signed_by(&key, &self.issuer), "sign a certificate");
        Signed { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Signed {
    /// Writes `{name}.pem` and `{name}.key`, over what is there.
    ///
    /// # Panics
    /// When they cannot be written.
    #[must_use]
    pub fn write(&self, directory: &Path, name: &str) -> (PathBuf, PathBuf) {
        (
            written(directory, &format!("{name}.pem"), &self.certificate),
            written(directory, &format!("{name}.key"), &self.key),
        )
    }
}

fn written(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    must(fs::write(&path, text), "write a certificate or a key");
    path
}
