//! Why TLS cannot be had. Each says which file it is about, and which variable names it.

use std::path::PathBuf;

/// TLS cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Something is set that is nothing without something else.
    #[error("{given} is set and {missing} is not: set both, or neither")]
    Incomplete {
        /// The variable that is set.
        given: &'static str,
        /// The one that is missing.
        missing: &'static str,
    },
    /// A file cannot be read.
    #[error("{variable}: cannot read {}", .path.display())]
    Unreadable {
        /// The variable that names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file is no PEM, or has not what is looked for.
    #[error("{variable}: {} has no {wanted} in PEM", .path.display())]
    Missing {
        /// The variable that names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should have.
        wanted: &'static str,
    },
    /// Certificate and key are none that can be used together.
    #[error("{variable}: {} cannot be used as the certificate of the key {}", .path.display(), .key.display())]
    Unusable {
        /// The variable that names the certificate.
        variable: &'static str,
        /// The certificate.
        path: PathBuf,
        /// The key.
        key: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<rustls::Error>,
    },
    /// A certificate is none of an authority.
    #[error("{variable}: a certificate in {} cannot be used as that of an authority", .path.display())]
    Authority {
        /// The variable that names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<rustls::Error>,
    },
}

impl TlsError {
    /// Names this kind of error for good.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "FF-4040"
    }

    pub(crate) fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }
}
