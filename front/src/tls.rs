//! TLS from files: what they must hold, and how they are read again when they change.
//!
//! TLS 1.2 and 1.3 with the cipher suites of ring; nothing of it is configurable, because there is nothing to gain.

mod error;
mod load;
pub(crate) mod pem;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;

pub use error::TlsError;
use load::Files;

use crate::Protocols;

/// How often the files are looked at. Whoever renews certificates does it days before they expire.
const LOOK: Duration = Duration::from_secs(60);

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate and those between it and its authority, in PEM.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// Authorities whose clients are known by their certificates, in PEM; nobody is asked for one if absent.
    pub client_authorities: Option<PathBuf>,
    /// Whether a client without a certificate is turned away, also one that only asks for the health.
    pub client_required: bool,
}

/// What certificates a listener shows; cheap to clone.
#[derive(Debug, Clone)]
pub struct Certificates {
    kept: Arc<Kept>,
}

#[derive(Debug)]
struct Kept {
    tls: Tls,
    protocols: Protocols,
    current: ArcSwap<ServerConfig>,
    /// What was read last, whether it could be used or not.
    seen: Mutex<Files>,
}

/// What reading the files again has led to.
#[derive(Debug)]
pub enum Reloaded {
    /// They are as they were.
    Unchanged,
    /// New connections see the new ones; those that are open go on.
    Changed,
    /// They cannot be used, and what they were before goes on being used.
    Kept(TlsError),
}

impl Tls {
    /// A certificate and its key; clients are not asked for theirs.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
            client_authorities: None,
            client_required: false,
        }
    }

    /// From settings, where an empty path means none: TLS is off without a certificate and a key.
    ///
    /// # Errors
    /// [`TlsError::Incomplete`] if one of both is missing, or both and authorities are given.
    pub fn from_paths(
        certificate: &Path,
        key: &Path,
        client_authorities: &Path,
        client_required: bool,
    ) -> Result<Option<Self>, TlsError> {
        let given = |path: &Path| (!path.as_os_str().is_empty()).then(|| path.to_owned());
        let client_authorities = given(client_authorities);
        let missing = |given, missing| Err(TlsError::Incomplete { given, missing });
        match (given(certificate), given(key)) {
            (Some(_), None) => missing(load::CERTIFICATE, load::KEY),
            (None, Some(_)) => missing(load::KEY, load::CERTIFICATE),
            (None, None) if client_authorities.is_some() => {
                missing(load::AUTHORITIES, load::CERTIFICATE)
            }
            (None, None) if client_required => missing(load::REQUIRED, load::CERTIFICATE),
            (None, None) => Ok(None),
            (Some(_), Some(_)) if client_required && client_authorities.is_none() => {
                missing(load::REQUIRED, load::AUTHORITIES)
            }
            (Some(certificate), Some(key)) => {
                Ok(Some(Self { certificate, key, client_authorities, client_required }))
            }
        }
    }
}

impl Certificates {
    /// Reads the files.
    pub(crate) async fn load(tls: &Tls, protocols: Protocols) -> Result<Self, TlsError> {
        let files = Files::read(tls).await?;
        let config = files.config(tls, protocols)?;
        let kept = Kept {
            tls: tls.clone(),
            protocols,
            current: ArcSwap::from_pointee(config),
            seen: Mutex::new(files),
        };
        Ok(Self { kept: Arc::new(kept) })
    }

    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.kept.current.load_full()
    }

    /// Reads the files again. That is done once a minute anyway.
    pub async fn read_again(&self) -> Reloaded {
        let Kept { tls, protocols, current, seen } = &*self.kept;
        let files = match Files::read(tls).await {
            Ok(files) => files,
            Err(error) => return Reloaded::Kept(error),
        };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == files {
            return Reloaded::Unchanged;
        }
        let config = files.config(tls, *protocols);
        // Also what cannot be used is remembered, so that it is complained about once.
        *seen = files;
        match config {
            Ok(config) => {
                current.store(Arc::new(config));
                Reloaded::Changed
            }
            Err(error) => Reloaded::Kept(error),
        }
    }

    /// Looks at the files for as long as it runs.
    pub(crate) async fn watch(self) {
        let mut gone = false;
        loop {
            tokio::time::sleep(LOOK).await;
            match self.read_again().await {
                Reloaded::Unchanged => gone = false,
                Reloaded::Changed => {
                    gone = false;
                    tracing::info!("the certificate files have changed and are used");
                }
                Reloaded::Kept(error) => {
                    // A file that is away is away the next minute, too.
                    let again = std::mem::replace(&mut gone, error.is_unreadable());
                    if !(again && gone) {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            code = error.code(),
                            "the certificate files cannot be used; those before go on being used"
                        );
                    }
                }
            }
        }
    }
}
