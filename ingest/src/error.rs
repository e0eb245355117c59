//! Why ingest does not start. Once it runs, nothing stops it.

use std::net::SocketAddr;

use ff_front::TlsError;

/// Ingest cannot start.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
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
    /// The address of NATS is none, or the credentials for it cannot be used.
    #[error(transparent)]
    NatsAddress(#[from] ff_nats::ConnectError),
}

impl IngestError {
    /// Names this kind of error for good.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "FF-4140",
            Self::Tls(error) => error.code(),
            Self::NatsAddress(_) => "FF-4141",
        }
    }
}
