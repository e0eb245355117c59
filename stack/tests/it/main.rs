//! The servers of the stack, as real processes.

mod chdb;
mod nats;
mod postgres;
mod stack;
mod supervisor;

use std::time::Duration;

/// A bound on what happens soon; nothing here waits that long when all is well.
const SOON: Duration = Duration::from_secs(60);

/// Asks until the answer is yes.
async fn eventually(mut ask: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, waiting).await.expect("it should have happened by now");
}
