//! What can be configured. Later goes over earlier: built-in defaults, `.local/ff.toml` (where `ff up` notes what it
//! started), `ff.toml` in the working directory or what `FF_CONFIG` names, and `FF_` environment variables.
//!
//! A variable is `FF_<SECTION>_<FIELD>`; the same names stand in `.env.example`, which a test compares with the
//! table.

mod table;

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

pub use table::ALL;

/// Everything that can be configured, by section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// PostgreSQL: read models, audit log, archive, people.
    pub database: Database,
    /// NATS: the log and the edge config.
    pub nats: Nats,
    /// ClickHouse, or the embedded server that answers like it.
    pub clickhouse: ClickHouse,
    /// Redis, where replicas count requests together.
    pub redis: Redis,
    /// Encryption on the way to all of these.
    pub backends: Backends,
    /// Signing of sessions.
    pub auth: Auth,
    /// Sending of mails.
    pub mail: Mail,
    /// What stands before every HTTP service.
    pub http: Http,
    /// Encryption of every HTTP service.
    pub tls: Tls,
    /// How many requests may come.
    pub limits: Limits,
    /// The security log.
    pub security: Security,
    /// The control plane.
    pub control: Control,
    /// The edge.
    pub edge: Edge,
    /// The ingestor.
    pub ingest: Ingest,
    /// The writer of telemetry.
    pub writer: Service,
    /// The analytics engine.
    pub analytics: Analytics,
    /// The projector.
    pub projector: Projector,
    /// The embedded servers of `ff up`.
    pub stack: Stack,
    /// The first owner and the demo data.
    pub demo: Demo,
    /// What the services write about themselves.
    pub log: Log,
}

/// Where PostgreSQL is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Host name or address; empty means the embedded one, for `ff up`.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Name of the database.
    pub name: String,
    /// Role to log in as.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// Whether the connection is encrypted, and the server proves who it is.
    pub tls: bool,
}

/// Where NATS is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// `nats://host:port`, or `tls://host:port`, with `user:password@` if need be; empty means the embedded one, for
    /// `ff up`.
    pub url: SecretString,
    /// Path of a credentials file to log in with; empty means none.
    pub credentials: PathBuf,
    /// Copies of the log in a NATS cluster: 1 or 3.
    pub replicas: usize,
}

/// Where ClickHouse is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickHouse {
    /// `http://host:port`, or `https://host:port`; empty means the embedded one, for `ff up`.
    pub url: String,
    /// Name of the database; empty means the server's default.
    pub database: String,
    /// User to log in as; empty means the server's default.
    pub user: String,
    /// Their password.
    pub password: SecretString,
}

/// Where Redis is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Host name or address; empty means that each replica counts alone.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Name to log in with; empty means the default one.
    pub user: String,
    /// Password; empty means none.
    pub password: SecretString,
    /// Whether the connection is encrypted, and the server proves who it is.
    pub tls: bool,
}

/// How the servers behind prove who they are, and we to them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backends {
    /// Path of the authorities (PEM) that their certificates must come from; empty means the system's.
    pub authorities: PathBuf,
    /// Path of the certificate (PEM) that is shown to those that ask for one; empty means none.
    pub certificate: PathBuf,
    /// Path of its private key (PEM).
    pub key: PathBuf,
}

/// Where mails are handed in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// Host name of the SMTP server; empty means that no mails are sent.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: MailEncryption,
    /// Name to log in with; empty means none.
    pub user: String,
    /// Password.
    pub password: SecretString,
    /// Who the mails are from.
    pub from: String,
}

/// How the connection to the mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailEncryption {
    /// From the first byte.
    Tls,
    /// Before anything is said.
    StartTls,
    /// Not at all.
    None,
}

/// What stands before every HTTP service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Proxies whose `X-Forwarded-For` counts: addresses and networks, separated by commas.
    pub trusted_proxies: String,
    /// Connections to a service that are open at one time; 0 means as many as it usually has.
    pub connections: usize,
    /// The same of one address that is no trusted proxy; 0 means a quarter of all.
    pub address_connections: usize,
}

