//! Who belongs where, for commands of the operator: read from the log, as the services do.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use ff_control::Rights;
use ff_eventlog::JetStreamLog;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long the log may take to say all that it knows.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who belongs where now. What is committed later is heard of until the guard is dropped.
pub async fn read(log: JetStreamLog) -> anyhow::Result<(Arc<Rights>, DropGuard)> {
    let rights = Arc::new(Rights::default());
    let reading = CancellationToken::new();
    tokio::spawn(rights.clone().follow(log, reading.clone()));
    let reading = reading.drop_guard();
    ensure!(
        rights.ready(PATIENCE).await.is_ok(),
        "who belongs where cannot be read from the log: see whether NATS answers"
    );
    Ok((rights, reading))
}
