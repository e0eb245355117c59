//! Following the config: from the newest message of every object to what is served, and from there to disk.
//!
//! The whole stream is read at the start and after every interruption; it holds one message for each object, so
//! that is little. An environment whose hash is not what its head says keeps being served as it was, and is read
//! anew until it agrees.

mod follower;
mod reader;

use async_nats::Client;
use ff_nats::{ConnectError, Server};

pub(crate) use follower::Follower;

/// A connection that is made in the background, and made again whenever it is lost.
pub(crate) async fn connect(server: &Server) -> Result<Client, ConnectError> {
    server.connect("ff-edge", |usual| usual.retry_on_initial_connect()).await
}