/// How HTTP is encrypted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Path of the certificate chain (PEM); empty means no TLS.
    pub certificate: PathBuf,
    /// Path of its private key (PEM).
    pub key: PathBuf,
    /// Path of the authorities (PEM) that clients' certificates must come from; empty means none is asked for.
    pub client_authorities: PathBuf,
    /// Whether clients must have one.
    pub client_required: bool,
}

/// How many requests a second may come to the control plane, on average over four seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// From a person.
    pub user: NonZeroU32,
    /// With an API token.
    pub key: NonZeroU32,
    /// From all of an organization.
    pub organization: NonZeroU32,
    /// From an address.
    pub address: NonZeroU32,
    /// To sign in from an address, in a minute.
    pub sign_in: NonZeroU32,
    /// Invitations of one person in an hour.
    pub invitations: NonZeroU32,
    /// Organizations that one person founds in an hour.
    pub foundings: NonZeroU32,
}

/// The security log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Security {
    /// For how many days it is kept.
    pub days: u16,
}

/// How sessions are signed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// At least 32 bytes. `ff up` makes one and keeps it in its data folder.
    pub jwt_secret: SecretString,
    /// A secret that signed sessions before; sessions of it are accepted.
    pub jwt_secret_previous: SecretString,
    /// Path of a private Ed25519 key that signs sessions in place of the secret; empty means the secret does.
    pub signing_key: PathBuf,
    /// Path of the private Ed25519 key that signed sessions before; sessions of it are accepted.
    pub signing_key_previous: PathBuf,
    /// Seals the secrets of identity providers in the database; at least 32 bytes. Empty means that `jwt_secret` does.
    pub sealing_secret: SecretString,
    /// What sealed them before, and still opens them. Empty means none; but where `jwt_secret` seals, that is
    /// `jwt_secret_previous`.
    pub sealing_secret_previous: SecretString,
    /// Whether identity providers may be in private networks.
    pub private_providers: bool,
}

/// The control plane.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Address and port.
    pub listen: SocketAddr,
    /// Where people reach it; empty means where it listens.
    pub public_url: String,
    /// Origins whose pages may call it, separated by commas.
    pub cors_origins: String,
}

/// The analytics engine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analytics {
    /// Address and port.
    pub listen: SocketAddr,
    /// Origins whose pages may call it, separated by commas.
    pub cors_origins: String,
}

/// Where a service listens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Address and port.
    pub listen: SocketAddr,
}

/// The edge.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// Address and port.
    pub listen: SocketAddr,
    /// Where the disk copy of the config is kept.
    pub data: PathBuf,
    /// Most requests of one address in a second, on average, other than with a server's key; 0 means no limit.
    pub address_rate: u32,
    /// Most requests with one server's key in a second, on average; 0 means no limit.
    pub key_rate: u32,
    /// Origins whose pages may call it, separated by commas, or `*`.
    pub cors_origins: String,
}

/// The ingestor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ingest {
    /// Address and port.
    pub listen: SocketAddr,
    /// At least 32 bytes; hashes private attributes. `ff up` makes one and keeps it in its data folder.
    pub hash_secret: SecretString,
    /// Counts the secrets: raise it whenever the secret is replaced.
    pub hash_epoch: u32,
    /// Most bytes of telemetry that JetStream keeps.
    pub stream_bytes: u64,
    /// Most events of one key in a second, on average.
    pub key_rate: NonZeroU32,
    /// Most events of one organization in a second, on average.
    pub organization_rate: NonZeroU32,
    /// Most events of one address with clients' keys in a second, on average; 0 means no limit.
    pub address_rate: u32,
    /// Origins whose pages may call it, separated by commas, or `*`.
    pub cors_origins: String,
}

/// The projector.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Projector {
    /// Address and port of its health and metrics.
    pub listen: SocketAddr,
    /// The Ed25519 key that signs the head of the audit log; made when it is not there.
    pub signing_key: PathBuf,
}

