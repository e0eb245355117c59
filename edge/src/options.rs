//! How an edge is set up.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ff_front::{ConnectionLimits, Origins, Proxies, Tls};
use ff_limits::Quota;
use ff_nats::Server;
use ff_security::Recorder;

/// A stream takes some kilobytes.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(50_000).expect("it is not zero");

/// How an edge is set up.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The NATS server that has the config.
    pub nats: Server,
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
    /// The most open connections. Those that trusted proxies make have no limit but that of all.
    pub connections: ConnectionLimits,
    /// Requests that one address may send, other than with a server's key: as many as it likes if absent. Counted by this
    /// edge alone.
    pub address_quota: Option<Quota>,
    /// Requests that may come with one server's key; the same.
    pub key_quota: Option<Quota>,
    /// How often an open stream without news says that it lives.
    pub heartbeat: Duration,
    /// How long changes are gathered before they are written to disk.
    pub disk_delay: Duration,
}

impl EdgeOptions {
    /// The usual times.
    pub fn new(listen: SocketAddr, nats: impl Into<Server>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            listen,
            nats: nats.into(),
            data_dir: data_dir.into(),
            public_url: None,
            tls: None,
            cors: Origins::Any,
            proxies: Proxies::none(),
            recorder: Recorder::none(),
            connections: ConnectionLimits::quartered(CONNECTIONS),
            address_quota: None,
            key_quota: None,
            heartbeat: Duration::from_secs(15),
            disk_delay: Duration::from_millis(500),
        }
    }
}
