//! How ingest is set up.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ff_front::{ConnectionLimits, Origins, Proxies, Tls};
use ff_nats::Server;
use ff_security::Recorder;
use secrecy::SecretString;

const MIB: usize = 1024 * 1024;
const GIB: u64 = 1024 * 1024 * 1024;

/// How ingest is set up.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The NATS server that has the config and takes the telemetry.
    pub nats: Server,
    /// How it is encrypted; not at all if absent.
    pub tls: Option<Tls>,
    /// Pages of these origins may send. Everybody's, unless set otherwise: a key is all that counts here, there are no
    /// cookies, nothing is told but what was taken, and the key of a client is no secret.
    pub cors: Origins,
    /// Whose word on the address of a client counts: nobody's, unless set.
    pub proxies: Proxies,
    /// Who is told of keys that are used and refused: nobody, unless set.
    pub recorder: Recorder,
    /// The streams, if they have to be made.
    pub streams: StreamOptions,
    /// Events that one key may send.
    pub key_quota: EventQuota,
    /// Events that all keys of an organization may send together.
    pub organization_quota: EventQuota,
    /// Events that one address may send with keys of clients: as many as it likes if absent. Whoever sees a page has such a
    /// key, and could use up its quota for everybody else.
    pub address_quota: Option<EventQuota>,
    /// Where all replicas count them together; each counts alone without.
    pub redis: Option<ff_limits::Redis>,
    /// What private attributes are hashed with; without it they are left out of what is stored.
    pub hash_secret: Option<HashSecret>,
    /// The most that one request may bring.
    pub limits: Limits,
    /// The most bytes of requests that are being read, checked or stored at one time.
    pub in_flight_bytes: usize,
    /// The most open connections. Those that trusted proxies make have no limit but that of all.
    pub connections: ConnectionLimits,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How requests share messages.
    pub commit: CommitOptions,
}

/// The streams of telemetry.
#[derive(Debug, Clone)]
pub struct StreamOptions {
    /// On how many servers each message is kept.
    pub replicas: usize,
    /// How much is kept at most. When it is full, events are refused until some have become too old.
    pub max_bytes: u64,
    /// How long events are kept.
    pub max_age: Duration,
    /// How much is kept at most of what could not be written.
    pub parked_max_bytes: u64,
}

/// How many events may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventQuota {
    /// In a second, on average.
    pub per_second: NonZeroU32,
    /// At once. Less than a whole request may bring is taken as that many.
    pub burst: NonZeroU32,
}

/// What private attributes are hashed with.
#[derive(Debug, Clone)]
pub struct HashSecret {
    /// Counts the secrets; it is part of every hash, so that hashes of different secrets are never compared.
    pub epoch: u32,
    /// The secret. Each organization has a key of its own that is derived from it.
    pub secret: SecretString,
}

/// The most that one request may bring.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes, as sent and also as they are after decompression.
    pub body_bytes: usize,
    /// Events.
    pub events: usize,
}

/// How requests share messages: each costs the server a sync of its disk.
#[derive(Debug, Clone, Copy)]
pub struct CommitOptions {
    /// How long a message waits for more, if others are on their way already.
    pub linger: Duration,
    /// The most events in a message.
    pub events: usize,
    /// The most bytes in a message.
    pub bytes: usize,
    /// How many messages are on their way at one time.
    pub in_flight: usize,
    /// How long the acknowledgement of a message may take.
    pub ack_timeout: Duration,
}

impl IngestOptions {
    /// The usual limits, and no secret.
    pub fn new(listen: SocketAddr, nats: impl Into<Server>) -> Self {
        Self {
            listen,
            nats: nats.into(),
            tls: None,
            cors: Origins::Any,
            proxies: Proxies::none(),
            recorder: Recorder::none(),
            streams: StreamOptions::default(),
            key_quota: EventQuota::new(100_000, 500_000),
            organization_quota: EventQuota::new(200_000, 1_000_000),
            address_quota: None,
            redis: None,
            hash_secret: None,
            limits: Limits { body_bytes: 5 * MIB, events: 5000 },
            in_flight_bytes: 64 * MIB,
            connections: ConnectionLimits::default(),
            body_timeout: Duration::from_secs(30),
            commit: CommitOptions::default(),
        }
    }
}

impl EventQuota {
    /// This many events in a second, and at once. 0 is taken as 1.
    pub const fn new(per_second: u32, burst: u32) -> Self {
        const fn at_least_one(number: u32) -> NonZeroU32 {
            match NonZeroU32::new(number) {
                Some(number) => number,
                None => NonZeroU32::MIN,
            }
        }
        Self { per_second: at_least_one(per_second), burst: at_least_one(burst) }
    }
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            replicas: 1,
            max_bytes: 8 * GIB,
            max_age: Duration::from_secs(72 * 60 * 60),
            parked_max_bytes: GIB,
        }
    }
}

impl Default for CommitOptions {
    fn default() -> Self {
        Self {
            linger: Duration::from_millis(5),
            events: 1000,
            bytes: 512 * 1024,
            in_flight: 8,
            ack_timeout: Duration::from_secs(5),
        }
    }
}
