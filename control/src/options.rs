//! What the control plane must be told.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::HeaderValue;
use ff_auth::{Cost, TokenKeys};
use ff_eventlog::LogOptions;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;

use crate::Quota;

/// What the control plane must be told.
#[derive(Clone)]
pub struct ControlOptions {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The event log.
    pub log: LogOptions,
    /// The database of read models and people. It need not be up.
    pub database: PgConnectOptions,
    /// Most connections to it.
    pub connections: NonZeroU32,
    /// Makes API keys, and signs access tokens unless `token_keys` does; at least 32 bytes, the same on every replica.
    pub jwt_secret: SecretString,
    /// The keys of access tokens, the same on every replica; the secret if absent.
    pub token_keys: Option<TokenKeys>,
    /// Pages of these origins may call the API from a browser.
    pub cors_origins: Vec<HeaderValue>,
    /// How many requests a caller may send.
    pub quota: Quota,
    /// How many failed sign-ins an e-mail may have.
    pub sign_ins: Quota,
    /// How much work a password is.
    pub password_cost: Cost,
    /// Where this process gathers its metrics; without one, `run` installs a recorder of its own.
    pub metrics: Option<PrometheusHandle>,
}

impl ControlOptions {
    /// The usual limits.
    #[must_use]
    pub fn new(
        listen: SocketAddr,
        log: LogOptions,
        database: PgConnectOptions,
        jwt_secret: SecretString,
    ) -> Self {
        const REQUESTS: NonZeroU32 = NonZeroU32::new(2000).expect("2000 is not zero");
        const SIGN_INS: NonZeroU32 = NonZeroU32::new(20).expect("20 is not zero");
        const CONNECTIONS: NonZeroU32 = NonZeroU32::new(16).expect("16 is not zero");
        Self {
            listen,
            log,
            database,
            connections: CONNECTIONS,
            jwt_secret,
            token_keys: None,
            cors_origins: Vec::new(),
            quota: Quota { requests: REQUESTS, window: Duration::from_secs(4) },
            sign_ins: Quota { requests: SIGN_INS, window: Duration::from_secs(60) },
            password_cost: Cost::DEFAULT,
            metrics: None,
        }
    }
}
