//! What connections may do.

use std::time::Duration;

use metrics::Counter;

use crate::{ConnectionLimits, Proxies};

/// What connections may do.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Whose word on the addresses of clients counts.
    pub proxies: Proxies,
    /// Connections that are open at one time. Those that trusted proxies make have no limit but that of all.
    pub connections: ConnectionLimits,
    /// Counts connections that were closed because their address had too many; if absent, the metric
    /// [`REFUSED_CONNECTIONS`](crate::REFUSED_CONNECTIONS) of the process does.
    pub refused: Option<Counter>,
    /// The largest head of a request, in bytes.
    pub head_bytes: usize,
    /// The most fields of a head.
    pub head_fields: usize,
    /// How long the head of a request may take to arrive, and how long an HTTP/1 connection waits for the next.
    pub head_time: Duration,
    /// How long an HTTP/2 connection may be open without a request.
    pub idle: Duration,
    /// How often the other side of an HTTP/2 connection is asked whether it is there, and how long it may take to say.
    pub ping: Duration,
    /// Requests that are under way on one HTTP/2 connection.
    pub streams: u32,
    /// How long requests that are under way at the end may take.
    pub farewell: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            proxies: Proxies::none(),
            connections: ConnectionLimits::default(),
            refused: None,
            head_bytes: 64 * 1024,
            head_fields: 100,
            head_time: Duration::from_secs(30),
            idle: Duration::from_secs(120),
            ping: Duration::from_secs(20),
            streams: 128,
            farewell: Duration::from_secs(30),
        }
    }
}
