//! `ff control`, `ff projector`, `ff edge`, `ff ingest`, `ff writer` and `ff analytics`: one process each.

use std::{
    future::Future,
    num::{NonZeroU32, NonZeroUsize},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use ff_analytics::{Analytics, AnalyticsOptions};
use ff_auth::{Cost, PasswordService, TokenService};
use ff_control::{Control, ControlOptions, Doorkeeper, DoorkeeperParts, Rights};
use ff_edge::{Edge, EdgeOptions};
use ff_eventlog::{EventLog as _, JetStreamLog};
use ff_front::ConnectionLimits;
use ff_identity::{People, PeopleOptions, Revocations, revocations::follow};
use ff_ingest::{
    EventQuota, HashSecret, Ingest, IngestOptions,
    writer::{Writer, WriterOptions, replay_parked as replay},
};
use ff_projections::{
    Projector, ProjectorOptions,
    audit::{self, Signer},
    edge_config::{Publisher, PublisherOptions},
};
use ff_security::{Service, StreamOptions};
use jiff::SignedDuration;
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    analysis::Platform,
    connect, front, health, providers, say,
    settings::{Noted, Settings},
    telemetry,
};

/// How often the head of the audit log is signed, if it has moved.
const SIGN_EVERY: Duration = Duration::from_secs(60);

/// How many seconds of its quota a key or an organization may send at once.
const BURST: u32 = 5;
/// The shortest secret that private attributes may be hashed with, in bytes.
const HASH_SECRET_MIN: usize = 32;

