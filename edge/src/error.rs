//! Why an edge does not start. Once it runs, nothing stops it.

use std::net::SocketAddr;
use std::path::PathBuf;

use ff_front::TlsError;

/// An edge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The address is taken, or is none of this machine's.
    #[error("cannot listen on {address}; free the port or choose another one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The certificate, or something that belongs to it, cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The directory for the copy on disk cannot be used.
    #[error("cannot use {} for the copy of the config; make it writable or choose another one", .path.display())]
    DataDirectory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The address of NATS is none, or the credentials for it cannot be used.
    #[error(transparent)]
    NatsAddress(#[from] ff_nats::ConnectError),
}

impl EdgeError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "FF-4020",
            Self::Tls(error) => error.code(),
            Self::DataDirectory { .. } => "FF-4021",
            Self::NatsAddress(_) => "FF-4022",
        }
    }
}
