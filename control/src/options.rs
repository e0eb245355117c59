//! What the control plane must be told.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ff_auth::{Cost, TokenKeys};
use ff_eventlog::LogOptions;
use ff_front::{Origins, ServeOptions, Tls};
use ff_identity::oidc::OutboundOptions;
use ff_identity::{Mailer, PeopleOptions};
use ff_limits::{Limits, Quota};
use ff_security::Recorder;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;

/// What the control plane must be told.
#[derive(Clone)]
pub struct ControlOptions {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How connections are encrypted; not at all if absent.
    pub tls: Option<Tls>,
    /// What connections may do, and whose word on addresses counts.
    pub serve: ServeOptions,
    /// The event log.
    pub log: LogOptions,
    /// The database of read models and people. It need not be up.
    pub database: PgConnectOptions,
    /// Most connections to it.
    pub connections: NonZeroU32,
    /// Makes API keys and CSRF tokens, and signs access tokens unless `token_keys` does; at least 32 bytes, the same on
    /// every replica.
    pub jwt_secret: SecretString,
    /// Seals the secrets of identity providers; at least 32 bytes, the same on every replica. At first the same as
    /// `jwt_secret`.
    pub sealing_secret: SecretString,
    /// What sealed them before, and only opens now; at least 32 bytes.
    pub sealing_secret_previous: Option<SecretString>,
    /// The keys of access tokens, the same on every replica; the secret if absent.
    pub token_keys: Option<TokenKeys>,
    /// Pages of these origins may call the API from a browser.
    pub cors: Origins,
    /// Where people reach the user interface, without a slash at the end: links in mails lead there, and identity
    /// providers send people back to it.
    pub public_url: String,
    /// How often requests may come.
    pub quotas: Quotas,
    /// Where it is counted how often they came.
    pub limits: Limits,
    /// How much work a password is.
    pub password_cost: Cost,
    /// How long sessions, invitations and the like are good for.
    pub people: PeopleOptions,
    /// Sends mails.
    pub mailer: Mailer,
    /// How identity providers are reached.
    pub providers: OutboundOptions,
    /// Takes what happens at the door.
    pub recorder: Recorder,
    /// Where this process gathers its metrics; without one, `run` installs a recorder of its own.
    pub metrics: Option<PrometheusHandle>,
}

/// How many requests may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// From a person, in all their sessions.
    pub user: Quota,
    /// With an API token.
    pub key: Quota,
    /// From all members and programs of an organization.
    pub organization: Quota,
    /// From an address, with or without credentials.
    pub address: Quota,
    /// To sign in, or to do something else with a password, from an address.
    pub sign_in: Quota,
    /// Invitations of a person or program.
    pub invitations: Quota,
    /// Invitations that are mailed to one address, whoever invites: nobody's mailbox is filled.
    pub mailbox: Quota,
    /// Organizations that a person founds.
    pub foundings: Quota,
}

impl Default for Quotas {
    fn default() -> Self {
        const WINDOW: Duration = Duration::from_secs(4);
        const HOUR: Duration = Duration::from_secs(60 * 60);
        Self {
            user: Quota::new(2_000, WINDOW),
            key: Quota::new(2_000, WINDOW),
            organization: Quota::new(20_000, WINDOW),
            address: Quota::new(4_000, WINDOW),
            sign_in: Quota::new(60, Duration::from_secs(60)),
            invitations: Quota::new(200, HOUR),
            mailbox: Quota::new(5, HOUR),
            foundings: Quota::new(50, HOUR),
        }
    }
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
        const CONNECTIONS: NonZeroU32 = NonZeroU32::new(16).expect("16 is not zero");
        Self {
            listen,
            tls: None,
            serve: ServeOptions::default(),
            log,
            database,
            connections: CONNECTIONS,
            sealing_secret: jwt_secret.clone(),
            sealing_secret_previous: None,
            jwt_secret,
            token_keys: None,
            cors: Origins::none(),
            public_url: format!("http://{listen}"),
            quotas: Quotas::default(),
            limits: Limits::local(),
            password_cost: Cost::DEFAULT,
            people: PeopleOptions::default(),
            mailer: Mailer::none(),
            providers: OutboundOptions::default(),
            recorder: Recorder::none(),
            metrics: None,
        }
    }
}
