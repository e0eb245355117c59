//! Limits that replicas share: the buckets lie in Redis, and one script there asks all of a request's at once, by the
//! server's own clock.

mod circuit;
mod keys;
mod script;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinHandle;

use crate::answer::{Standing, Verdict};
use crate::measure::Measure;
use crate::quota::Limit;
use crate::subject::Subject;
use circuit::Circuit;
use keys::Keys;
use script::Bucket;
pub use tls::RedisTls;

/// A server that speaks the protocol of Redis 5 or later, or Valkey: one, or a primary with its replicas behind one
/// address. A cluster is none, as it keeps the buckets of one request on different servers.
#[derive(Debug, Clone)]
pub struct Redis {
    host: String,
    port: u16,
    username: Option<String>,
    password: Option<SecretString>,
    secret: Option<SecretString>,
    tls: Option<RedisTls>,
    patience: Duration,
}

/// How long a request waits for an answer.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long it may take to connect, which nobody waits for but the start.
const CONNECTING: Duration = Duration::from_millis(500);
/// The same with TLS, for which files are read, the system's authorities among them.
const CONNECTING_ENCRYPTED: Duration = Duration::from_secs(2);

/// The buckets in Redis.
#[derive(Debug)]
pub(crate) struct Shared {
    circuit: Arc<Circuit>,
    keys: Keys,
    watch: JoinHandle<()>,
}

impl Redis {
    /// A server that asks for no password.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            username: None,
            password: None,
            secret: None,
            tls: None,
            patience: PATIENCE,
        }
    }

    /// The user to sign in as, where that is not the default one.
    #[must_use]
    pub fn with_username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The password to sign in with.
    #[must_use]
    pub fn with_password(mut self, password: SecretString) -> Self {
        self.password = Some(password);
        self
    }

    /// Encrypts the connection from its first byte; the certificate must be for the host that was given.
    #[must_use]
    pub fn with_tls(mut self, tls: RedisTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// What subjects are hashed with, the same on all replicas. Without it who reads the memory of Redis can find an
    /// address by trying all there are.
    #[must_use]
    pub fn with_secret(mut self, secret: SecretString) -> Self {
        self.secret = Some(secret);
        self
    }

    /// How long a request waits for an answer before it counts alone: 50 ms if nothing is said.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    fn connecting(&self) -> Duration {
        if self.tls.is_some() { CONNECTING_ENCRYPTED } else { CONNECTING }
    }

    /// Made anew for every connection, as certificates are renewed.
    async fn client(&self) -> Result<redis::Client, redis::RedisError> {
        use redis::IntoConnectionInfo as _;
        let mut settings = redis::RedisConnectionInfo::default();
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password.expose_secret());
        }
        let info =
            (self.host.as_str(), self.port).into_connection_info()?.set_redis_settings(settings);
        match &self.tls {
            None => redis::Client::open(info),
            Some(tls) => {
                let info = info.set_addr(tls::address(&self.host, self.port));
                redis::Client::build_with_tls(info, tls.read().await?)
            }
        }
    }
}

impl Shared {
    /// Connects, and goes on trying in the background where that fails.
    pub(crate) async fn start(redis: Redis, measure: &Measure) -> Self {
        let keys = Keys::new(redis.secret.as_ref());
        let circuit = Arc::new(Circuit::new(redis, measure.redis_up()));
        circuit.connect().await;
        let watched = Arc::clone(&circuit);
        let watch = tokio::spawn(async move { watched.watch().await });
        Self { circuit, keys, watch }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.circuit.is_up()
    }

    /// Takes from every bucket or from none, as the local limits do; `None` if Redis does not answer.
    pub(crate) async fn take(&self, asks: &[(&Limit, Subject)], cost: u32) -> Option<Verdict> {
        if !self.is_up() {
            return None;
        }
        let buckets: Vec<Bucket> =
            asks.iter().map(|(limit, subject)| self.bucket(limit, *subject, cost)).collect();
        self.circuit.ask(async |connection| script::take(connection, &buckets).await).await
    }

    /// Gives back, and says after what time each bucket is full; `None` if Redis does not answer.
    pub(crate) async fn give_back(&self, standings: &[Standing]) -> Option<Vec<Duration>> {
        let bucket =
            |standing: &Standing| self.bucket(&standing.limit, standing.subject, standing.taken);
        let buckets: Vec<Bucket> = standings.iter().map(bucket).collect();
        self.circuit.ask(async |connection| script::give_back(connection, &buckets).await).await
    }

    fn bucket(&self, limit: &Limit, subject: Subject, cost: u32) -> Bucket {
        Bucket { key: self.keys.of(limit, subject), quota: limit.quota(), cost }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
