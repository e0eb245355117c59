//! Reaching NATS: where it is, who we are, how the connection is encrypted, and how it is tried again.
//!
//! Every part of the platform that talks to NATS connects by way of [`Server`], so that a setting holds for all of
//! them.
//!
//! Invariants:
//! - A login is never part of an address that a client, a log line or an error gets to see.
//! - Who names authorities never speaks in the clear, but to a server on the loopback address.
//! - Files are read whenever a connection is made: what is renewed on disk is used by the next one.

mod address;
mod complaint;
mod credentials;
mod error;
mod server;

pub use error::{ConnectError, CredentialsError};
pub use server::Server;