/// The embedded servers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// Port of the embedded NATS.
    pub nats_port: u16,
    /// Port of the embedded PostgreSQL.
    pub postgres_port: u16,
    /// Port of the embedded ClickHouse-compatible server.
    pub clickhouse_port: u16,
    /// Whether a Redis-compatible server is started too.
    pub redis: bool,
    /// Port of it.
    pub redis_port: u16,
}

/// The first owner and the demo data.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demo {
    /// E-mail to log in with.
    pub email: String,
    /// Password; empty means that one is derived from the signing secret.
    pub password: SecretString,
}

/// What the services write about themselves.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// As of `tracing`: `info`, `ff_edge=debug,info`.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file that `FF_CONFIG` names is not there.
    #[error("FF_CONFIG names {0}, which does not exist")]
    NoSuchFile(PathBuf),
    /// Something in it is wrong.
    #[error("{place}: {message}")]
    Invalid {
        /// The variable or the place in the file.
        place: String,
        /// What is wrong.
        message: String,
    },
}

/// Whether what `ff up` noted counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// For everything that works with what was started.
    Use,
    /// For `ff up` itself.
    Ignore,
}

impl Settings {
    /// Reads defaults, files and environment.
    pub fn load(noted: Noted) -> Result<Self, SettingsError> {
        let file = match std::env::var_os("FF_CONFIG").map(PathBuf::from) {
            Some(path) if !path.is_file() => return Err(SettingsError::NoSuchFile(path)),
            Some(path) => path,
            None => PathBuf::from("ff.toml"),
        };
        let base = match noted {
            Noted::Use => defaults().merge(Toml::file(crate::local::NOTED_SETTINGS)),
            Noted::Ignore => defaults(),
        };
        let settings = Self::from_figment(&base.merge(Toml::file(file)).merge(environment()))?;
        settings.validate()?;
        Ok(settings)
    }

    fn from_figment(figment: &Figment) -> Result<Self, SettingsError> {
        figment.extract().map_err(|error| {
            let path = error.path.join(".");
            let set_by_variable = error
                .metadata
                .as_ref()
                .is_some_and(|metadata| metadata.name.contains("environment"));
            let place = match ALL.iter().find(|setting| setting.path == path) {
                Some(setting) if set_by_variable => setting.variable(),
                _ => path,
            };
            SettingsError::Invalid { place, message: error.kind.to_string() }
        })
    }

    /// As they are when nothing is set.
    #[cfg(test)]
    pub fn defaults() -> Self {
        Self::from_figment(&defaults()).expect("a test of its own reads them")
    }

    fn validate(&self) -> Result<(), SettingsError> {
        let invalid = |place: &str, message: &str| {
            Err(SettingsError::Invalid { place: place.to_owned(), message: message.to_owned() })
        };
        if ![1, 3].contains(&self.nats.replicas) {
            return invalid("FF_NATS_REPLICAS", "1 or 3");
        }
        if self.database.tls && self.database.host.is_empty() {
            return invalid(
                "FF_DATABASE_TLS",
                "needs FF_DATABASE_HOST: the embedded server has none",
            );
        }
        if self.redis.tls && self.redis.host.is_empty() {
            return invalid("FF_REDIS_TLS", "needs FF_REDIS_HOST: the embedded server has none");
        }
        if !self.clickhouse.url.is_empty() && !is_plain_http(&self.clickhouse.url) {
            return invalid(
                "FF_CLICKHOUSE_URL",
                "http://host:8123 or https://host:8443; user and password have variables of their own",
            );
        }
        if !self.mail.host.is_empty() && !self.mail.from.contains('@') {
            return invalid("FF_MAIL_FROM", "an e-mail address, such as Flags <flags@example.com>");
        }
        if self.security.days == 0 {
            return invalid("FF_SECURITY_DAYS", "at least one day");
        }
        if !self.demo.email.contains('@') {
            return invalid("FF_DEMO_EMAIL", "an e-mail address");
        }
        Ok(())
    }
}

