//! `ff control`, `ff projector` and `ff edge`: one process each.

use std::{future::Future, process::ExitCode, time::Duration};

use anyhow::Context as _;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use ff_control::{Control, ControlOptions};
use ff_edge::{Edge, EdgeOptions};
use ff_eventlog::{EventLog as _, JetStreamLog};
use ff_projections::{
    Projector, ProjectorOptions,
    audit::{self, Signer},
    edge_config::{Publisher, PublisherOptions},
};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    connect,
    settings::{Noted, Settings},
    telemetry,
};

/// How often the head of the audit log is signed, if it has moved.
const SIGN_EVERY: Duration = Duration::from_secs(60);

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
        connect::log_options(&settings.nats)?,
        connect::database_options(&settings.database)?,
        settings.auth.jwt_secret.clone(),
    );
    options.metrics = Some(telemetry::metrics()?);
    Ok(Control::run(options, shutdown).await?)
}

/// An edge.
pub async fn edge(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    anyhow::ensure!(
        !settings.nats.url.is_empty(),
        "FF_NATS_URL: name the NATS server that has the config"
    );
    let options = EdgeOptions::new(settings.edge.listen, &settings.nats.url, &settings.edge.data);
    Ok(Edge::run(options, shutdown.cancelled()).await?)
}

/// Every projection: the ones in PostgreSQL, and the edge config.
pub async fn projector(settings: Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let metrics = telemetry::metrics()?;
    let listener = tokio::net::TcpListener::bind(settings.projector.listen).await?;
    let log = connect::log(&settings.nats).await?;
    let pool = connect::database_lazily(&settings.database)?;
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
    let stop = shutdown.clone();
    let health = async {
        Ok(axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await?)
    };
    let projections = async {
        Projector::run(log, pool, options, shutdown.clone()).await;
        anyhow::Ok(())
    };
    let edge_config = async { anyhow::Ok(publisher.run(shutdown.cancelled()).await?) };
    tokio::try_join!(health, projections, edge_config)?;
    Ok(())
}

/// Whether the projector can work: it needs the log to read and the database to write.
async fn ready(State((log, pool)): State<(JetStreamLog, PgPool)>) -> (StatusCode, String) {
    let (head, database) = tokio::join!(log.head(), sqlx::query("SELECT 1").execute(&pool));
    let missing = [
        head.err().map(|error| format!("the event log: {error}")),
        database.err().map(|error| format!("PostgreSQL: {error}")),
    ];
    match missing.into_iter().flatten().reduce(|all, one| format!("{all}; {one}")) {
        None => (StatusCode::OK, "ok".to_owned()),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, missing),
    }
}
