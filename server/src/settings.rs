//! What can be configured. Later goes over earlier: built-in defaults, `.local/ff.toml` (where `ff up` notes what it
//! started), `ff.toml` in the working directory or what `FF_CONFIG` names, and `FF_` environment variables.
//!
//! A variable is `FF_<SECTION>_<FIELD>`; the same names stand in `.env.example`, which a test compares with this
//! file.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf};

use figment::{
    Figment,
    providers::{Env, Format, Toml},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

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
    /// Signing of sessions.
    pub auth: Auth,
    /// The control plane.
    pub control: Service,
    /// The edge.
    pub edge: Edge,
    /// The ingestor.
    pub ingest: Ingest,
    /// The writer of telemetry.
    pub writer: Service,
    /// The analytics engine.
    pub analytics: Service,
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
}

/// Where NATS is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// `nats://host:port`; empty means the embedded one, for `ff up`.
    pub url: String,
    /// Copies of the log in a NATS cluster: 1 or 3.
    pub replicas: usize,
}

/// Where ClickHouse is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClickHouse {
    /// `http://host:port`; empty means the embedded one, for `ff up`.
    pub url: String,
    /// Name of the database; empty means the server's default.
    pub database: String,
    /// User to log in as; empty means the server's default.
    pub user: String,
    /// Their password.
    pub password: SecretString,
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

/// One thing that can be set: variable, default, and what it is.
pub struct Setting {
    /// `section.field`.
    pub path: &'static str,
    /// The default, as in TOML.
    pub default: &'static str,
    /// What it is.
    pub about: &'static str,
}

/// All that can be set, in the order of `.env.example`.
pub const ALL: &[Setting] = &[
    Setting {
        path: "database.host",
        default: "\"\"",
        about: "PostgreSQL host; empty: the embedded server of ff up",
    },
    Setting { path: "database.port", default: "5432", about: "PostgreSQL port" },
    Setting { path: "database.name", default: "\"feature_flags\"", about: "name of the database" },
    Setting { path: "database.user", default: "\"postgres\"", about: "role to log in as" },
    Setting { path: "database.password", default: "\"\"", about: "its password" },
    Setting {
        path: "nats.url",
        default: "\"\"",
        about: "NATS with JetStream, nats://host:4222; empty: embedded",
    },
    Setting {
        path: "nats.replicas",
        default: "1",
        about: "copies of the log in a NATS cluster, 1 or 3",
    },
    Setting {
        path: "clickhouse.url",
        default: "\"\"",
        about: "ClickHouse over HTTP, http://host:8123; empty: embedded",
    },
    Setting {
        path: "clickhouse.database",
        default: "\"\"",
        about: "name of the ClickHouse database; empty: its default",
    },
    Setting {
        path: "clickhouse.user",
        default: "\"\"",
        about: "ClickHouse user; empty: its default",
    },
    Setting { path: "clickhouse.password", default: "\"\"", about: "their password" },
    Setting {
        path: "auth.jwt_secret",
        default: "\"\"",
        about: "signs sessions, 32 bytes or more; ff up makes one",
    },
    Setting {
        path: "auth.jwt_secret_previous",
        default: "\"\"",
        about: "the secret before it, whose sessions are still accepted",
    },
    Setting {
        path: "auth.signing_key",
        default: "\"\"",
        about: "private Ed25519 key (PEM file) that signs sessions in place of the secret",
    },
    Setting {
        path: "auth.signing_key_previous",
        default: "\"\"",
        about: "the key before it, whose sessions are still accepted",
    },
    Setting { path: "control.listen", default: "\"127.0.0.1:8080\"", about: "control plane" },
    Setting { path: "edge.listen", default: "\"127.0.0.1:8081\"", about: "edge" },
    Setting {
        path: "edge.data",
        default: "\".local/data/edge\"",
        about: "disk copy of the edge config",
    },
    Setting { path: "ingest.listen", default: "\"127.0.0.1:8082\"", about: "event ingestor" },
    Setting {
        path: "ingest.hash_secret",
        default: "\"\"",
        about: "hashes private attributes, 32 bytes or more; ff up makes one",
    },
    Setting {
        path: "ingest.hash_epoch",
        default: "1",
        about: "counts those secrets: raise it whenever the secret is replaced",
    },
    Setting {
        path: "ingest.stream_bytes",
        default: "4294967296",
        about: "most bytes of telemetry that JetStream keeps, for at most 72 hours",
    },
    Setting {
        path: "ingest.key_rate",
        default: "200000",
        about: "most events of one key in a second, on average",
    },
    Setting {
        path: "ingest.organization_rate",
        default: "400000",
        about: "most events of one organization in a second, on average",
    },
    Setting {
        path: "writer.listen",
        default: "\"127.0.0.1:8085\"",
        about: "health and metrics of the writer of telemetry",
    },
    Setting { path: "analytics.listen", default: "\"127.0.0.1:8083\"", about: "analytics engine" },
    Setting {
        path: "projector.listen",
        default: "\"127.0.0.1:8084\"",
        about: "health and metrics of the projector",
    },
    Setting {
        path: "projector.signing_key",
        default: "\".local/data/audit-signing.key\"",
        about: "Ed25519 key that signs the head of the audit log",
    },
    Setting { path: "stack.nats_port", default: "4222", about: "port of the embedded NATS" },
    Setting {
        path: "stack.postgres_port",
        default: "5432",
        about: "port of the embedded PostgreSQL",
    },
    Setting {
        path: "stack.clickhouse_port",
        default: "8123",
        about: "port of the embedded ClickHouse-compatible server",
    },
    Setting {
        path: "demo.email",
        default: "\"demo@example.com\"",
        about: "login of the first owner",
    },
    Setting {
        path: "demo.password",
        default: "\"\"",
        about: "password of the first owner; empty: one is made",
    },
    Setting { path: "log.filter", default: "\"info\"", about: "what is logged, as of tracing" },
    Setting { path: "log.format", default: "\"text\"", about: "text or json" },
];

impl Setting {
    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("FF_{}", self.path.replace('.', "_").to_uppercase())
    }
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

    fn validate(&self) -> Result<(), SettingsError> {
        let invalid = |place: &str, message: &str| {
            Err(SettingsError::Invalid { place: place.to_owned(), message: message.to_owned() })
        };
        if ![1, 3].contains(&self.nats.replicas) {
            return invalid("FF_NATS_REPLICAS", "1 or 3");
        }
        if !self.demo.email.contains('@') {
            return invalid("FF_DEMO_EMAIL", "an e-mail address");
        }
        Ok(())
    }
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
