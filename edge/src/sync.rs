//! Following the config: from the newest message of every object to what is served, and from there to disk.
//!
//! The whole stream is read at the start and after every interruption; it holds one message for each object, so
//! that is little. An environment whose hash is not what its head says keeps being served as it was, and is read
//! anew until it agrees.

mod follower;
mod reader;

use std::time::Duration;

use async_nats::{Client, ConnectError, ConnectOptions};

pub(crate) use follower::Follower;

/// A connection that is made in the background, and made again whenever it is lost.
pub(crate) async fn connect(url: &str) -> Result<Client, ConnectError> {
    ConnectOptions::new()
        .name("ff-edge")
        .retry_on_initial_connect()
        .connection_timeout(Duration::from_secs(2))
        .ping_interval(Duration::from_secs(5))
        .reconnect_delay_callback(|attempts| {
            Duration::from_millis(20 * u64::try_from(attempts.min(50)).unwrap_or(50))
        })
        .connect(url)
        .await
}