/// Runs a service until the process is asked to stop.
pub fn run<F>(service: impl FnOnce(Settings, CancellationToken) -> F) -> anyhow::Result<ExitCode>
where
    F: Future<Output = anyhow::Result<()>>,
{
    connect::block_on(async {
        let settings = Settings::load(Noted::Use)?;
        telemetry::log(&settings.log)?;
        service(settings, connect::shutdown()).await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The control plane.
pub async fn control(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let mut options = ControlOptions::new(
        settings.control.listen,
        connect::log_options(&settings)?,
        connect::database_options(&settings)?,
        settings.auth.jwt_secret.clone(),
    );
    options.token_keys = Some(connect::token_keys(&settings.auth)?);
    options.metrics = Some(telemetry::metrics()?);
    options.tls = front::tls(&settings.tls)?;
    options.serve = front::serve(&settings.http)?;
    options.cors = front::exact_origins(&settings.control.cors_origins, "FF_CONTROL_CORS_ORIGINS")?;
    options.public_url = front::public_url(&settings)?;
    options.quotas = front::quotas(&settings.limits);
    options.limits = front::limits(&settings).await?;
    options.mailer = front::mailer(&settings)?;
    options.providers = front::providers(&settings.auth);
    let sealing = providers::sealing_secrets(&settings.auth);
    options.sealing_secret = sealing.now;
    options.sealing_secret_previous = sealing.before;
    options.recorder = front::recorder(&settings).await?;
    Ok(Control::run(options, shutdown).await?)
}

/// An edge.
pub async fn edge(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let nats = connect::nats(&settings)?;
    let mut options = EdgeOptions::new(settings.edge.listen, nats, &settings.edge.data);
    options.tls = front::tls(&settings.tls)?;
    options.proxies = front::proxies(&settings.http)?;
    options.connections = front::connections(&settings.http, options.connections);
    options.address_quota = NonZeroU32::new(settings.edge.address_rate).map(front::burst);
    options.key_quota = NonZeroU32::new(settings.edge.key_rate).map(front::burst);
    options.cors = front::any_origins(&settings.edge.cors_origins, "FF_EDGE_CORS_ORIGINS")?;
    options.recorder = front::recorder(&settings).await?;
    Ok(Edge::run(options, shutdown.cancelled()).await?)
}

/// The ingestor.
pub async fn ingest(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let quota = |rate: NonZeroU32| EventQuota::new(rate.get(), rate.get().saturating_mul(BURST));
    let mut options = IngestOptions::new(settings.ingest.listen, connect::nats(&settings)?);
    options.streams.replicas = settings.nats.replicas;
    options.streams.max_bytes = settings.ingest.stream_bytes;
    options.key_quota = quota(settings.ingest.key_rate);
    options.organization_quota = quota(settings.ingest.organization_rate);
    options.address_quota = NonZeroU32::new(settings.ingest.address_rate).map(quota);
    options.connections = front::connections(&settings.http, options.connections);
    options.tls = front::tls(&settings.tls)?;
    options.cors = front::any_origins(&settings.ingest.cors_origins, "FF_INGEST_CORS_ORIGINS")?;
    options.proxies = front::proxies(&settings.http)?;
    options.recorder = front::recorder(&settings).await?;
    options.redis = connect::redis(&settings, &settings.auth.jwt_secret)?;
    let secret = &settings.ingest.hash_secret;
    if !secret.expose_secret().is_empty() {
        anyhow::ensure!(
            secret.expose_secret().len() >= HASH_SECRET_MIN,
            "FF_INGEST_HASH_SECRET: at least {HASH_SECRET_MIN} bytes, such as of `openssl rand -base64 48`"
        );
        options.hash_secret =
            Some(HashSecret { epoch: settings.ingest.hash_epoch, secret: secret.clone() });
    }
    Ok(Ingest::run(options, shutdown.cancelled()).await?)
}

/// The writer of telemetry into ClickHouse, with its health and metrics.
pub async fn writer(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let metrics = telemetry::metrics()?;
    let client = connect::clickhouse(&settings)?;
    let options = writer_options(&settings)?;
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(writable))
        .with_state(client)
        .route("/metrics", get(move || async move { metrics.render() }));
    let listen = settings.writer.listen;
    let health = health::serve(&settings, listen, router, shutdown.clone()).await?;
    let writing = async { anyhow::Ok(Writer::new(options).run(shutdown).await?) };
    tokio::try_join!(health, writing)?;
    Ok(())
}

fn writer_options(settings: &Settings) -> anyhow::Result<WriterOptions> {
    Ok(WriterOptions {
        clickhouse: connect::clickhouse(settings)?,
        replicas: settings.nats.replicas,
        ..WriterOptions::new(connect::nats(settings)?, &settings.clickhouse.url)
    })
}

/// Publishes parked telemetry again.
pub async fn replay_parked() -> anyhow::Result<ExitCode> {
    let settings = Settings::load(Noted::Use)?;
    telemetry::log_as_tool(&settings.log)?;
    let count = replay(&writer_options(&settings)?).await?;
    say!("published {count} parked messages again");
    Ok(ExitCode::SUCCESS)
}

/// Whether the writer can write.
async fn writable(State(client): State<clickhouse::Client>) -> (StatusCode, String) {
    match client.query("SELECT count() FROM telemetry_progress").fetch_one::<u64>().await {
        Ok(_) => (StatusCode::OK, "ok".to_owned()),
        Err(error) => {
            let error = anyhow::Error::new(error);
            (StatusCode::SERVICE_UNAVAILABLE, format!("ClickHouse: {error:#}"))
        }
    }
}

/// The analytics engine.
pub async fn analytics(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let metrics = telemetry::metrics()?;
    let options = AnalyticsOptions {
        listen: settings.analytics.listen,
        clickhouse: connect::clickhouse(&settings)?,
        render: Arc::new(move || metrics.render()),
        tls: front::tls(&settings.tls)?,
        cors: front::exact_origins(&settings.analytics.cors_origins, "FF_ANALYTICS_CORS_ORIGINS")?,
        proxies: front::proxies(&settings.http)?,
        connections: front::connections(&settings.http, ConnectionLimits::default()),
        limits: front::limits(&settings).await?,
    };
    let log = connect::log(&settings).await?;
    let pool = connect::database_lazily(&settings)?;
    let (rights, revocations) = (Arc::new(Rights::default()), Revocations::default());
    let doorkeeper = Doorkeeper::new(DoorkeeperParts {
        rights: rights.clone(),
        tokens: Arc::new(TokenService::new(connect::token_keys(&settings.auth)?)),
        revocations: revocations.clone(),
        csrf: None,
        recorder: front::recorder(&settings).await?,
        service: Service::Analytics,
    });
    let passwords = PasswordService::new(Cost::DEFAULT, NonZeroUsize::MIN);
    let people = People::new(pool.clone(), passwords, PeopleOptions::default());
    tokio::spawn(follow(people, revocations, shutdown.clone()));
    let host = Platform::new(log.clone(), pool, doorkeeper);
    let following = async { anyhow::Ok(rights.follow(log, shutdown.clone()).await?) };
    let serving = async { anyhow::Ok(Analytics::run(options, host, shutdown.clone()).await?) };
    tokio::try_join!(following, serving)?;
    Ok(())
}

/// Every projection: the ones in PostgreSQL, and the edge config.
pub async fn projector(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let metrics = telemetry::metrics()?;
    let log = connect::log(&settings).await?;
    let pool = connect::database_lazily(&settings)?;
    let security_pool = pool.clone();
    let key = audit::load_or_create_key(&settings.projector.signing_key)
        .context("FF_PROJECTOR_SIGNING_KEY")?;
    let options = ProjectorOptions {
        signer: Some(Signer { key, every: SIGN_EVERY }),
        ..ProjectorOptions::default()
    };
    let publisher_options =
        PublisherOptions { replicas: settings.nats.replicas, ..PublisherOptions::default() };
    let publisher = Publisher::new(log.clone(), log.client(), publisher_options);
    let router = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .with_state((log.clone(), pool.clone()))
        .route("/metrics", get(move || async move { metrics.render() }));
    let listen = settings.projector.listen;
    let health = health::serve(&settings, listen, router, shutdown.clone()).await?;
    let projections = async {
        Projector::run(log, pool, options, shutdown.clone()).await;
        anyhow::Ok(())
    };
    let edge_config = async { anyhow::Ok(publisher.run(shutdown.cancelled()).await?) };
    let stream = StreamOptions { replicas: settings.nats.replicas, ..StreamOptions::default() };
    let retention = SignedDuration::from_hours(24 * i64::from(settings.security.days));
    let security_log = ff_security::Writer::new(
        ff_security::connect(connect::nats(&settings)?).await.context("FF_NATS_URL")?,
        security_pool,
        ff_security::WriterOptions { stream, retention },
    );
    let security_log = async {
        security_log.run(shutdown.clone()).await;
        anyhow::Ok(())
    };
    tokio::try_join!(health, projections, edge_config, security_log)?;
    Ok(())
}

/// Whether the projector can work: it needs the log to read and the database to write.
async fn ready(State((log, pool)): State<(JetStreamLog, PgPool)>) -> (StatusCode, String) {
    let (head, database) = tokio::join!(log.head(), sqlx::query("SELECT 1").execute(&pool));
    let missing = [
        head.err().map(|error| format!("the event log: {:#}", anyhow::Error::new(error))),
        database.err().map(|error| format!("PostgreSQL: {:#}", anyhow::Error::new(error))),
    ];
    match missing.into_iter().flatten().reduce(|all, one| format!("{all}; {one}")) {
        None => (StatusCode::OK, "ok".to_owned()),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, missing),
    }
}
