//! The supervising process: servers, schema, demo data, services, in this order, and then waiting.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use ff_stack::{
    ClickHouseSource, DatabaseOptions, NatsSource, PostgresSource, ProcessSpec, Readiness,
    RedisSource, RunningStack, Stack, StackOptions, supervisor::asked_to_end, write_private,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    local, migrate, seed,
    settings::{Noted, Settings},
    telemetry,
};

/// Runs until it is told to stop.
pub(super) async fn run() -> anyhow::Result<ExitCode> {
    // What an earlier start noted is not a wish of anybody: the ports may be others today.
    let mut settings = Settings::load(Noted::Ignore)?;
    telemetry::log(&settings.log)?;
    let folder = Path::new(local::FOLDER);
    let secrets = local::Secrets::load_or_make(folder).context("cannot keep secrets in .local")?;
    let stack = Stack::new(folder, options(&settings)).start().await?;
    settle(&mut settings, &stack, &secrets);
    let outcome = serve(&settings, &stack).await;
    let _ = fs::remove_file(super::READY);
    stack.stop().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn serve(settings: &Settings, stack: &RunningStack) -> anyhow::Result<()> {
    write_private(Path::new(local::NOTED_SETTINGS), &noted(settings))
        .context(local::NOTED_SETTINGS)?;
    migrate::up(settings).await?;
    let demo = seed::seed(settings).await?;
    for (name, listen) in [
        ("projector", settings.projector.listen),
        ("control", settings.control.listen),
        ("edge", settings.edge.listen),
        ("ingest", settings.ingest.listen),
        ("writer", settings.writer.listen),
        ("analytics", settings.analytics.listen),
    ] {
        // Over TLS it is asked whether they listen: who may connect, and with which certificate, is for others to say.
        let ready = if has_tls(settings) {
            Readiness::Tcp(reachable(listen))
        } else {
            Readiness::Http(reachable(listen), "/readyz".to_owned())
        };
        let log = Path::new(local::FOLDER).join(format!("log/{name}.log"));
        let program = std::env::current_exe()?;
        stack
            .supervisor()
            .spawn(ProcessSpec::new(name, program, log).args([name]).readiness(ready))
            .await?;
    }
    write_private(Path::new(local::ENVIRONMENT), &environment(settings, &demo))
        .context(local::ENVIRONMENT)?;
    write_private(Path::new(super::READY), &announcement(settings, &demo)).context(super::READY)?;
    tracing::info!("the platform is ready");
    asked_to_end().await?;
    tracing::info!("stopping");
    Ok(())
}

fn options(settings: &Settings) -> StackOptions {
    let database = &settings.database;
    let password = database.password.expose_secret().to_owned();
    StackOptions {
        nats: match settings.nats.url.expose_secret() {
            "" => NatsSource::Managed { port: settings.stack.nats_port },
            url => NatsSource::External { url: url.to_owned() },
        },
        postgres: match database.host.as_str() {
            "" => PostgresSource::Managed {
                port: settings.stack.postgres_port,
                name: database.name.clone(),
                user: database.user.clone(),
                password: Some(password).filter(|password| !password.is_empty()),
            },
            host => PostgresSource::External(DatabaseOptions {
                host: host.to_owned(),
                port: database.port,
                name: database.name.clone(),
                user: database.user.clone(),
                password,
            }),
        },
        clickhouse: match settings.clickhouse.url.as_str() {
            "" => ClickHouseSource::Managed { port: settings.stack.clickhouse_port, program: None },
            url => ClickHouseSource::External { url: url.to_owned() },
        },
        redis: match (settings.redis.host.as_str(), settings.stack.redis) {
            ("", false) => RedisSource::Absent,
            ("", true) => RedisSource::Managed { port: settings.stack.redis_port },
            (host, _) => RedisSource::External { host: host.to_owned(), port: settings.redis.port },
        },
    }
}

/// Puts what was started into the settings, as if someone had configured it.
fn settle(settings: &mut Settings, stack: &RunningStack, secrets: &local::Secrets) {
    settings.nats.url = stack.nats_url.clone().into();
    settings.clickhouse.url = stack.clickhouse_url.clone();
    settings.database.host = stack.database.host.clone();
    settings.database.port = stack.database.port;
    settings.database.password = stack.database.password.clone().into();
    if settings.auth.jwt_secret.expose_secret().is_empty() {
        settings.auth.jwt_secret = secrets.jwt_secret.clone().into();
    }
    if settings.auth.sealing_secret.expose_secret().is_empty() {
        settings.auth.sealing_secret = secrets.sealing_secret.clone().into();
    }
    if let Some((host, port)) = &stack.redis {
        settings.redis.host = host.clone();
        settings.redis.port = *port;
    }
    if settings.demo.password.expose_secret().is_empty() {
        settings.demo.password = secrets.demo_password.clone().into();
    }
    if settings.ingest.hash_secret.expose_secret().is_empty() {
        settings.ingest.hash_secret = secrets.hash_secret.clone().into();
    }
}

/// What other `ff` commands of this folder need to know, as a configuration file.
fn noted(settings: &Settings) -> String {
    let text = |value: &str| toml::Value::from(value).to_string();
    let secret = |value: &SecretString| text(value.expose_secret());
    let path = |path: &Path| text(&path.to_string_lossy());
    let database = &settings.database;
    format!(
        "# Written by `ff up`. Settings in ff.toml and FF_ variables go over it.\n\
         [database]\nhost = {}\nport = {}\nname = {}\nuser = {}\npassword = {}\ntls = {}\n\n\
         [nats]\nurl = {}\ncredentials = {}\n\n[clickhouse]\nurl = {}\n\n[auth]\njwt_secret = {}\n\
         sealing_secret = {}\n\n[redis]\nhost = {}\nport = {}\ntls = {}\n\n\
         [backends]\nauthorities = {}\ncertificate = {}\nkey = {}\n\n\
         [ingest]\nhash_secret = {}\n\n[demo]\npassword = {}\n",
        text(&database.host),
        database.port,
        text(&database.name),
        text(&database.user),
        secret(&database.password),
        database.tls,
        secret(&settings.nats.url),
        path(&settings.nats.credentials),
        text(&settings.clickhouse.url),
        secret(&settings.auth.jwt_secret),
        secret(&settings.auth.sealing_secret),
        text(&settings.redis.host),
        settings.redis.port,
        settings.redis.tls,
        path(&settings.backends.authorities),
        path(&settings.backends.certificate),
        path(&settings.backends.key),
        secret(&settings.ingest.hash_secret),
        secret(&settings.demo.password),
    )
}

fn environment(settings: &Settings, demo: &seed::Demo) -> String {
    format!(
        "FF_CONTROL_URL={}\nFF_EDGE_URL={}\nFF_INGEST_URL={}\nFF_ANALYTICS_URL={}\nFF_DEMO_EMAIL='{}'\nFF_DEMO_PASSWORD='{}'\n\
         FF_DEMO_SERVER_KEY={}\nFF_DEMO_CLIENT_KEY={}\nFF_DEMO_API_TOKEN={}\n",
        url(settings, settings.control.listen),
        url(settings, settings.edge.listen),
        url(settings, settings.ingest.listen),
        url(settings, settings.analytics.listen),
        settings.demo.email,
        settings.demo.password.expose_secret(),
        demo.server_key,
        demo.client_key,
        demo.api_token,
    )
}

fn announcement(settings: &Settings, demo: &seed::Demo) -> String {
    format!(
        "The platform is ready.\n\n  \
         control plane   {control}   (API documents: {control}/api/docs)\n  \
         edge            {}\n  \
         ingest          {}\n  \
         analytics       {}\n\n  \
         demo login      {}  {}\n  \
         server key      {}\n  \
         client key      {}\n  \
         API token       {}\n\n\
         The same stands in {}, for scripts: set -a; . {}; set +a",
        url(settings, settings.edge.listen),
        url(settings, settings.ingest.listen),
        url(settings, settings.analytics.listen),
        settings.demo.email,
        settings.demo.password.expose_secret(),
        demo.server_key,
        demo.client_key,
        demo.api_token,
        local::ENVIRONMENT,
        local::ENVIRONMENT,
        control = url(settings, settings.control.listen),
    )
}

/// An address to reach a listener by: one that listens everywhere is reached at home.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip =
        if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    SocketAddr::new(ip, listen.port())
}

fn url(settings: &Settings, listen: SocketAddr) -> String {
    let scheme = if has_tls(settings) { "https" } else { "http" };
    let address = reachable(listen);
    if address.ip().is_loopback() {
        format!("{scheme}://localhost:{}", address.port())
    } else {
        format!("{scheme}://{address}")
    }
}

fn has_tls(settings: &Settings) -> bool {
    !settings.tls.certificate.as_os_str().is_empty()
}
