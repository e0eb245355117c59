//! The servers of the stack, as real processes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chdb;
mod nats;
mod postgres;
mod redis;
mod stack;
mod supervisor;

use std::time::Duration;

/// A bound on what happens soon; nothing here waits that long when all is well.
const SOON: Duration = Duration::from_secs(60);

/// Whether a process runs. A dead one that its parent has not looked at does not.
fn alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Asks until the answer is yes.
async fn eventually(mut ask: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, waiting).await.expect("it should have happened by now");
}
