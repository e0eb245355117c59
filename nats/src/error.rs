//! Why there is no connection.

use std::path::PathBuf;

/// There is no connection to NATS.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// What should be its address is none.
    #[error("the address of NATS is wrong; it looks like nats://host:4222 or tls://host:4222")]
    Address {
        /// What is wrong with it, where that can be said.
        #[source]
        source: Option<url::ParseError>,
    },
    /// The file with the credentials cannot be used.
    #[error("the credentials for NATS cannot be used")]
    Credentials(#[from] CredentialsError),
    /// The server cannot be reached, is not the one it should be, or does not let us in.
    #[error("cannot connect to NATS at {address}")]
    Refused {
        /// Where it was looked for; nothing secret.
        address: String,
        /// Why it failed.
        #[source]
        source: async_nats::ConnectError,
    },
}

/// A credentials file cannot be used. Nothing of what is in it is part of the error.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// It cannot be read.
    #[error("cannot read {}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It lacks something.
    #[error("{} has no {wanted}: it should be as `nsc generate creds` writes it", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it should have.
        wanted: &'static str,
    },
}
