//! A connection to NATS of one's own.

use std::time::Duration;

use async_nats::{Client, ConnectError, ConnectOptions};

/// How many commands wait in the client while the connection is slow.
const CLIENT_QUEUE: usize = 512;

/// Connects now or as soon as NATS is there, and again whenever the connection is lost.
///
/// # Errors
/// When the address is none.
pub async fn connect(url: &str) -> Result<Client, ConnectError> {
    ConnectOptions::new()
        .name("ff-security")
        .retry_on_initial_connect()
        .connection_timeout(Duration::from_secs(2))
        .ping_interval(Duration::from_secs(5))
        .client_capacity(CLIENT_QUEUE)
        .reconnect_delay_callback(|attempts| {
            Duration::from_millis(20 * u64::try_from(attempts.min(50)).unwrap_or(50))
        })
        .connect(url)
        .await
}
