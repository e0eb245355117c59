//! How an edge is set up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ff_front::{Origins, Proxies, Tls};
use ff_security::Recorder;

/// How an edge is set up.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The NATS server that has the config.
    pub nats_url: String,
    /// Where the copy on disk is kept. Made if absent.
    pub data_dir: PathBuf,
    /// How clients reach this edge, without a path: `https://edge.example.com`. Absent means that they use the
    /// address they know already.
    pub public_url: Option<String>,
    /// How it is encrypted; not at all if absent.
    pub tls: Option<Tls>,
    /// Pages of these origins may call it. Everybody's, unless set otherwise: an edge has nothing but what a key lets in
    /// to, knows no cookies, and the key of a client is no secret.
    pub cors: Origins,
    /// Whose word on the address of a client counts: nobody's, unless set.
    pub proxies: Proxies,
    /// Who is told of keys that are used and refused: nobody, unless set.
    pub recorder: Recorder,
    /// The most open connections; more have to wait until one ends.
    pub connections: usize,
    /// How often an open stream without news says that it lives.
    pub heartbeat: Duration,
    /// How long changes are gathered before they are written to disk.
    pub disk_delay: Duration,
}

impl EdgeOptions {
    /// The usual times.
    pub fn new(
        listen: SocketAddr,
        nats_url: impl Into<String>,
        data_dir: impl Into<PathBuf>,
    ) -> Self {
        Self {
            listen,
            nats_url: nats_url.into(),
            data_dir: data_dir.into(),
            public_url: None,
            tls: None,
            cors: Origins::Any,
            proxies: Proxies::none(),
            recorder: Recorder::none(),
            connections: 50_000,
            heartbeat: Duration::from_secs(15),
            disk_delay: Duration::from_millis(500),
        }
    }
}
