//! How every command gets to the servers, and how a service learns that it is to stop.

use std::{fs, future::Future, path::Path};

use anyhow::Context as _;
use ff_auth::{TokenKey, TokenKeys};
use ff_eventlog::{JetStreamLog, LogOptions};
use ff_limits::Redis;
use ff_stack::supervisor::asked_to_end;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio_util::sync::CancellationToken;

use crate::{
    backends::Backends,
    settings::{Auth, Settings},
};

/// Runs a command that waits for things.
pub fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// The database.
pub async fn database(settings: &Settings) -> anyhow::Result<PgPool> {
    let place = format!(
        "PostgreSQL at {}:{} (FF_DATABASE_HOST, FF_DATABASE_PORT)",
        settings.database.host, settings.database.port
    );
    PgPoolOptions::new()
        .max_connections(16)
        .connect_with(database_options(settings)?)
        .await
        .context(place)
}

/// The database, connected to when it is first needed: for services that start without it.
pub fn database_lazily(settings: &Settings) -> anyhow::Result<PgPool> {
    Ok(PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(std::time::Duration::from_secs(2))
        .connect_lazy_with(database_options(settings)?))
}

const NOT_HERE: &str = "nothing was started in this folder: run `ff up` here first";

/// How to connect to the database.
pub fn database_options(settings: &Settings) -> anyhow::Result<PgConnectOptions> {
    let database = &settings.database;
    anyhow::ensure!(
        !database.host.is_empty(),
        "{NOT_HERE}, or name a database by FF_DATABASE_HOST"
    );
    let options = PgConnectOptions::new()
        .host(&database.host)
        .port(database.port)
        .database(&database.name)
        .username(&database.user)
        .password(database.password.expose_secret());
    Ok(Backends::load(&settings.backends)?.database(options, database.tls))
}

/// ClickHouse. It is asked when it is first needed.
pub fn clickhouse(settings: &Settings) -> anyhow::Result<clickhouse::Client> {
    let server = &settings.clickhouse;
    anyhow::ensure!(
        !server.url.is_empty(),
        "{NOT_HERE}, or name a ClickHouse server by FF_CLICKHOUSE_URL"
    );
    let mut client = Backends::load(&settings.backends)?.clickhouse(&server.url);
    if !server.user.is_empty() {
        client = client.with_user(&server.user);
    }
    if !server.password.expose_secret().is_empty() {
        client = client.with_password(server.password.expose_secret());
    }
    if !server.database.is_empty() {
        client = client.with_database(&server.database);
    }
    Ok(client)
}

/// NATS.
pub fn nats(settings: &Settings) -> anyhow::Result<ff_nats::Server> {
    anyhow::ensure!(
        !settings.nats.url.expose_secret().is_empty(),
        "{NOT_HERE}, or name a NATS server by FF_NATS_URL"
    );
    Backends::load(&settings.backends)?.nats(&settings.nats)
}

/// How to open the event log.
pub fn log_options(settings: &Settings) -> anyhow::Result<LogOptions> {
    Ok(LogOptions { replicas: settings.nats.replicas, ..LogOptions::url(&nats(settings)?) })
}

/// The event log.
pub async fn log(settings: &Settings) -> anyhow::Result<JetStreamLog> {
    let place = format!("NATS at {} (FF_NATS_URL)", nats(settings)?);
    JetStreamLog::connect(log_options(settings)?).await.context(place)
}

/// Where requests are counted together, if they are.
pub fn redis(settings: &Settings, secret: &SecretString) -> anyhow::Result<Option<Redis>> {
    let server = &settings.redis;
    if server.host.is_empty() {
        return Ok(None);
    }
    let mut redis = Redis::new(&server.host, server.port).with_secret(secret.clone());
    if !server.user.is_empty() {
        redis = redis.with_username(&server.user);
    }
    if !server.password.expose_secret().is_empty() {
        redis = redis.with_password(server.password.clone());
    }
    let backends = Backends::load(&settings.backends)?;
    Ok(Some(if server.tls { redis.with_tls(backends.redis()) } else { redis }))
}

/// The keys of sessions: a private key if one is configured, else the secret; and the one before it.
pub fn token_keys(auth: &Auth) -> anyhow::Result<TokenKeys> {
    let from_file = |path: &Path, variable: &'static str| {
        let pem = fs::read_to_string(path)
            .with_context(|| format!("{variable}: cannot read {}", path.display()))?;
        TokenKey::ed25519(&pem.into()).context(variable)
    };
    let secret = || TokenKey::secret(&auth.jwt_secret).context("FF_AUTH_JWT_SECRET");
    let with_private_key = !auth.signing_key.as_os_str().is_empty();
    let keys = TokenKeys::new(if with_private_key {
        from_file(&auth.signing_key, "FF_AUTH_SIGNING_KEY")?
    } else {
        secret()?
    });
    let previous = if !auth.signing_key_previous.as_os_str().is_empty() {
        from_file(&auth.signing_key_previous, "FF_AUTH_SIGNING_KEY_PREVIOUS")?
    } else if !auth.jwt_secret_previous.expose_secret().is_empty() {
        TokenKey::secret(&auth.jwt_secret_previous).context("FF_AUTH_JWT_SECRET_PREVIOUS")?
    } else if with_private_key {
        // Whoever goes over from the secret to a private key stays signed in.
        secret()?
    } else {
        return Ok(keys);
    };
    keys.and_previous(previous).context("the previous key of sessions")
}

/// Cancelled when the process is asked to stop.
pub fn shutdown() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        asked_to_end().await.expect("SIGTERM and SIGINT can be listened to");
        cancelled.cancel();
    });
    token
}
