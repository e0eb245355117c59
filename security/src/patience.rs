//! Waiting for what will pass: longer each time, and one line in the log when it begins and when it ends.

use std::error::Error;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The longest pause: who comes back is noticed within it.
const LONGEST: Duration = Duration::from_secs(1);

/// The error below ours, of a client or a server.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// The waiting for one thing that fails at the moment, or not.
#[derive(Debug)]
pub(crate) struct Patience {
    what: &'static str,
    failures: u32,
    since: Instant,
}

impl Patience {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, failures: 0, since: Instant::now() }
    }

    /// Notes a failure, logs the first one, and pauses.
    pub(crate) async fn wait(&mut self, error: &(dyn Error + Send + Sync + 'static)) {
        if self.failures == 0 {
            self.since = Instant::now();
            let error: &(dyn Error + 'static) = error;
            tracing::warn!(error, "{} is interrupted, trying again until it works", self.what);
        }
        self.failures = self.failures.saturating_add(1);
        sleep(LONGEST.min(Duration::from_millis(25) * 2_u32.pow(self.failures.min(6)))).await;
    }

    /// Notes that it works.
    pub(crate) fn works(&mut self) {
        if self.failures > 0 {
            let waited_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(waited_ms, tries = self.failures, "{} goes on", self.what);
            self.failures = 0;
        }
    }
}
