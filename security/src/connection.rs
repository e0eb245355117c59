//! A connection to NATS of one's own.

use async_nats::Client;
use ff_nats::{ConnectError, Server};

/// How many commands wait in the client while the connection is slow.
const CLIENT_QUEUE: usize = 512;

/// Connects now or as soon as NATS is there, and again whenever the connection is lost.
///
/// # Errors
/// When the address is none, or the credentials cannot be used.
pub async fn connect(server: impl Into<Server>) -> Result<Client, ConnectError> {
    let server = server.into();
    let patient = server.connect("ff-security", |usual| {
        usual.retry_on_initial_connect().client_capacity(CLIENT_QUEUE)
    });
    patient.await
}