/// An address by HTTP or HTTPS, without a login: it would be shown, and not be used.
fn is_plain_http(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.username().is_empty()
            && url.password().is_none()
    })
}

fn defaults() -> Figment {
    let mut toml = String::new();
    for setting in ALL {
        toml.push_str(&format!("{} = {}\n", setting.path, setting.default));
    }
    Figment::new().merge(Toml::string(&toml))
}

/// Only variables that are settings: `.local/env` holds others of the same prefix.
fn environment() -> Env {
    let names: Vec<String> =
        ALL.iter().map(|s| s.variable()["FF_".len()..].to_lowercase()).collect();
    Env::prefixed("FF_")
        .filter(move |name| names.iter().any(|known| name.as_str().eq_ignore_ascii_case(known)))
        .map(|name| name.as_str().replacen('_', ".", 1).into())
        .split(".")
}

#[cfg(test)]
#[allow(clippy::result_large_err, reason = "it is the error type of figment's Jail")]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        let settings = Settings::from_figment(&defaults()).unwrap();
        assert_eq!(settings.control.listen.port(), 8080);
        settings.validate().unwrap();
    }

    #[test]
    fn a_wrong_variable_is_named() {
        figment::Jail::expect_with(|jail| {
            jail.set_env("FF_CONTROL_LISTEN", "nonsense");
            let error = Settings::load(Noted::Use).unwrap_err().to_string();
            assert!(error.contains("FF_CONTROL_LISTEN"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn a_variable_goes_over_the_file_and_the_file_over_the_default() {
        figment::Jail::expect_with(|jail| {
            jail.create_file(
                "ff.toml",
                "[database]\nname = \"from_file\"\nuser = \"file_user\"\n",
            )?;
            jail.set_env("FF_DATABASE_NAME", "from_env");
            let settings = Settings::load(Noted::Use).unwrap();
            assert_eq!(settings.database.name, "from_env");
            assert_eq!(settings.database.user, "file_user");
            assert_eq!(settings.database.port, 5432);
            Ok(())
        });
    }

    #[test]
    fn what_cannot_be_encrypted_as_it_is_set_is_refused_by_name() {
        for (variable, value) in [
            ("FF_DATABASE_TLS", "true"),
            ("FF_REDIS_TLS", "true"),
            ("FF_CLICKHOUSE_URL", "https://user:s3cr3t@host:8443"),
            ("FF_CLICKHOUSE_URL", "clickhouse:8123"),
        ] {
            figment::Jail::expect_with(|jail| {
                jail.set_env(variable, value);
                let error = Settings::load(Noted::Use).unwrap_err().to_string();
                assert!(error.starts_with(variable) && !error.contains("s3cr3t"), "{error}");
                Ok(())
            });
        }
        figment::Jail::expect_with(|jail| {
            jail.set_env("FF_CLICKHOUSE_URL", "https://host:8443");
            jail.set_env("FF_DATABASE_HOST", "host");
            jail.set_env("FF_DATABASE_TLS", "true");
            jail.set_env("FF_BACKENDS_AUTHORITIES", "/etc/ff/authorities.pem");
            let settings = Settings::load(Noted::Use).unwrap();
            assert!(settings.database.tls && !settings.redis.tls);
            assert_eq!(settings.backends.authorities.to_str(), Some("/etc/ff/authorities.pem"));
            Ok(())
        });
    }

    #[test]
    fn an_unknown_field_of_the_file_is_named() {
        figment::Jail::expect_with(|jail| {
            jail.create_file("ff.toml", "[database]\nnaem = \"x\"\n")?;
            let error = Settings::load(Noted::Use).unwrap_err().to_string();
            assert!(error.contains("naem"), "{error}");
            Ok(())
        });
    }

    #[test]
    fn the_example_lists_every_setting_with_its_default() {
        let example = include_str!("../../.env.example");
        for setting in ALL {
            let line = format!("{}={}", setting.variable(), setting.default.trim_matches('"'));
            let entry = format!("# {}\n# {line}\n", setting.about);
            assert!(example.contains(&entry), "{entry} is missing");
        }
    }
}
