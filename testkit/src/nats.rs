//! nats-server: one per test, in which the platform's streams can have their real names.
//!
//! Starting one takes a few hundredths of a second, which is less than sharing one would cost in
//! accounts and logins.

use ff_stack::{
    StackError,
    nats::{Nats, NatsOptions, Sync},
    ports,
};

use crate::{must, scratch};

/// How often another port is tried when the first was taken in between.
const ATTEMPTS: usize = 5;

/// A server of this test's own, empty.
///
/// # Panics
/// When it cannot be started.
pub async fn server() -> TestNats {
    let server = must(start(Sync::Interval).await, "start nats");
    TestNats { url: server.url(), _server: server }
}

/// A server of a test's own. It is killed when this is dropped: keep it as long as the test runs.
#[derive(Debug)]
#[must_use = "the server is killed when this is dropped"]
pub struct TestNats {
    /// Its address.
    pub url: String,
    _server: Nats,
}

/// A server of this test's own, to be stopped and killed.
///
/// # Panics
/// When it cannot be started.
pub async fn dedicated(options: DedicatedOptions) -> DedicatedNats {
    let server = must(start(options.sync).await, "start nats");
    DedicatedNats { url: server.url(), server }
}

/// What a dedicated server is like.
#[derive(Debug, Clone, Copy)]
pub struct DedicatedOptions {
    /// When a message is on disk; not before it is acknowledged by default, for speed. It makes no
    /// difference to what survives a kill: only the end of the machine loses what was not synced.
    pub sync: Sync,
}

impl Default for DedicatedOptions {
    fn default() -> Self {
        Self { sync: Sync::Interval }
    }
}

/// A server of a test's own. It is killed when this is dropped.
#[derive(Debug)]
pub struct DedicatedNats {
    /// Its address, the same after a restart.
    pub url: String,
    server: Nats,
}

impl DedicatedNats {
    /// A client connected to it.
    ///
    /// # Panics
    /// When it cannot connect.
    pub async fn client(&self) -> async_nats::Client {
        must(async_nats::connect(&self.url).await, "connect to nats")
    }

    /// Stops it cleanly.
    pub async fn stop(&mut self) {
        self.server.server().stop().await;
    }

    /// Kills it, as a crash would.
    pub async fn kill(&mut self) {
        self.server.server().kill().await;
    }

    /// Starts it again, on the same port and the same streams.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn start(&mut self) {
        must(self.server.server().restart().await, "restart nats");
    }
}

impl TestNats {
    /// A client connected to it.
    ///
    /// # Panics
    /// When it cannot connect.
    pub async fn client(&self) -> async_nats::Client {
        must(async_nats::connect(&self.url).await, "connect to nats")
    }
}

async fn start(sync: Sync) -> Result<Nats, StackError> {
    let directory = scratch::directory("nats");
    let mut failed = 0;
    loop {
        let log = directory.with_extension("log");
        let mut options = NatsOptions::new(ports::free_port(), &directory, log);
        options.sync = sync;
        match options.start().await {
            Err(StackError::EndedEarly { .. }) if failed < ATTEMPTS => failed += 1,
            result => return result,
        }
    }
}
