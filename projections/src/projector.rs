//! The service that keeps all Postgres projections going.

use ff_eventlog::EventLog;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    ProjectionName,
    archive::Archive,
    audit::{Audit, Signer},
    catalog::Catalog,
    runner,
};

/// What a projector does.
#[derive(Debug, Clone)]
pub struct ProjectorOptions {
    /// The projections it keeps going.
    pub projections: Vec<ProjectionName>,
    /// Signs the head of the audit log; nobody does if absent.
    pub signer: Option<Signer>,
}

impl Default for ProjectorOptions {
    fn default() -> Self {
        Self { projections: ProjectionName::ALL.to_vec(), signer: None }
    }
}

/// Keeps projections going, one task for each.
#[derive(Debug)]
pub struct Projector;

impl Projector {
    /// Runs until `shutdown`. Postgres and the log may come and go meanwhile; several of these may run at once, one of
    /// them works on each projection and the others stand by. Stopping in the middle of a batch is harmless.
    pub async fn run<L: EventLog>(
        log: L,
        pool: PgPool,
        options: ProjectorOptions,
        shutdown: CancellationToken,
    ) {
        let mut tasks = JoinSet::new();
        for name in options.projections {
            let (log, pool) = (log.clone(), pool.clone());
            match name {
                ProjectionName::Catalog => tasks.spawn(runner::run::<L, Catalog>(log, pool)),
                ProjectionName::Audit => tasks.spawn(runner::run::<L, Audit>(log, pool)),
                ProjectionName::Archive => tasks.spawn(runner::run::<L, Archive>(log, pool)),
            };
        }
        if let Some(signer) = options.signer {
            tasks.spawn(signer.run(pool));
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            // They never end by themselves.
            Some(Err(error)) = tasks.join_next() => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
        tasks.shutdown().await;
    }
}
